"""What `doctor` says of a project, a user and a machine, and when it calls something broken."""

import json
import os
import stat
from pathlib import Path

import pytest

from envsync.cli.doctor import report_lines
from envsync.operations.findings import Finding
from tests.support.command import Ran, Workplace
from tests.support.golden import golden

SPEC = """\
[env]
name = "shop"
requires-python = ">=3.11"

[[index]]
name = "corp"
url = "https://index.example/corp/simple/"
"""
OF_CORP = {
    "ENVSYNC_INDEX_CORP_URL": "https://index.example/corp/simple/",
    "ENVSYNC_INDEX_CORP_USERNAME": "ada",
    "ENVSYNC_INDEX_CORP_PASSWORD": "pw-secret-1",
}


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    made = Workplace(tmp_path, "https://user:pw-secret-2@mirror.example/simple/")
    home = tmp_path / "home"
    home.mkdir()
    made.environ |= {"HOME": str(home), "ENVSYNC_SHELL": "bash"}
    made.write(SPEC)
    return made


def doctor(place: Workplace, *arguments: str, **environ: str) -> dict[str, list[dict[str, str]]]:
    """The findings by topic, and under "code" how the command ended."""
    ran = place.here("doctor", "--json", *arguments, environ=environ)
    document = json.loads(ran.out)
    assert ran.code == int(document["broken"])
    found: dict[str, list[dict[str, str]]] = {}
    for one in document["findings"]:
        found.setdefault(one["topic"], []).append(one)
    assert document["broken"] == any(
        one["state"] == "broken" for each in found.values() for one in each
    )
    assert "pw-secret" not in ran.out + ran.err
    return found


def test_all_is_well_and_each_thing_has_its_line(place: Workplace) -> None:
    before = place.files()
    found = doctor(place)
    assert {one["state"] for each in found.values() for one in each} <= {"ok", "note"}
    assert [*found][:4] == ["envsync", "settings", "project", "interpreter"]
    assert {"indexes", "certificates", "proxies", "cache", "links", "builds", "git"} < set(found)
    assert {"shell", "PATH", "other tools", "CI"} < set(found)
    assert found["project"][0]["advice"] == "`envsync lock` makes it"
    assert "ENVSYNC_PYTHON asks for" in found["interpreter"][0]["text"]
    assert place.files() == before


def test_where_credentials_come_from_is_said_and_they_are_not(place: Workplace) -> None:
    corp, default = doctor(place, **OF_CORP)["indexes"]
    assert corp["text"] == (
        "corp: https://index.example/corp/simple/, as ada of "
        "ENVSYNC_INDEX_CORP_USERNAME and _PASSWORD"
    )
    assert default["text"].startswith("https://mirror.example/simple/, as user of the index's own")
    netrc = Path(place.environ["HOME"]) / ".netrc"
    netrc.write_text("machine index.example login bob password pw-secret-3\n")
    netrc.chmod(0o600)
    assert "as bob of ~/.netrc" in doctor(place)["indexes"][0]["text"]
    tokens = {**OF_CORP, "ENVSYNC_INDEX_CORP_USERNAME": "ghp_pw-secret-4"}
    assert "as the user of ENVSYNC" in doctor(place, **tokens)["indexes"][0]["text"]
    assert "keyring" in doctor(place, ENVSYNC_KEYRING="1", NETRC="/none")["indexes"][0]["text"]


def test_credentials_without_an_address_are_broken(place: Workplace) -> None:
    bare = {name: value for name, value in OF_CORP.items() if not name.endswith("_URL")}
    (index,) = doctor(place, **bare)["indexes"]
    assert index["state"] == "broken"
    assert "ENVSYNC_INDEX_CORP_URL=https://index.example/corp/simple/" in index["advice"]


def test_a_cache_of_everybodys_is_broken_and_believed_in_nothing(place: Workplace) -> None:
    place.cache.mkdir()
    place.cache.chmod(0o777)
    found = doctor(place)
    assert found["cache"][0]["state"] == found["interpreter"][0]["state"] == "broken"
    assert "chmod go-w" in found["cache"][0]["advice"]
    assert list(place.cache.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "said"), [("[env", "line 1"), ("[env]\npython = 3\n", "env.python")]
)
def test_an_env_toml_with_mistakes_is_broken_and_the_rest_goes_on(
    place: Workplace, text: str, said: str
) -> None:
    place.write(text)
    found = doctor(place)
    assert found["project"][0]["state"] == "broken"
    assert said in found["project"][0]["text"]
    assert found["cache"][0]["state"] == "ok"


