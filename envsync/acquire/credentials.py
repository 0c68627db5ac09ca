"""Bind the user's credentials to addresses: the name of an index in env.toml never suffices."""

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from envsync.errors import StorageFailed, UsageError
from envsync.events import Reporter
from envsync.index.auth import Pair, pair_in
from envsync.index.urls import Address, display_url, parse_address, scope_of
from envsync.model.file_urls import is_local
from envsync.platform.file_lock import FileLock
from envsync.platform.files import storage_errors, write_atomic
from envsync.project.user_config import read_user_config
from envsync.redaction import is_doubtful
from envsync.settings import Settings
from envsync.spec.model import IndexSpec, Spec
from envsync.spec.sources import variable_part
from envsync.spec.user_config import parse_user_config

_LOCK_SECONDS = 30.0


class _Binding(NamedTuple):
    """The address that the user gave for the credentials of an index name, and where."""

    address: Address
    source: str


def bind_credentials(spec: Spec, settings: Settings, reporter: Reporter) -> tuple[Pair, ...]:
    """Give the pairs of the ENVSYNC_INDEX_* variables, each with the address that the user names.

    Those of indexes of env.toml come first. A pair that no address was given for is asked about on
    a terminal, and what is confirmed is written into config.toml. Raises `UsageError` where a pair
    is for an index's name and not for its address: it would stay away silently, and the index
    could then say "not there" of what is.
    """
    if not settings.index_credentials and not settings.index_urls:
        return ()
    bindings = _bindings(settings)
    # Offline nothing is sent, so that nothing need be asked or refused.
    if not settings.offline:
        for index in (*spec.indexes, *spec.mirrors):
            part = variable_part(index.name)
            # A folder asks nobody for a password.
            if part in settings.index_credentials and not is_local(index.url):
                bindings[part] = _for_index(index, bindings.get(part), settings, reporter)
    first = [variable_part(index.name) for index in (*spec.indexes, *spec.mirrors)]
    order = sorted(bindings, key=lambda part: (first.index(part) if part in first else 1e9, part))
    pairs = tuple(pair for part in order for pair in _pairs(part, bindings[part], settings))
    _refuse_two_users(spec, pairs)
    return pairs


def _bindings(settings: Settings) -> dict[str, _Binding]:
    """The addresses of config.toml and, before them, of the variables."""
    config = read_user_config(settings)
    named = {part: (url, settings.config_file) for part, url in config.index_urls.items()}
    named |= {part: (url, _variable(part, "URL")) for part, url in settings.index_urls.items()}
    return {part: _Binding(_address(*given), given[1]) for part, given in named.items()}


def _address(url: str, source: str) -> Address:
    try:
        if is_doubtful(url):
            raise ValueError("an @, / or # in a password is written %40, %2F or %23")
        return parse_address(url)
    except ValueError as error:
        raise UsageError(
            f"{source}: {display_url(url)}: {error}", hint=f"{source}=https://index.example/simple/"
        ) from error


def _pairs(part: str, binding: _Binding, settings: Settings) -> Iterator[Pair]:
    pair = settings.index_credentials.get(part)
    if pair is not None:
        yield Pair(scope_of(binding.address), *pair, _variables(part))
    elif (own := pair_in(binding.address, binding.source)) is not None:
        yield own


def _for_index(
    index: IndexSpec, binding: _Binding | None, settings: Settings, reporter: Reporter
) -> _Binding:
    """Give what binds the credentials of an index's name; its address in env.toml must be in it."""
    part = variable_part(index.name)
    address = _address(index.url, f"index {index.name}")
    if binding is not None:
        if scope_of(binding.address).holds(address):
            return binding
        raise UsageError(
            f"index {index.name}: {_variables(part)} belong to {display_url(binding.address.url)} "
            f"({binding.source}), not to {address.url}",
            hint=f"if both are yours: {_variable(part, 'URL')}={address.url}; "
            "else call the index by another name in env.toml",
        )
    question = f"Are {_variables(part)} for {address.url} (index {index.name} of env.toml)?"
    answer = reporter.confirm(question)
    if not answer:
        raise _not_bound(index, address, settings, is_refused=answer is False)
    _remember(index.name, address, settings)
    return _Binding(address, settings.config_file)


def _not_bound(
    index: IndexSpec, address: Address, settings: Settings, *, is_refused: bool
) -> UsageError:
    part = variable_part(index.name)
    if is_refused:
        return UsageError(
            f"index {index.name}: {_variables(part)} were not sent to {address.url}",
            hint="call the index by another name in env.toml to ask it without them",
        )
    where = f", or url under [index.{index.name}] in {settings.config_file}"
    return UsageError(
        f"index {index.name}: {_variables(part)} are set, but only env.toml says that they are "
        f"for {address.url}; they were not sent",
        hint=f"if they are: {_variable(part, 'URL')}={address.url}"
        f"{where if settings.config_file else ''}",
    )


def _refuse_two_users(spec: Spec, pairs: tuple[Pair, ...]) -> None:
    """Two indexes of env.toml at one address can't have two users: files don't say for whom."""
    named = (*spec.indexes, *spec.mirrors)
    own = {_variables(variable_part(index.name)) for index in named}
    seen: dict[object, Pair] = {}
    for pair in pairs:
        other = seen.setdefault(pair.scope, pair)
        if {pair.source, other.source} <= own and pair.header != other.header:
            raise UsageError(
                f"{other.source} and {pair.source} are two users for one address",
                hint="give both the same, or take one of the indexes out of env.toml",
            )


def _variable(part: str, what: str) -> str:
    return f"ENVSYNC_INDEX_{part}_{what}"


def _variables(part: str) -> str:
    return f"{_variable(part, 'USERNAME')} and _PASSWORD"


def _remember(name: str, address: Address, settings: Settings) -> None:
    """Write the address of an index into config.toml, all else there left as it is."""
    hint = f"set {_variable(variable_part(name), 'URL')}={address.url} instead"
    if not settings.config_file:
        raise UsageError("without a home folder there is no place to remember it", hint=hint)
    path = os.path.realpath(settings.config_file)  # it may be a link into a folder of dotfiles
    folder = os.path.dirname(path)
    try:
        with storage_errors(folder):
            os.makedirs(folder, mode=0o700, exist_ok=True)
        with FileLock(folder, timeout=_LOCK_SECONDS):
            _edit(path, lambda text: _with_index(text, name, address.url))
    except StorageFailed as error:
        raise StorageFailed(error.path, error.reason, hint=hint) from error


def _edit(path: str, change: Callable[[str], str]) -> None:
    text, mode = "", 0o600
    with storage_errors(path):
        if os.path.exists(path):
            mode = os.stat(path).st_mode & 0o777
            with open(path, encoding="utf-8", newline="") as file:
                text = file.read()
    edited = change(text)
    # Judged before it is written: a file that can't be read would fail every command from now on.
    parse_user_config(edited.encode(), path=path)
    write_atomic(path, edited.encode(), mode=mode)


def _with_index(text: str, name: str, url: str) -> str:
    import tomlkit  # noqa: PLC0415  (for the one time that an address is confirmed)

    document = tomlkit.parse(text)
    if "index" not in document:
        document["index"] = tomlkit.table(is_super_table=True)
    document["index"][name] = {"url": url}
    return tomlkit.dumps(document)
