"""Run one command without network, and with nothing to write to but some folders (Linux).

Started as `python -I -S confine.py [FOLDER...] -- COMMAND...`; becomes the command, in namespaces
of its own: one for the network in which there is only a loopback, one for mounts in which all is
read-only but the folders, and a fresh /dev/shm. No process that the command starts can get more
again: it has no capabilities there, and gains none by starting a program. Exit code 125 where the
kernel refuses; the reason is the last line of standard error then.

Imports nothing of envsync: it runs without site-packages. See unshare(2), mount_setattr(2),
user_namespaces(7), capabilities(7).
"""

import ctypes
import fcntl
import os
import socket
import struct
import sys

REFUSED = 125

_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE = 0x2, 0x4, 0x1000, 0x4000, 0x40000
_MOUNT_SETATTR = 442  # the same on every architecture
_AT_FDCWD, _AT_RECURSIVE, _READ_ONLY = -100, 0x8000, 0x1
_SET_NO_NEW_PRIVS, _DROP_FROM_BOUNDING_SET, _SET_SECUREBITS = 38, 24, 28
_ROOT_IS_NOBODY = 0b101111  # SECBIT_NOROOT, NO_SETUID_FIXUP and KEEP_CAPS_LOCKED, all locked
_SHARED_MEMORY = "/dev/shm"  # noqa: S108  (a fresh one)
_GET_FLAGS, _SET_FLAGS, _IS_UP = 0x8913, 0x8914, 0x1

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def _mount(source: str, target: str, kind: str | None, flags: int) -> None:
    kind_of = None if kind is None else kind.encode()
    done = _libc.mount(
        os.fsencode(source), os.fsencode(target), kind_of, ctypes.c_ulong(flags), None
    )
    _checked(done, f"mount {target}")


def _set_read_only(path: str, *, but: bool = False) -> None:
    """Make a folder and all mounts below it read-only, or (`but`) writable after all."""
    change = (0, _READ_ONLY) if but else (_READ_ONLY, 0)
    attributes = struct.pack("=QQQQ", *change, 0, 0)
    done = _libc.syscall(
        *(_MOUNT_SETATTR, _AT_FDCWD, os.fsencode(path), _AT_RECURSIVE),
        *(attributes, ctypes.c_size_t(len(attributes))),
    )
    _checked(done, f"mount_setattr {path}")


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _leave() -> None:
    """Enter namespaces of our own, as the same user."""
    user, group = os.getuid(), os.getgid()
    _checked(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS | _CLONE_NEWNET), "unshare")
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{user} {user} 1")
    _write("/proc/self/gid_map", f"{group} {group} 1")


def _close(folders: list[str]) -> None:
    """Leave nothing writable but the folders and a fresh /dev/shm."""
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)
    for folder in folders:
        _mount(folder, folder, None, _MS_BIND | _MS_REC)
    _set_read_only("/")
    for folder in folders:
        _set_read_only(folder, but=True)
    if os.path.isdir(_SHARED_MEMORY):  # semaphores of multiprocessing are files there
        _mount("none", _SHARED_MEMORY, "tmpfs", _MS_NOSUID | _MS_NODEV)


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        request = fcntl.ioctl(asked, _GET_FLAGS, struct.pack("16sH14x", b"lo", 0))
        (flags,) = struct.unpack_from("H", request, 16)
        fcntl.ioctl(asked, _SET_FLAGS, struct.pack("16sH14x", b"lo", flags | _IS_UP))


def _give_up_power() -> None:
    """Let nothing that is started from here undo any of this."""
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:
        last = int(file.read())
    for capability in range(last + 1):
        _checked(_libc.prctl(_DROP_FROM_BOUNDING_SET, capability, 0, 0, 0), "prctl")
    _checked(_libc.prctl(_SET_SECUREBITS, _ROOT_IS_NOBODY, 0, 0, 0), "prctl")
    _checked(_libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def main(words: list[str]) -> int:
    """Become the command behind `--`; gives the exit code where that can't be."""
    at = words.index("--")
    folders, command = words[:at], words[at + 1 :]
    here = os.getcwd()
    try:
        _leave()
        _close(folders)
        _raise_loopback()
        _give_up_power()
    except OSError as error:
        os.write(2, f"{error.strerror}\n".encode())
        return REFUSED
    os.chdir(here)  # else it is still the folder under the mount
    try:
        os.execv(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    return 127


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
