import ast
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.model.target import Target
from envsync.venv import activate
from envsync.venv.activate import (
    activation_scripts,
    fill,
    quote_csh,
    quote_fish,
    quote_nu,
    quote_powershell,
    quote_python,
    quote_sh,
)
from tests.support.environments import make_target

TEMPLATES = sorted((Path(activate.__file__).parent / "activate").iterdir())
WINDOWS = make_target(environment={"os_name": "nt", "sys_platform": "win32"})._replace(
    scripts="Scripts", purelib="Lib/site-packages", platlib="Lib/site-packages"
)
# What a root or a prompt may hold: anything but line breaks and NUL.
texts = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\n\r")
    | st.sampled_from("'\"`$\\!%;^@\u2018\u201b")
)


def scripts(
    target: Target | None = None, *, root: str = "/srv/.venv", prompt: str = "shop"
) -> dict[str, str]:
    rendered = activation_scripts(target or make_target(), root=root, prompt=prompt)
    return {name: content.decode() for name, content in rendered}


# Placeholders


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_data_never_stands_inside_quotes(template: Path) -> None:
    for line in template.read_text().splitlines():
        for match in re.finditer(r"@@(ROOT|PROMPT|LABEL|SITE|SET_\w+)@@", line):
            before, after = line[: match.start()], line[match.end() :]
            assert before[-1:] in " =(", line
            assert after[:1] in ("", ")", '"', " "), line
            assert before.count("'") % 2 == 0, line
            assert before.count('"') % 2 == 0, line


def test_every_placeholder_has_a_value() -> None:
    for text in (*scripts().values(), *scripts(WINDOWS, root="C:\\x").values()):
        assert "@@" not in text


def test_a_value_is_never_looked_into() -> None:
    values = {"ROOT": "@@PROMPT@@", "PROMPT": "@@ROOT@@"}

    assert fill("@@ROOT@@ @@PROMPT@@", values) == "@@PROMPT@@ @@ROOT@@"


# Quoting


@given(texts)
def test_a_word_of_sh_stands_for_its_text(text: str) -> None:
    assert shlex.split(quote_sh(text)) == [text]


@given(texts)
def test_a_literal_of_python_stands_for_its_text(text: str) -> None:
    assert ast.literal_eval(quote_python(text)) == text
    assert quote_python(text).isascii()


@given(texts)
def test_a_word_of_fish_ends_where_its_text_ends(text: str) -> None:
    inside = quote_fish(text)[1:-1]

    assert re.fullmatch(r"(?:[^'\\]|\\['\\])*", inside)
    assert re.sub(r"\\(['\\])", r"\1", inside) == text


@given(texts)
def test_a_string_of_nushell_ends_where_its_text_ends(text: str) -> None:
    inside = quote_nu(text)[1:-1]

    assert re.fullmatch(r'(?:[^"\\]|\\["\\])*', inside)
    assert re.sub(r'\\(["\\])', r"\1", inside) == text


@given(texts)
def test_a_string_of_powershell_ends_where_its_text_ends(text: str) -> None:
    inside = quote_powershell(text)[1:-1]

    assert re.fullmatch(
        "(?:[^'\u2018\u2019\u201a\u201b]|(['\u2018\u2019\u201a\u201b])\\1)*", inside
    )
    assert re.sub("(['\u2018\u2019\u201a\u201b])\\1", r"\1", inside) == text


@given(texts)
def test_a_word_of_csh_leaves_no_exclamation_mark_to_history(text: str) -> None:
    word = quote_csh(text)

    assert not re.search(r"(?<!\\)!", word)
    assert shlex.split(word.replace("\\!", "!")) == [text]


# The scripts


def test_each_shell_has_its_script() -> None:
    posix = {"activate", "activate.fish", "activate.csh", "activate.ps1", "activate.nu"}
    posix |= {"activate.xsh", "activate_this.py"}

    assert set(scripts()) == posix | {"Activate.ps1"}
    assert set(scripts(make_target(environment={"sys_platform": "darwin"}))) == posix
    assert set(scripts(WINDOWS, root="C:\\x")) == posix - {"activate.csh"} | {
        "activate.bat",
        "deactivate.bat",
    }


def test_scripts_for_windows_name_its_folder() -> None:
    rendered = scripts(WINDOWS, root="C:\\it's")

    assert "/Scripts" in rendered["activate"]
    assert "_envsync_root='C:\\it'\\''s'" in rendered["activate"]
    assert "%VIRTUAL_ENV%\\Scripts" in rendered["activate.bat"]


