"""Read setup.cfg: what setuptools takes from it, as text."""

import re

from envsync.adopt.draft import Draft
from envsync.adopt.ini_file import IniFile
from envsync.adopt.requirements_txt import read_requirements
from envsync.adopt.setup_py import tell_of_package
from envsync.spec.model import BASE, Part

_TESTS = "setuptools no longer installs these: they go into the dependency group test"


def read_setup_cfg(draft: Draft, path: str) -> None:
    """Read [metadata] name and [options] of a setup.cfg. Raises `SpecInvalid`."""
    file = IniFile(path, draft.read_bytes(path))
    draft.has_read(path)
    draft.call(file.value("metadata", "name"), file.origin("metadata", "name"))
    python = file.value("options", "python_requires")
    draft.need_python(python, file.origin("options", "python_requires"))
    _requirements(draft, file, "options", "install_requires", BASE)
    for key in file.keys("options.extras_require"):
        part = draft.extra_part(key.partition(":")[0], file.origin("options.extras_require", key))
        if part is not None:
            _requirements(draft, file, "options.extras_require", key, part)
    if file.value("options", "tests_require"):
        origin = file.origin("options", "tests_require")
        draft.leave(origin, "tests_require", _TESTS, matters=False)
        part = draft.group_part("test", origin)
        if part is not None:
            _requirements(draft, file, "options", "tests_require", part)
    if file.value("options", "dependency_links"):
        origin = file.origin("options", "dependency_links")
        advice = "nothing reads these any more: name an [[index]], or a package under [sources]"
        draft.leave(origin, "dependency_links", advice)
    if file.value("options", "packages") or file.value("options", "py_modules"):
        tell_of_package(draft, path)


def _requirements(draft: Draft, file: IniFile, section: str, key: str, part: Part) -> None:
    value = file.value(section, key) or ""
    if value.strip().startswith("file:"):
        for name in re.split(r"[,\n]", value.strip().removeprefix("file:")):
            if name.strip():
                read_requirements(draft, name.strip(), part)
        return
    for text, origin in file.lines(section, key):
        for one in [text] if "\n" in value else text.split(";"):
            draft.require(part, one, origin)
