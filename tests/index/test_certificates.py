"""Which authorities are trusted, and that a bad choice is an error instead of no choice."""

from pathlib import Path

import pytest

from envsync.errors import UsageError
from envsync.index.certificates import Authorities, find_authorities

VARIABLES = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]


@pytest.fixture
def bundle(tmp_path: Path) -> str:
    path = tmp_path / "bundle.pem"
    path.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    return str(path)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    (tmp_path / "hashed").mkdir()
    (tmp_path / "hashed" / "0a1b2c3d.0").write_text("x")
    return str(tmp_path / "hashed")


@pytest.mark.parametrize("variable", VARIABLES)
def test_each_variable_names_a_bundle(variable: str, bundle: str) -> None:
    assert find_authorities(None, {variable: bundle}) == Authorities(file=bundle)


def test_settings_come_before_variables_and_variables_in_order(bundle: str) -> None:
    environ = dict.fromkeys(VARIABLES[1:], "/nonexistent")

    assert find_authorities(bundle, environ) == Authorities(file=bundle)
    assert find_authorities(None, {"SSL_CERT_FILE": bundle, **environ}) == Authorities(file=bundle)


def test_folders(bundle: str, folder: str) -> None:
    assert find_authorities(None, {"SSL_CERT_DIR": folder}) == Authorities(folder=folder)
    assert find_authorities(None, {"REQUESTS_CA_BUNDLE": folder}) == Authorities(folder=folder)
    assert find_authorities(folder, {}) == Authorities(folder=folder)
    assert find_authorities(None, {"SSL_CERT_DIR": folder, "SSL_CERT_FILE": bundle}) == Authorities(
        bundle, folder
    )
    several = f"/nonexistent:{folder}"
    assert find_authorities(None, {"SSL_CERT_DIR": several}) == Authorities(folder=several)


@pytest.mark.parametrize("variable", [*VARIABLES, "SSL_CERT_DIR"])
@pytest.mark.parametrize("kind", ["missing", "empty file", "no certificates", "empty folder"])
def test_a_choice_that_cannot_be_used_is_an_error(tmp_path: Path, variable: str, kind: str) -> None:
    path = tmp_path / "chosen"
    if kind == "empty folder":
        path.mkdir()
    elif kind != "missing":
        path.write_text("words\n" if kind == "no certificates" else "")

    with pytest.raises(UsageError, match=variable) as caught:
        find_authorities(None, {variable: str(path)})
    assert caught.value.hint is not None


def test_empty_variables_are_no_choice() -> None:
    assert find_authorities(None, dict.fromkeys(VARIABLES, "")) == find_authorities(None, {})


def test_without_a_choice_the_systems_bundle_counts() -> None:
    chosen = find_authorities(None, {})

    assert chosen.folder is None
    assert chosen.file is None or Path(chosen.file).is_file()