def test_batch_files_have_the_line_ends_that_their_labels_need() -> None:
    rendered = activation_scripts(WINDOWS, root="C:\\x", prompt="shop")

    for name, content in rendered:
        assert (b"\r\n" in content) == name.endswith(".bat")
        assert content.count(b"\r\n") in (0, content.count(b"\n"))


@pytest.mark.parametrize(
    ("prompt", "variable", "label"),
    [
        ("shop", "shop", "shop"),
        ("100%", "100%%", "100%%"),
        ("%PATH%", "%%PATH%%", "%%PATH%%"),
        ("a & b | c > d ^ e", "a & b | c > d ^ e", "a & b | c > d ^ e"),
        ('" & calc & "', "' & calc & '", "' & calc & '"),
        ("$P$G", "$P$G", "$$P$$G"),
    ],
)
def test_a_prompt_is_only_text_to_cmd(prompt: str, variable: str, label: str) -> None:
    batch = scripts(WINDOWS, root="C:\\x", prompt=prompt)["activate.bat"]

    assert f'@set "VIRTUAL_ENV_PROMPT={variable}"\r\n' in batch
    assert f'@set "PROMPT=({label}) %PROMPT%"\r\n' in batch


def test_powershell_is_told_of_signs_beyond_ascii_by_a_mark() -> None:
    mark = b"\xef\xbb\xbf"

    for prompt, marked in (("shop", False), ("café", True)):
        rendered = dict(activation_scripts(make_target(), root="/x", prompt=prompt))
        assert rendered["activate.ps1"].startswith(mark) == marked
        assert not rendered["activate"].startswith(mark)


def test_what_derives_its_own_path_holds_no_path() -> None:
    rendered = scripts(root="/secret/place")

    assert [name for name, text in rendered.items() if "/secret/place" in text] == [
        "activate",
        "activate.csh",
        "activate.fish",
        "activate.nu",
        "activate.xsh",
    ]


@given(texts)
def test_activate_this_is_python_whatever_the_prompt(prompt: str) -> None:
    rendered = scripts(prompt=prompt)["activate_this.py"]

    assert prompt in [
        node.value for node in ast.walk(ast.parse(rendered)) if isinstance(node, ast.Constant)
    ]


def test_activate_this_says_what_it_needs() -> None:
    with pytest.raises(AssertionError, match="__file__"):
        exec(scripts()["activate_this.py"], {"__name__": "x"})


@pytest.mark.parametrize("shell", ["bash", "dash", "zsh", "ksh", "fish", "tcsh"])
def test_the_scripts_of_installed_shells_parse(shell: str, tmp_path: Path) -> None:
    suffix = {"fish": ".fish", "tcsh": ".csh"}.get(shell, "")
    script = tmp_path / "script"
    script.write_text(scripts()[f"activate{suffix}"])
    try:
        answer = subprocess.run([shell, "-n", script], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip(f"{shell} is not installed")

    assert (answer.returncode, answer.stderr) == (0, b"")


GRAMMARS = Path(__file__).parent.parent.parent / ".tools" / "bin" / "python"
PARSE = """
import sys, tree_sitter, tree_sitter_powershell
parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
root = parser.parse(sys.stdin.buffer.read()).root_node
sys.exit("does not parse" if root.has_error or not root.named_child_count else None)
"""


@pytest.mark.parametrize("prompt", ["shop", "it's \u2019 $(x) `y` \" & ) ^ %PATH%"])
def test_the_script_of_powershell_parses(prompt: str) -> None:
    if not list(GRAMMARS.parent.parent.glob("lib/python*/site-packages/tree_sitter_powershell")):
        pytest.skip("tree-sitter-powershell is not installed")
    rendered = scripts(WINDOWS, root="C:\\x", prompt=prompt)["activate.ps1"]
    answer = subprocess.run(
        [GRAMMARS, "-c", PARSE],
        input=rendered.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}").encode(),
        capture_output=True,
        check=False,
    )

    assert (answer.returncode, answer.stderr) == (0, b"")


def test_templates_hold_no_path_of_the_machine_that_made_them() -> None:
    for template in TEMPLATES:
        assert os.path.expanduser("~") not in template.read_text()
