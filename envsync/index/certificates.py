"""Find the certificate authorities to trust: what the user names, else the system's own."""

import os
import re
import sys
from collections.abc import Mapping
from typing import NamedTuple

from envsync.errors import UsageError

_FILE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# Where systems keep the bundle: libcurl knows only the place of the system it was built on.
_SYSTEM_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
)
_HASHED_NAME = re.compile(r"[0-9a-f]{8}\.\d+")


class Authorities(NamedTuple):
    """A bundle, a folder of hashed certificates, or both; neither: what libcurl was built with."""

    file: str | None = None
    folder: str | None = None


def find_authorities(named: str | None, environ: Mapping[str, str]) -> Authorities:
    """Choose what to trust; what the user chose replaces the system's authorities.

    `named` is a file or folder from the settings. Raises `UsageError`, naming the variable, for
    a choice that holds no certificates: it must never silently count as no choice.
    """
    if named:
        return _judge("the certificate file", named)
    variable = next((name for name in _FILE_VARIABLES if environ.get(name)), None)
    chosen = Authorities() if variable is None else _judge(variable, environ[variable])
    folder = environ.get("SSL_CERT_DIR")
    if folder and chosen.folder is None:
        chosen = Authorities(chosen.file, _judge_folder("SSL_CERT_DIR", folder))
    return chosen if chosen.file or chosen.folder else _system()


def _system() -> Authorities:
    if sys.platform == "win32":
        return Authorities()
    return Authorities(next((path for path in _SYSTEM_FILES if os.path.isfile(path)), None))


def _judge(source: str, path: str) -> Authorities:
    if os.path.isdir(path):
        return Authorities(folder=_judge_folder(source, path))
    try:
        with open(path, "rb") as file:
            is_bundle = b"-----BEGIN " in file.read()
    except OSError as error:
        raise _unusable(source, path, (error.strerror or "cannot be read").lower()) from error
    if not is_bundle:
        raise _unusable(source, path, "it holds no PEM certificate")
    return Authorities(file=path)


def _judge_folder(source: str, paths: str) -> str:
    """OpenSSL takes several folders, and looks only at names made of a hash."""
    for path in paths.split(os.pathsep):
        try:
            names = os.listdir(path)
        except OSError:
            continue
        if any(_HASHED_NAME.fullmatch(name) for name in names):
            return paths
    raise _unusable(source, paths, "no certificates in it (`openssl rehash` names them)")


def _unusable(source: str, path: str, reason: str) -> UsageError:
    return UsageError(
        f"{source}={path}: {reason}" if source.isupper() else f"{source} {path}: {reason}",
        hint="name a readable PEM file, or unset it to trust the system's certificates",
    )
