"""Requirements files as pip reads them, into an env.toml."""

import pytest

from envsync.errors import SpecInvalid
from tests.adopt.support import PUBLIC, adopted, dependencies, draft_of, env_of, missing

FILE = "requirements.txt"
SHA = "0" * 64


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("flask\n", ["flask"]),
        ("flask>=3 # the web part\n\n# no more\n", ["flask>=3"]),
        ("flask>=3,\\\n  <4\n", ["flask>=3,  <4"]),
        ("flask \\\n# why\n", ["flask"]),
        ("Flask[async]>=3; os_name == 'nt'\n", ["Flask[async]>=3; os_name == 'nt'"]),
        (f"a==1 --hash=sha256:{SHA}\n", ["a==1"]),
        (f"a==1 \\\n    --hash=sha256:{SHA} \\\n    --hash=sha256:{SHA}\nb==2\n", ["a==1", "b==2"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("a\nA\na\n", ["a", "A"]),
        ("w @ https://files.example/w-1-py3-none-any.whl", ["w @ https://files.example/w-1-py3-none-any.whl"]),
        ("x#y\n", None),
        ("\ufeffa\n", ["a"]),
        ("# -*- coding: latin-1 -*-\na # \xe9\n", ["a"]),
    ],
)  # fmt: skip
def test_requirements_are_read_as_pip_reads_them(text: str, listed: list[str] | None) -> None:
    encoding = "latin-1" if "latin" in text else "utf-8"
    if listed is None:
        assert len(missing(draft_of({FILE: text}))) == 1
    else:
        assert dependencies({FILE: text.encode(encoding)}) == listed


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_the_encoding(encoding: str) -> None:
    assert dependencies({FILE: "flask>=3\nrich\n".encode(encoding)}) == ["flask>=3", "rich"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"a\nb\xff\n", "line 2: the text is not UTF-8"),
        (b"# coding: klingon\na\n", "line 1: there is no encoding 'klingon'"),
        (b"# coding: hex\na\n", "line 1: 'hex' is no encoding of text"),
        (b"\xff\xfea", "line 1: the text is not UTF-16-LE"),
    ],
)
def test_bytes_that_are_no_text_are_an_error_with_the_line(data: bytes, says: str) -> None:
    with pytest.raises(SpecInvalid) as error:
        draft_of({FILE: data})
    assert says in str(error.value)


def test_included_files_are_relative_to_their_own_folder_and_read_once() -> None:
    files = {
        FILE: "-r requirements/base.txt\n--requirement=requirements/web.txt\n-c constraints.txt\n",
        "requirements/base.txt": "a\n",
        "requirements/web.txt": "-rbase.txt\nb\n",
        "constraints.txt": "-r more-constraints.txt\nz<3\n",
        "more-constraints.txt": "y<2\n",
    }
    found = adopted(files)
    assert found["env"]["dependencies"] == ["a", "b"]
    assert found["lock"]["constraints"] == ["y<2", "z<3"]


def test_a_file_that_includes_itself_is_named_with_its_line() -> None:
    files = {FILE: "a\n-r other.txt\n", "other.txt": "b\n\n-r requirements.txt\n"}
    with pytest.raises(SpecInvalid) as error:
        draft_of(files)
    assert "other.txt: line 3: the file includes itself" in str(error.value)
    assert error.value.hint == "take line 3 out of other.txt"


def test_a_file_that_is_not_there_is_named_with_the_line_that_wants_it() -> None:
    with pytest.raises(SpecInvalid) as error:
        draft_of({FILE: "a\n-r gone.txt\n"})
    assert "requirements.txt: line 2: gone.txt" in str(error.value)


def test_groups_by_name_leave_out_what_the_project_has_anyway() -> None:
    files = {FILE: "a\n", "requirements-dev.txt": "-r requirements.txt\npytest\n"}
    found = adopted(files, FILE, "requirements-dev.txt")
    assert found["dependency-groups"] == {"dev": ["pytest"]}


