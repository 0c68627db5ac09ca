"""Files that are made to take long are read in a moment, or refused."""

import pytest

from envsync.adopt.draft import TooMuch
from envsync.errors import SpecInvalid
from tests.adopt.support import draft_of, env_of, missing

LONG = 1_000_000
DOUBLING = "".join(f"a{at + 1} = [*a{at}, *a{at}]\n" for at in range(45))


@pytest.mark.parametrize(
    "files",
    [
        {"requirements.txt": "a" + " " * LONG + "\n"},
        {"requirements.txt": "a==1" + " " * LONG + "x\n"},
        {"requirements.txt": "./" + "[" * LONG + "\n"},
        {"requirements.txt": "-e ./" + "[" * LONG + "\n"},
        {"setup.cfg": "[options]\nx = 1\n  a" + " " * LONG + "\n"},
        {"setup.cfg": "[options.extras_require]\n" + "".join(f"e{at} = p\n" for at in range(2000))},
        {"setup.py": f"a0 = []\n{DOUBLING}setup(install_requires=a45)\n"},
        {"setup.py": f"a0 = ['x']\n{DOUBLING}setup(install_requires=a45)\n"},
        {"Pipfile": '[packages]\na = { os_name = "' + " " * LONG + "'\" }\n"},
        {"environment.yml": "dependencies:\n- 'numpy" + " " * 200_000 + "x'\n"},
        {"pyproject.toml": "[tool.poetry.dependencies]\na = '" + " " * LONG + "1'\n"},
        {"pyproject.toml": "[tool.pdm.scripts]\na = '" + "{" * LONG + "'\n"},
    ],
    ids=range(12),
)
def test_long_values(files: dict[str, str]) -> None:
    draft = draft_of(files)
    env_of(draft)
    assert len(missing(draft)) <= 1


@pytest.mark.parametrize(
    "files",
    [
        {"requirements.txt": "".join(f"p{at}\n" for at in range(10_001))},
        {"requirements.txt": "".join(f"p{at}=1\n" for at in range(12_000))},
        {f"r{at}.txt": f"-r r{at + 1}.txt\n" for at in range(300)},
        {"setup.py": "x = " + "[" * 5000},
        {"setup.py": "setup(install_requires=" + "+".join(["[]"] * 20_000) + ")"},
    ],
)
def test_more_than_any_project_has_is_refused(files: dict[str, str]) -> None:
    with pytest.raises((TooMuch, SpecInvalid)):
        draft_of(files)


def test_many_indexes_are_not_all_taken() -> None:
    text = "".join(f"--extra-index-url https://h{at}.example/\n" for at in range(250))
    draft = draft_of({"requirements.txt": text})
    assert len(draft.indexes) == 200
    assert len(missing(draft)) == 50