def test_no_project_is_worth_knowing(place: Workplace, tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    found = doctor(place, "-C", str(tmp_path / "bare"))
    assert found["project"][0]["state"] == "note"
    assert "`envsync init`" in found["project"][0]["advice"]
    assert "environment" not in found


def test_settings_interpreter_and_certificates_that_are_wrong(place: Workplace) -> None:
    found = doctor(
        place,
        ENVSYNC_CONFIG_FILE="/none/config.toml",
        ENVSYNC_PYTHON="3.99",
        SSL_CERT_FILE="/none/roots.pem",
    )
    for topic in ("settings", "interpreter", "certificates"):
        assert found[topic][0]["state"] == "broken", topic
    assert "ENVSYNC_CONFIG_FILE" in found["settings"][0]["advice"]


def test_what_else_is_set_here(place: Workplace) -> None:
    found = doctor(
        place,
        CONDA_PREFIX="/opt/conda/envs/x",
        PYTHONPATH="/lib/mine",
        HTTPS_PROXY="http://me:pw-secret-5@proxy.example:3128",
        no_proxy="localhost",
        CI="1",
        PATH="/nowhere",
    )
    said = [one["text"] for one in found["other tools"]]
    for one in ("CONDA_PREFIX=/opt/conda/envs/x", "PYTHONPATH=/lib/mine"):
        assert any(text.startswith(one) for text in said)
    assert [one["text"].partition("=")[0] for one in found["proxies"]] == [
        "HTTPS_PROXY",
        "no_proxy",
    ]
    assert "proxy.example:3128" in found["proxies"][0]["text"]
    assert (found["git"][0]["state"], found["PATH"][0]["text"]) == ("note", "no python at all")
    assert found["CI"][0]["text"].startswith("yes")


def test_mirrors_and_folders_as_indexes(place: Workplace, tmp_path: Path) -> None:
    (place.project / "wheels").mkdir()
    place.write(
        '[env]\nname = "x"\n[[index]]\nname = "local"\nurl = "wheels"\nformat = "flat"\n'
        '[[index]]\nname = "near"\nurl = "https://near.example/simple/"\n'
        'mirror-of = "local2"\n'.replace("local2", "https://far.example/simple/")
    )
    found = doctor(place)
    assert "on this machine" in found["indexes"][0]["text"]
    (mirror,) = found["mirrors"]
    assert mirror["text"] == (
        "https://near.example/simple/ for the files of https://far.example/simple"
    )


def test_a_project_that_cannot_be_written_to_is_left_alone(place: Workplace) -> None:
    if os.geteuid() == 0:
        pytest.skip("root writes anywhere")
    place.project.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert "not tried" in doctor(place)["links"][0]["text"]
    finally:
        place.project.chmod(0o755)


FINDINGS = (
    Finding("envsync", "ok", "0.1.0 on Python 3.13.0 (/usr/bin/python3)"),
    Finding("project", "note", "/home/ada/shop/env.toml, without pylock.toml", "`envsync lock`"),
    Finding(
        "cache", "broken", f"/home/{'ada/' * 12}cache: \x1b[2J others can write", "`chmod go-w`"
    ),
)


@pytest.mark.parametrize("columns", [80, 40])
def test_the_report_as_it_was_looked_at(columns: int) -> None:
    text = "\n".join(report_lines(FINDINGS, columns)) + "\n"
    assert "\x1b" not in text
    golden(f"doctor-{columns}.txt", text)


def test_people_get_lines_and_the_same_exit_code(place: Workplace) -> None:
    ran: Ran = place.run("doctor", environ={"ENVSYNC_PYTHON": "3.99", "COLUMNS": "80"})
    assert ran.code == 1
    assert "BROKEN  interpreter" in ran.out
    assert ran.err == ""