def test_sources_get_a_name_and_their_extras_and_markers() -> None:
    text = """\
-e .
-e ./lib[fast]
-e git+https://git.example/r.git@v1#egg=rrr&subdirectory=py
git+ssh://git@git.example/s.git@0123456789012345678901234567890123456789#egg=sss
t @ git+https://git.example/t.git
https://files.example/uuu-1.0-py3-none-any.whl
./vendor/vvv-2.0.tar.gz ; python_version < '3.14'
file:./vendor/www-1.0-py3-none-any.whl
-e git+git@git.example:group/xxx.git#egg=xxx
--editable=git+https://git.example/yyy.git#egg=yyy ; python_version > '3'
./libz;os_name=='nt'
"""
    found = adopted(
        {
            FILE: text,
            "pyproject.toml": '[project]\nname = "Shop"\n',
            "lib/setup.cfg": "[metadata]\nname = Lib\n",
            "libz/setup.py": "setup(name='zzz')\n",
        }
    )
    assert found["env"]["dependencies"] == [
        *("shop", "lib[fast]", "rrr", "sss", "t", "uuu"),
        *("vvv; python_version < '3.14'", "www", "xxx", "yyy; python_version > '3'"),
        "zzz; os_name=='nt'",
    ]
    assert found["sources"] == {
        "lib": {"path": "lib", "editable": True},
        "rrr": {"git": "https://git.example/r.git", "rev": "v1", "subdirectory": "py"},
        "shop": {"path": ".", "editable": True},
        "sss": {
            "git": "ssh://git@git.example/s.git",
            "rev": "0123456789012345678901234567890123456789",
        },
        "t": {"git": "https://git.example/t.git"},
        "uuu": {"url": "https://files.example/uuu-1.0-py3-none-any.whl"},
        "vvv": {"path": "vendor/vvv-2.0.tar.gz"},
        "www": {"path": "vendor/www-1.0-py3-none-any.whl"},
        "xxx": {"git": "ssh://git@git.example/group/xxx.git"},
        "yyy": {"git": "https://git.example/yyy.git"},
        "zzz": {"path": "libz"},
    }


def test_indexes_become_rows_without_credentials() -> None:
    text = f"""\
-i {PUBLIC}/
--extra-index-url https://me:secret@corp.example/simple
--extra-index-url=https://${{USER}}:${{TOKEN}}@corp.example/simple/
--no-binary lxml,:none:
--pre
a
"""
    draft = draft_of({FILE: text})
    found = env_of(draft)
    assert found["index"] == [{"name": "corp-example", "url": "https://corp.example/simple"}]
    assert found["lock"] == {"no-binary": ["lxml"], "prereleases": "allow"}
    assert missing(draft) == [
        "2: user and password of index corp-example",
        "3: user and password of index corp-example",
    ]
    assert "secret" not in str(draft.left)
    assert "ENVSYNC_INDEX_CORP_EXAMPLE_PASSWORD" in draft.left[0].advice


def test_another_first_index_stands_in_for_the_public_one() -> None:
    found = adopted({FILE: "--index-url https://corp.example/simple\na\n"})
    assert found["index"] == [
        {"name": "corp-example", "url": "https://corp.example/simple", "default": True}
    ]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("flask=1", "'flask=1'"),
        ("-r https://files.example/r.txt", "--requirement 'https://files.example/r.txt'"),
        ("hg+https://x.example/r#egg=h", "'hg+https://x.example/r"),
        ("git+https://git.example/r.git", "'git+https://git.example/r.git'"),
        ("git://git.example/r.git#egg=r", "'git://git.example/r.git"),
        ("foo @ ${URL}", "'${URL}'"),
        ("--index-url https://corp.example/${TEAM}/simple", "index"),
        ("--no-index", "--no-index"),
        ("--frobnicate yes", "'--frobnicate'"),
        ("-e ../outside", "'../outside'"),
        ("-e ~/src/x#egg=x", "'~/src/x#egg=x'"),
        ("C:\\wheels\\x-1-py3-none-any.whl", "C:"),
        ("a --global-option=--fast", "--global-option=--fast"),
        ("-e 'quote", '"-e \'quote"'),
        ("-r", "--requirement"),
        ("a; extra == 'x'", "a; extra"),
        ("python>=3", "'python>=3'"),
        ("-c constraints.txt", "'z[e]<3'"),
    ],
)
def test_what_cannot_be_carried_over_is_listed_with_its_line(line: str, what: str) -> None:
    files = {FILE: f"a\n{line}\n", "constraints.txt": "z[e]<3\n"}
    draft = draft_of(files)
    (left,) = [one for one in draft.left if one.matters]
    assert (left.origin.file, left.origin.line) in ((FILE, 2), ("constraints.txt", 1))
    assert what[:12].strip("'\"") in left.what
    assert left.advice
    assert "secret" not in left.what


def test_a_constraint_that_is_compiled_of_what_is_read_is_none() -> None:
    files = {"requirements-dev.in": "-c requirements.txt\npytest\n", FILE: "a==1\n"}
    draft = draft_of({**files, "x.txt": "\n"}, "x.txt")
    draft.compiled.add(FILE)
    from envsync.adopt.requirements_txt import read_requirements
    from envsync.spec.model import BASE

    read_requirements(draft, "requirements-dev.in", BASE)
    assert env_of(draft) == {"env": {"dependencies": ["pytest"]}}


def test_the_project_itself_has_the_name_that_was_read_before() -> None:
    files = {"Pipfile": "", "r.txt": "-e .[x]\n"}
    draft = draft_of({**files, "setup.py": "setup(name=NAME)\n"}, "r.txt")
    assert missing(draft) == ["1: '.[x]'"]
    text = '[project]\nname = "Shop"\n[build-system]\n'
    assert dependencies({"pyproject.toml": text, **files}, "pyproject.toml", "r.txt") == [
        "shop[x]",
        "shop",
    ]
