"""The interpreter that an environment is made for, as a value."""

from collections.abc import Mapping
from typing import NamedTuple


class Target(NamedTuple):
    """One interpreter, and the layout of an environment made from it."""

    executable: str
    """Absolute path of the base interpreter: never a shim, never a virtual environment's."""
    version: str
    """"3.11.7"; a pre-release ends in "a1", "b2" or "rc1"."""
    implementation: str
    """`sys.implementation.name`: "cpython", "pypy"."""
    cache_tag: str
    """`sys.implementation.cache_tag`: "cpython-311"."""
    environment: Mapping[str, str]
    """All variables of environment markers (dependency specifiers)."""
    tags: tuple[str, ...]
    """Tags of wheels that it can use, "cp311-cp311-manylinux_2_28_x86_64", most wanted first."""
    base_prefix: str
    signature: str
    """"SIZE:MTIME_NS" of the executable: another one means another interpreter."""
    purelib: str
    """"lib/python3.11/site-packages": like the next four, relative to the environment's root."""
    platlib: str
    scripts: str
    """"bin" or "Scripts"."""
    headers: str
    """"include/site/python3.11"; a package's headers go into a folder of its name inside."""
    data: str
    """"": the root itself."""
    base_exec_prefix: str = ""
    """"" where it equals `base_prefix`."""
    pointer_bits: int = 64
    free_threaded: bool = False
    """A build without the global interpreter lock ("3.13t")."""


def target_to_json(target: Target) -> dict[str, object]:
    """Give a target as plain JSON values; the tags as one text, which is read back faster."""
    return target._asdict() | {
        "environment": dict(target.environment),
        "tags": " ".join(target.tags),
    }


def target_from_json(value: object) -> Target:
    """Read back what `target_to_json` gave; `ValueError` for anything else."""
    if not isinstance(value, dict) or value.keys() != Target.__annotations__.keys():
        raise ValueError("not a target")
    environment, tags = value["environment"], value["tags"]
    if not isinstance(environment, dict) or not isinstance(tags, str):
        raise ValueError("not a target: environment or tags")
    target = Target(**{**value, "tags": tuple(tags.split(" "))})
    if not all(isinstance(field, str) for field in (*environment, *environment.values())):
        raise ValueError("not a target: environment")
    for name, kind in _PLAIN_FIELDS:
        if type(getattr(target, name)) is not kind:
            raise ValueError(f"not a target: {name}")
    return target


_PLAIN_FIELDS = tuple(
    (name, kind) for name, kind in Target.__annotations__.items() if kind in (str, int, bool)
)
