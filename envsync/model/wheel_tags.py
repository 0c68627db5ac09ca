"""Which wheel tags an interpreter accepts, from what it says of itself."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from packaging.tags import (
    INTERPRETER_SHORT_NAMES,
    Tag,
    compatible_tags,
    cpython_tags,
    generic_tags,
    mac_platforms,
)


class TagFacts(NamedTuple):
    """What an interpreter says of itself that decides which wheels it can use."""

    implementation: str
    version: tuple[int, int]
    """Major and minor."""
    version_nodot: str
    """sysconfig's `py_version_nodot`: "311"."""
    ext_suffix: str
    """sysconfig's `EXT_SUFFIX`: ".cpython-311-x86_64-linux-gnu.so"."""
    debug: bool
    free_threaded: bool
    pointer_bits: int
    system: str
    """`platform.system()`: "Linux", "Darwin", "Windows"."""
    platform: str
    """`sysconfig.get_platform()`: "linux-x86_64", "macosx-11.0-arm64", "win-amd64"."""
    mac: tuple[str, str] = ("", "")
    """Version of macOS and machine: ("14.5", "arm64")."""
    libc: tuple[str, str] = ("", "")
    """("glibc", "2.36"), ("musl", "1.2") or nothing."""
    elf: tuple[int, ...] = ()
    """Class, byte order, machine and flags of the executable's ELF header."""


def wheel_tags(facts: TagFacts) -> tuple[str, ...]:
    """Give the tags of wheels that an interpreter can use, most wanted first.

    The same, in the same order, as `packaging.tags.sys_tags` gives inside that interpreter
    (platform compatibility tags specification; PEP 425, 600, 656, 803).
    """
    return tuple(map(str, _tags(facts, platforms_of(facts))))


def cpython_on(minor: int, platforms: Sequence[str], *, free_threaded: bool) -> tuple[str, ...]:
    """Give the tags of wheels that CPython 3.MINOR can use on platforms, most wanted first."""
    nodot = f"3{minor}"
    abi = f"cp{nodot}{'t' if free_threaded else ''}"
    tags = (
        *cpython_tags((3, minor), [abi], platforms),
        *compatible_tags((3, minor), f"cp{nodot}", platforms),
    )
    return tuple(map(str, tags))


def _tags(facts: TagFacts, platforms: list[str]) -> Iterator[Tag]:
    short = INTERPRETER_SHORT_NAMES.get(facts.implementation, facts.implementation)
    interpreter = f"{short}{facts.version_nodot or ''.join(map(str, facts.version))}"
    if short == "cp":
        yield from cpython_tags(facts.version, _cpython_abis(facts), platforms)
    else:
        yield from generic_tags(interpreter, _generic_abis(facts.ext_suffix), platforms)
    pure = {"cp": interpreter, "pp": "pp3"}.get(short)
    yield from compatible_tags(facts.version, pure, platforms)


def _cpython_abis(facts: TagFacts) -> list[str]:
    version = "".join(map(str, facts.version))
    plain = f"cp{version}{'t' if facts.free_threaded else ''}"
    # A debug build also loads extension modules that were built without debugging.
    return [f"{plain}d", plain] if facts.debug else [plain]


def _generic_abis(ext_suffix: str) -> list[str]:
    """Take the ABI from ".pypy310-pp73-x86_64-linux-gnu.so": "pypy310_pp73"."""
    parts = ext_suffix.split(".")
    if len(parts) < 3 or not parts[1]:
        return []
    words = parts[1].split("-")
    kept = {"pypy": 2, "graalpy": 3}
    count = next((kept[name] for name in kept if words[0].startswith(name)), len(words))
    return [_normalized("-".join(words[:count]))]


def platforms_of(facts: TagFacts) -> list[str]:
    """Give the tags of platforms whose wheels run there, most wanted first."""
    if facts.system == "Darwin":
        platforms = list(_mac_platforms(facts))
    elif facts.system == "Linux":
        platforms = list(_linux_platforms(facts))
    else:
        platforms = []
    return platforms or [_normalized(facts.platform)]


def _mac_platforms(facts: TagFacts) -> Iterator[str]:
    version, machine = facts.mac
    major, minor = _two_numbers(version)
    if facts.pointer_bits == 32:
        machine = "ppc" if machine.startswith("ppc") else "i386"
    return mac_platforms((major, minor), machine)


# What a 32-bit interpreter runs on when the kernel has 64 bits.
_NARROW = {"linux_x86_64": "linux_i686", "linux_aarch64": "linux_armv8l"}


def _linux_platforms(facts: TagFacts) -> Iterator[str]:
    linux = _normalized(facts.platform)
    if facts.pointer_bits == 32:
        linux = _NARROW.get(linux, linux)
    if not linux.startswith("linux_"):
        return
    machine = linux.removeprefix("linux_")
    machines = ["armv8l", "armv7l"] if machine == "armv8l" else [machine]
    for machine in machines:
        yield f"linux_{machine}"
    for machine in machines:
        if facts.libc[0] == "glibc" and _has_manylinux_abi(machines, facts.elf):
            yield from _manylinux(machine, _two_numbers(facts.libc[1]))
        elif facts.libc[0] == "musl":
            yield from _musllinux(machine, _two_numbers(facts.libc[1]))


_MANYLINUX_MACHINES = frozenset(
    {"x86_64", "aarch64", "ppc64", "ppc64le", "s390x", "loongarch64", "riscv64"}
)
_NARROW_LITTLE_ENDIAN = (1, 1)
_ELF_I386, _ELF_ARM = 3, 40
_ARM_ABI_5_HARD_FLOAT = 0x05000400


def _has_manylinux_abi(machines: list[str], elf: tuple[int, ...]) -> bool:
    """Tell whether manylinux wheels for the machine have the ABI of this executable (PEP 599)."""
    if "armv7l" in machines:
        flags = elf[3] & 0xFF000400 if elf else 0
        return elf[:3] == (*_NARROW_LITTLE_ENDIAN, _ELF_ARM) and flags == _ARM_ABI_5_HARD_FLOAT
    if "i686" in machines:
        return elf[:3] == (*_NARROW_LITTLE_ENDIAN, _ELF_I386)
    return not _MANYLINUX_MACHINES.isdisjoint(machines)


# Names from before PEP 600, by the minor version of glibc 2.
_OLD_NAMES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


def _manylinux(machine: str, glibc: tuple[int, int]) -> Iterator[str]:
    """Give the manylinux platforms down to the oldest glibc that the machine ever had (PEP 600)."""
    oldest = 5 if machine in ("x86_64", "i686") else 17
    major, newest = glibc
    if major != 2:  # no glibc 3 is in sight, and PEP 600 promises nothing across majors
        return
    for minor in range(newest, oldest - 1, -1):
        yield f"manylinux_2_{minor}_{machine}"
        if minor in _OLD_NAMES:
            yield f"{_OLD_NAMES[minor]}_{machine}"


def _musllinux(machine: str, musl: tuple[int, int]) -> Iterator[str]:
    major, newest = musl
    for minor in range(newest, -1, -1):
        yield f"musllinux_{major}_{minor}_{machine}"


def _two_numbers(version: str) -> tuple[int, int]:
    """Read "2.36", "2.20-2014.11" or "14": (0, 0) when there is no number at all."""
    numbers = [
        int("".join(digit for digit in part if digit.isascii() and digit.isdigit()) or "0")
        for part in version.split("-", 1)[0].split(".")[:2]
    ]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (numbers[0], 0)


def _normalized(text: str) -> str:
    return text.replace(".", "_").replace("-", "_").replace(" ", "_")
