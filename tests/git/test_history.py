"""Which projects count their version by tags."""

import pytest

from envsync.git.history import asks_history

BUILD = '[build-system]\nrequires = ["{}"]\n'


@pytest.mark.parametrize(
    ("pyproject", "setup_py", "asks"),
    [
        (None, None, False),
        (BUILD.format("setuptools-scm>=8"), None, True),
        (BUILD.format("hatch-vcs"), None, True),
        (BUILD.format("flit_scm"), None, True),
        (BUILD.format("poetry-dynamic-versioning"), None, True),
        (BUILD.format("pdm-backend") + '[tool.pdm.version]\nsource = "scm"\n', None, True),
        (BUILD.format("hatchling"), None, False),
        (BUILD.format("setuptools-scm") + '[project]\nname = "x"\nversion = "1"\n', None, False),
        (BUILD.format("x") + '[project.urls]\na = "https://git.example/a.git"\n', None, False),
        (BUILD.format("x") + '[project]\ndependencies = ["a @ git+https://g.example/a"]\n',
         None, False),
        (BUILD.format("x") + "# setuptools-scm would be another way\n", None, False),
        ("[broken", "setup()", False),
        (None, "setup(setup_requires=['pbr'], pbr=True)", True),
        (None, "import versioneer\nsetup(version=versioneer.get_version())", True),
        (None, "subprocess.run(['git', 'describe', '--tags'])", True),
        (None, "setup(version='1', url='https://github.example/x', author='Digit')", False),
    ],
)  # fmt: skip
def test_history_is_asked_for_where_the_files_speak_of_it(
    pyproject: str | None, setup_py: str | None, asks: bool
) -> None:
    texts = (None if text is None else text.encode() for text in (pyproject, setup_py))
    assert asks_history(*texts) is asks
