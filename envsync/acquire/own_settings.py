"""Turn what the user's own settings say of indexes into certificates to show and mirrors to ask."""

import os
from collections.abc import Iterable, Iterator

from envsync.errors import UsageError
from envsync.index.mirrors import Mirror, Mirrors
from envsync.index.page_source import Index
from envsync.index.transport import Shown
from envsync.index.urls import parse_address, scope_of
from envsync.model.file_urls import is_local
from envsync.settings import Settings
from envsync.spec.model import IndexSpec, Spec
from envsync.spec.sources import variable_part
from envsync.spec.user_config import UserConfig, UserMirror


def shown_certificates(spec: Spec, settings: Settings, config: UserConfig) -> tuple[Shown, ...]:
    """Give the client certificates of the user, each with the address that it is for.

    A name in env.toml never suffices, as with passwords: the address comes from a variable or
    config.toml. Raises `UsageError` for one without an address, and for files that can't be used.
    """
    files = {part: (one.certificate, one.key) for part, one in config.certificates.items()}
    files |= settings.client_certificates
    urls = {**config.index_urls, **settings.index_urls}
    shown = []
    for part, (certificate, key) in sorted(files.items()):
        if part and part not in urls:
            _refuse_unbound(part, spec)
            continue
        for path in filter(None, (certificate, key)):
            _check_pem(path, _source(part))
        scope = scope_of(parse_address(urls[part])) if part else None
        shown.append(Shown(scope, certificate, key))
    return tuple(shown)


def _source(part: str) -> str:
    return f"ENVSYNC_INDEX_{part}_CLIENT_CERT" if part else "SSL_CLIENT_CERT"


def _refuse_unbound(part: str, spec: Spec) -> None:
    for index in (*spec.indexes, *spec.mirrors):
        if variable_part(index.name) == part and not is_local(index.url):
            raise UsageError(
                f"index {index.name}: {_source(part)} is set, but only env.toml says that it is "
                f"for {index.url}; it was not shown",
                hint=f"if it is: ENVSYNC_INDEX_{part}_URL={index.url}",
            )


def _check_pem(path: str, source: str) -> None:
    try:
        with open(path, "rb") as file:
            is_pem = b"-----BEGIN " in file.read(1 << 20)
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
    else:
        reason = "" if is_pem else "it holds no PEM certificate or key"
    if reason:
        raise UsageError(
            f"{source}: {os.path.abspath(path)}: {reason}", hint="name readable PEM files"
        )


def mirrors_for(spec: Spec, config: UserConfig) -> Mirrors:
    """Give the mirrors, by index: the user's own first, then those of env.toml."""
    known: dict[str, list[Mirror]] = {}
    for of, mirror in (*_of_user(config.mirrors), *_of_spec(spec.mirrors)):
        known.setdefault(of.rstrip("/"), []).append(mirror)
    return Mirrors(known)


def _of_user(mirrors: Iterable[UserMirror]) -> Iterator[tuple[str, Mirror]]:
    for one in mirrors:
        index = Index(None, one.url, format=one.format, outside=is_local(one.url))
        yield one.of, Mirror(index, one.fallback)


def _of_spec(mirrors: Iterable[IndexSpec]) -> Iterator[tuple[str, Mirror]]:
    for one in mirrors:
        index = Index(
            one.name,
            one.url,
            format=one.format,
            not_there=frozenset(one.ignore_error_codes),
            outside=one.outside,
        )
        yield one.mirror_of or "", Mirror(index, one.fallback)
