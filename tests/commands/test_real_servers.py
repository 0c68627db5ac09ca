"""Credentials and certificates with real programs: pypiserver, keyring, an authority by trustme.

They are in `.tools` (`make tools`); where one is not, what it would show is skipped by name.
"""

import base64
import hashlib
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.test_indexes import HEAD, empty_store, fill, index, wheel
from tests.support.command import Workplace
from tests.support.index_server import IndexServer

TOOLS = Path(__file__).parents[2] / ".tools" / "bin"
PASSWORD = "s3cret/of@corp"
USER = {"ENVSYNC_INDEX_CORP_USERNAME": "corp", "ENVSYNC_INDEX_CORP_PASSWORD": PASSWORD}


def tool(name: str) -> str:
    """The path of a program in .tools."""
    if not (TOOLS / name).exists():
        pytest.skip(f"no {name} in .tools: `make tools`")
    return str(TOOLS / name)


@pytest.fixture(scope="module")
def pypiserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a pypiserver that wants a password for pages and files."""
    program = tool("pypi-server")
    folder = tmp_path_factory.mktemp("pypiserver")
    fill(folder / "packages", wheel("alpha", "1.0", "beta"), wheel("beta", "2.0"))
    digest = base64.b64encode(hashlib.sha1(PASSWORD.encode(), usedforsecurity=False).digest())
    (folder / "htpasswd").write_text(f"corp:{{SHA}}{digest.decode()}\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [program, "run", "-i", "127.0.0.1", "-p", str(port), "--disable-fallback"]
    command += ["-a", "list,download,update", "-P", str(folder / "htpasswd")]
    with subprocess.Popen(
        [*command, str(folder / "packages")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        try:
            _wait_for(f"http://127.0.0.1:{port}/health")
            yield f"http://127.0.0.1:{port}/simple/"
        finally:
            running.terminate()


def _wait_for(url: str) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    made = Workplace(tmp_path, "http://127.0.0.1:1/")
    made.environ["HOME"] = str(tmp_path / "home")
    made.environ["ENVSYNC_CONFIG_FILE"] = str(tmp_path / "config.toml")
    (tmp_path / "home").mkdir()
    (tmp_path / "config.toml").write_text("")
    return made


def corp(place: Workplace, url: str) -> None:
    place.write(HEAD + index(url, "default = true", name="corp"))


@pytest.mark.matrix(3)
@pytest.mark.parametrize("way", ["variables", "netrc", "keyring", "address", "keyring of user"])
def test_a_server_that_wants_a_password(place: Workplace, pypiserver: str, way: str) -> None:
    corp(place, pypiserver)
    environ = {}
    if way == "variables":
        environ = {**USER, "ENVSYNC_INDEX_CORP_URL": pypiserver}
    if way == "netrc":
        text = f'machine 127.0.0.1 login corp password "{PASSWORD}"\n'
        (Path(place.environ["HOME"]) / ".netrc").write_text(text)
        (Path(place.environ["HOME"]) / ".netrc").chmod(0o600)
    if way == "address":
        quoted = PASSWORD.replace("/", "%2F").replace("@", "%40")
        place.write(HEAD)
        environ = {
            "ENVSYNC_DEFAULT_INDEX": pypiserver.replace("//", f"//corp:{quoted}@"),
        }
    if way.startswith("keyring"):
        environ = _keyring(place, pypiserver)
    if way == "keyring of user":
        bound = {"USERNAME": "corp", "URL": pypiserver}
        environ |= {f"ENVSYNC_INDEX_CORP_{key}": value for key, value in bound.items()}

    for _ in range(2 if way == "variables" else 1):
        ran = place.run("sync", environ=environ)
        assert ran.code == 0, ran.err
        assert PASSWORD not in ran.err + place.lock()
        assert place.python("import alpha, beta; print(beta.VERSION)") == "2.0"
        empty_store(place)


KNOWING = """\
from keyring.credentials import SimpleCredential
from keyrings.alt.file import PlaintextKeyring

class Keyring(PlaintextKeyring):
    # As those of desktops do, it knows who the user is.
    def get_credential(self, service, username):
        password = self.get_password(service, username or "corp")
        return None if password is None else SimpleCredential(username or "corp", password)
