"""Answer one question inside an interpreter: print what it is as one marked line of JSON.

Run as `PYTHON -I -S -B python/facts.py`, never imported by envsync. Must work on Python 3.6 (so
that what is too old can be told) and newer, with the standard library alone.
"""

import json
import os
import platform
import re
import struct
import sys
import sysconfig

MARK = "envsync-python-facts:"


def main() -> None:
    """Write the facts as one line of ASCII to standard output."""
    sys.stdout.write(f"\n{MARK}{json.dumps(facts())}\n")


def facts() -> "dict[str, object]":
    """Gather what `model.target` and `python.ask` need; every value is plain JSON."""
    return {
        "version_info": list(sys.version_info),
        "version": platform.python_version(),
        "implementation": sys.implementation.name,
        "cache_tag": sys.implementation.cache_tag or "",
        "executable": sys.executable,
        "base_executable": getattr(sys, "_base_executable", None) or sys.executable,
        "base_prefix": sys.base_prefix,
        "base_exec_prefix": sys.base_exec_prefix,
        "stdlib": sysconfig.get_path("stdlib"),
        "environment": marker_environment(),
        "pointer_bits": struct.calcsize("P") * 8,
        "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "debug": is_debug_build(),
        "version_nodot": str(sysconfig.get_config_var("py_version_nodot") or ""),
        "ext_suffix": sysconfig.get_config_var("EXT_SUFFIX") or "",
        "platform": sysconfig.get_platform(),
        "mac": [platform.mac_ver()[0], platform.mac_ver()[2]],
        "libc": libc(),
        "elf": list(elf_header()),
        "layout": layout(),
    }


def marker_environment() -> "dict[str, str]":
    """Give the variables of environment markers (dependency specifiers, PEP 508)."""
    version = sys.implementation.version
    kind = version.releaselevel
    suffix = "" if kind == "final" else kind[0] + str(version.serial)
    return {
        "implementation_name": sys.implementation.name,
        "implementation_version": f"{version.major}.{version.minor}.{version.micro}{suffix}",
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    }


def is_debug_build() -> bool:
    """Tell whether extension modules need the debug ABI (Windows sets no Py_DEBUG)."""
    said = sysconfig.get_config_var("Py_DEBUG")
    if said is not None:
        return bool(said)
    from importlib.machinery import EXTENSION_SUFFIXES  # noqa: PLC0415

    return hasattr(sys, "gettotalrefcount") or "_d.pyd" in EXTENSION_SUFFIXES


def layout() -> "dict[str, str]":
    """Give where an environment keeps its parts, relative to its root, with forward slashes.

    The `venv` scheme where there is one (3.11, and patched earlier ones); distributions change
    the default scheme, never this one.
    """
    names = sysconfig.get_scheme_names()
    plain = "nt" if os.name == "nt" else "posix_prefix"
    scheme = "venv" if "venv" in names else plain
    root = os.path.join(os.path.abspath(os.sep), "root")
    bases = ("base", "platbase", "installed_base", "installed_platbase")
    paths = sysconfig.get_paths(scheme, vars=dict.fromkeys(bases, root))
    wanted = ("purelib", "platlib", "scripts")
    return {name: os.path.relpath(paths[name], root).replace(os.sep, "/") for name in wanted}


def libc() -> "list[str]":
    """Give ["glibc", "2.36"], ["musl", "1.2"] or ["", ""]: what manylinux and musllinux ask for."""
    if not sys.platform.startswith("linux"):
        return ["", ""]
    try:
        name, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").rsplit(" ", 1)
    except (AttributeError, OSError, ValueError):
        return musl()
    return [name, version]


def musl() -> "list[str]":
    """Ask the program loader, where it is musl's, for its version (PEP 656)."""
    loader = elf_loader()
    if "musl" not in loader:
        return ["", ""]
    import subprocess  # noqa: PLC0415

    answer = subprocess.run([loader], check=False, stderr=subprocess.PIPE).stderr
    version = re.search(rb"^Version (\d+\.\d+)", answer, re.MULTILINE)
    return ["musl", version.group(1).decode("ascii")] if version else ["", ""]


def elf_header() -> "tuple[int, ...]":
    """Give class, byte order, machine and flags of the executable's ELF header, or nothing."""
    with open(sys.executable, "rb") as file:
        head = file.read(64)
    if head[:4] != b"\x7fELF":
        return ()
    order = "<" if head[5] == 1 else ">"
    (machine,) = struct.unpack_from(order + "H", head, 18)
    (flags,) = struct.unpack_from(order + "I", head, 48 if head[4] == 2 else 36)
    return (head[4], head[5], machine, flags)


def elf_loader() -> str:
    """Give the path of the loader that the executable names (PT_INTERP), or ""."""
    with open(sys.executable, "rb") as file:
        data = file.read(1 << 20)
    if data[:4] != b"\x7fELF":
        return ""
    order = "<" if data[5] == 1 else ">"
    wide = data[4] == 2
    (start,) = struct.unpack_from(order + ("Q" if wide else "I"), data, 32 if wide else 28)
    size, count = struct.unpack_from(order + "HH", data, 54 if wide else 42)
    for header in range(start, min(start + size * count, len(data) - 56), size):
        fields = struct.unpack_from(order + ("IIQQQQ" if wide else "IIIIII"), data, header)
        offset, length = (fields[2], fields[5]) if wide else (fields[1], fields[4])
        if fields[0] == 3:  # PT_INTERP
            return os.fsdecode(data[offset : offset + length].rstrip(b"\0"))
    return ""


if __name__ == "__main__":
    main()
