"""Name a built wheel by all that went into it, so that a cache can tell whether it has it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from envsync.model.target import Target

# Raised whenever the way of building changes what comes out (variables, clock, checks).
_FORMAT = 3


def requirements_digest(requirements: Iterable[str]) -> str:
    """Digest the build requirements ("setuptools==80.9"), in any order: sha256 in hexadecimal."""
    return sha256("\n".join(sorted(set(requirements))).encode()).hexdigest()


def build_key(
    *,
    source_sha256: str,
    requirements: str,
    config_settings: Mapping[str, str | Sequence[str]] | None,
    target: Target,
    subdirectory: str | None = None,
    indexes: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    beside: Sequence[str] = (),
) -> str:
    """Give the name, 64 hexadecimal digits, of what one build makes.

    `source_sha256` is that of the bytes that were read, `requirements` a digest of what the build
    requires beyond what the source itself says. `indexes` are the addresses that all of that comes
    from: another index may answer with another build backend. `variables` are those
    that env.toml gives or passes on, `beside` names the packages that a build without isolation
    sees and that it says to depend on. Of the target counts what compiled code depends on: its
    cache tag and its wheel tags, which tell ABI flags, platform and C library.
    """
    facts = {
        "format": _FORMAT,
        "source": source_sha256,
        "subdirectory": subdirectory or "",
        "requirements": requirements,
        "indexes": list(indexes),
        "settings": {
            name: value if isinstance(value, str) else list(value)
            for name, value in (config_settings or {}).items()
        },
        "variables": dict(variables or {}),
        "beside": list(beside),
        "implementation": target.implementation,
        "cache_tag": target.cache_tag,
        "tags": sha256(" ".join(target.tags).encode()).hexdigest(),
    }
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