"""


def _keyring(place: Workplace, url: str) -> dict[str, str]:
    """Let the command `keyring` have the password, in a file."""
    program = tool("keyring")
    home = Path(place.environ["HOME"])
    (home / "knowing.py").write_text(KNOWING)
    backend = {"PYTHON_KEYRING_BACKEND": "knowing.Keyring", "PYTHONPATH": str(home)}
    environ = {**place.environ, **backend, "XDG_DATA_HOME": place.environ["HOME"]}
    subprocess.run(
        [program, "set", url, "corp"],
        input=PASSWORD.encode(),
        env=environ,
        check=True,
        capture_output=True,
    )
    folder = home / "bin"
    folder.mkdir()
    (folder / "keyring").symlink_to(program)
    path = os.pathsep.join([".", str(folder), os.environ["PATH"]])
    given = {name: environ[name] for name in (*backend, "XDG_DATA_HOME")}
    return {**given, "PATH": path, "ENVSYNC_KEYRING": "1"}


def test_a_keyring_of_the_clone_is_not_asked(place: Workplace, pypiserver: str) -> None:
    corp(place, pypiserver)
    trap = place.project / "bin" / "keyring"
    trap.parent.mkdir()
    trap.write_text(f"#!/bin/sh\ntouch {place.project}/ran\n")
    trap.chmod(0o755)
    for path in (str(trap.parent), "bin", f"{place.project}/../project/bin"):
        environ = {"PATH": f"{path}:{os.environ['PATH']}", "ENVSYNC_KEYRING": "1"}
        ran = place.here("lock", environ=environ)
        assert ran.code == 1
    assert not (place.project / "ran").exists()


def test_a_wrong_password_is_told_without_it(place: Workplace, pypiserver: str) -> None:
    corp(place, pypiserver)
    wrong = "wr0ng-of-corp"
    environ = {**USER, "ENVSYNC_INDEX_CORP_PASSWORD": wrong, "ENVSYNC_INDEX_CORP_URL": pypiserver}
    for given, said in (
        (environ, "403: it refused the user and password from ENVSYNC_INDEX_CORP_USERNAME"),
        ({}, "401: no user and password were sent (index corp)"),
    ):
        ran = place.here("lock", environ=given)
        assert ran.code == 1
        assert f"error: {pypiserver}alpha/: answered with status {said}" in ran.err
        assert wrong not in ran.err


# -- TLS by an authority of one's own


MAKE = """\
import sys, trustme
authority, folder = trustme.CA(), sys.argv[1]
authority.cert_pem.write_to_path(f"{folder}/authority.pem")
for name, certificate in (
    ("server", authority.issue_cert("127.0.0.1")),
    ("client", authority.issue_cert("someone@corp.example")),
    ("stranger", trustme.CA().issue_cert("someone@else.example")),
):
    certificate.private_key_and_cert_chain_pem.write_to_path(f"{folder}/{name}.pem")
    certificate.private_key_pem.write_to_path(f"{folder}/{name}.key")
    certificate.cert_chain_pems[0].write_to_path(f"{folder}/{name}.crt")
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, and what it issued."""
    folder = tmp_path_factory.mktemp("authority")
    done = subprocess.run([tool("python"), "-c", MAKE, folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("no trustme in .tools: `make tools`")
    return folder


@pytest.fixture
def private(authority: Path) -> Iterator[IndexServer]:
    """An index for clients whom the authority knows."""
    pair = str(authority / "server.crt"), str(authority / "server.key")
    with IndexServer(
        certificate=pair, client_authority=str(authority / "authority.pem")
    ) as running:
        running.add("alpha", *wheel("alpha", "1.0"))
        yield running


@pytest.mark.parametrize("way", ["variables", "one file", "everywhere", "config"])
def test_a_server_that_wants_a_certificate(
    place: Workplace, authority: Path, private: IndexServer, way: str
) -> None:
    corp(place, private.url)
    place.environ["SSL_CERT_FILE"] = str(authority / "authority.pem")
    client = authority / "client"
    bound = {"ENVSYNC_INDEX_CORP_URL": private.url}
    environ = {
        "variables": {
            **bound,
            "ENVSYNC_INDEX_CORP_CLIENT_CERT": f"{client}.crt",
            "ENVSYNC_INDEX_CORP_CLIENT_KEY": f"{client}.key",
        },
        "one file": {**bound, "ENVSYNC_INDEX_CORP_CLIENT_CERT": f"{client}.pem"},
        "everywhere": {"SSL_CLIENT_CERT": f"{client}.pem"},
    }.get(way, {})
    if way == "config":
        Path(place.environ["ENVSYNC_CONFIG_FILE"]).write_text(
            f'[index.corp]\nurl = "{private.url}"\nclient-cert = "{client}.pem"\n'
        )

    ran = place.run("sync", environ=environ)

    assert ran.code == 0, ran.err
    assert place.python("import alpha; print(alpha.VERSION)") == "1.0"


@pytest.mark.parametrize(
    ("environ", "code", "expected"),
    [
        ({}, 1, "hint: the server wants a client certificate: ENVSYNC_INDEX_<NAME>_CLIENT_CERT"),
        ({"SSL_CLIENT_CERT": "stranger.pem"}, 1, "hint: the server wants a client certificate"),
        ({"SSL_CLIENT_CERT": "gone.pem"}, 2, "gone.pem: no such file or directory"),
        ({"SSL_CLIENT_CERT": "text"}, 2, "it holds no PEM certificate or key"),
        ({"SSL_CLIENT_CERT": "client.crt"}, 1, "error: "),
        ({"ENVSYNC_INDEX_CORP_CLIENT_CERT": "client.pem"}, 2, "it was not shown"),
    ],
)
def test_certificates_that_do_not_do(
    place: Workplace,
    authority: Path,
    private: IndexServer,
    environ: dict[str, str],
    code: int,
    expected: str,
) -> None:
    corp(place, private.url)
    (authority / "text").write_text("no certificate")
    place.environ["SSL_CERT_FILE"] = str(authority / "authority.pem")
    given = {name: str(authority / value) for name, value in environ.items()}

    ran = place.here("lock", environ=given)

    assert (ran.code, expected in ran.err) == (code, True), ran.err
    assert private.requests == []


def test_an_authority_that_nobody_trusts(place: Workplace, private: IndexServer) -> None:
    corp(place, private.url)
    ran = place.here("lock")
    assert ran.code == 1
    assert "SSL_CERT_FILE" in ran.err
