"""What one environment gets from a lock, as values that can be remembered in a compact form."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

PinKind = Literal["wheel", "sdist", "archive", "directory", "vcs"]


class Pinned(NamedTuple):
    """One package of a lock with the one source that an environment takes it from (PEP 751)."""

    name: str
    version: str | None
    """None where the lock gives none: a source tree may change its version."""
    kind: PinKind
    """"archive" is a direct reference to a wheel or source archive: see `filename`."""
    filename: str
    """Plain file name; empty for directories and version control."""
    url: str | None
    path: str | None
    """Relative to the lock's folder, with forward slashes."""
    sha256: str
    """Hexadecimal; empty where the lock has only other secure hashes, or none is possible."""
    hashes: Mapping[str, str]
    """Every secure hash that the lock gives; the bytes must match all of them."""
    size: int | None = None
    """Bytes."""
    subdirectory: str | None = None
    editable: bool = False
    vcs: str | None = None
    commit: str | None = None
    requested_revision: str | None = None
    index_url: str | None = None
    """Base URL of the index that had the file."""
    requires_python: str = ""
    """What the lock says of its metadata; empty where it says nothing."""
    facts: str = ""
    """Digest of the metadata that decided it (`lock.evidence`); empty where the lock has none."""
    speaker: str = ""
    """Name of the file which that metadata came from."""
    extras: tuple[str, ...] = ()
    """Its extras that something needs in this environment, sorted."""
    trust_record: bool = False
    """Its wheel is taken though RECORD may not fit its files (`[lock] trust-record`)."""

    @property
    def is_wheel(self) -> bool:
        """The artifact can be installed as it is, without a build."""
        return self.filename.endswith(".whl")

    @property
    def is_elsewhere(self) -> bool:
        """An index that is a folder outside of the project has it; a direct reference is none's."""
        is_of_index = self.kind in ("wheel", "sdist")
        return is_of_index and self.url is None and (self.path or "").startswith("../")


def pack_pins(pins: Iterable[Pinned]) -> str | None:
    """Write pins of wheels, source distributions and editable folders as lines that `unpack_pins`
    reads fast.

    None when one of them is something else, or has a value that no line can hold.
    """
    lines = [_line(pin) for pin in pins]
    return None if None in lines else "\n".join(line for line in lines if line)


def _line(pin: Pinned) -> str | None:
    if pin.kind == "directory":
        return _line_of_folder(pin)
    plain = Pinned(
        *pin[:4], url=pin.url, path=None, sha256=pin.sha256, hashes={"sha256": pin.sha256},
        size=pin.size, index_url=pin.index_url, requires_python=pin.requires_python,
        facts=pin.facts, speaker=pin.speaker, extras=pin.extras, trust_record=pin.trust_record,
    )  # fmt: skip
    if pin != plain or pin.kind not in ("wheel", "sdist") or not pin.url or not pin.version:
        return None
    size = "" if pin.size is None else str(pin.size)
    file = (pin.name, pin.version, pin.kind, pin.filename, pin.url, pin.sha256, size)
    trust = "trust-record" if pin.trust_record else ""
    told = (pin.requires_python, pin.facts, pin.speaker, ",".join(pin.extras), trust)
    fields = (*file, pin.index_url or "", *told)
    line = "\t".join(fields)
    return line if line.replace("\t", "", len(fields) - 1).isprintable() else None


def _line_of_folder(pin: Pinned) -> str | None:
    plain = _folder(pin.name, pin.subdirectory, pin.path or ".")._replace(
        requires_python=pin.requires_python, facts=pin.facts, speaker=pin.speaker, extras=pin.extras
    )
    if pin != plain:
        return None
    file = (pin.name, "", pin.kind, pin.subdirectory or "", pin.path or ".", "", "", "")
    fields = (*file, pin.requires_python, pin.facts, pin.speaker, ",".join(pin.extras), "")
    line = "\t".join(fields)
    return line if line.replace("\t", "", len(fields) - 1).isprintable() else None


def _folder(name: str, subdirectory: str | None, path: str) -> Pinned:
    return Pinned(
        name, None, "directory", "", None, path, "", {}, subdirectory=subdirectory, editable=True
    )


def unpack_pins(text: str) -> tuple[Pinned, ...]:
    """Read what `pack_pins` wrote. Raises `ValueError` for anything else."""
    return tuple(map(_pin, text.split("\n"))) if text else ()


def _pin(line: str) -> Pinned:
    name, version, kind, filename, url, sha256, size, *told = line.split("\t")
    index_url, requires_python, facts, speaker, extras, trust = told
    if kind == "directory":
        return _folder(name, filename or None, url)._replace(
            requires_python=requires_python,
            facts=facts,
            speaker=speaker,
            extras=tuple(extras.split(",")) if extras else (),
        )
    if kind not in ("wheel", "sdist") or len(sha256) != 64:
        raise ValueError(f"not a pin: {line!a}")
    return Pinned(
        name,
        version,
        "wheel" if kind == "wheel" else "sdist",
        filename,
        url,
        None,
        sha256,
        {"sha256": sha256},
        int(size) if size else None,
        index_url=index_url or None,
        requires_python=requires_python,
        facts=facts,
        speaker=speaker,
        extras=tuple(extras.split(",")) if extras else (),
        trust_record=bool(trust),
    )
