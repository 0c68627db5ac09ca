"""Strategies for markers, and a grid of the environments that they are evaluated in."""

from itertools import product

from hypothesis import strategies as st

PYTHONS = (
    "3.8.0",
    "3.8.1rc1",
    "3.8.1",
    "3.8.20",
    "3.9.0a1",
    "3.9.0",
    "3.9.13",
    "3.10.0rc2",
    "3.10.1",
    "3.11.7",
    "3.12.0b3",
    "3.12.0",
    "3.13.0rc1",
    "3.13.0",
    "3.13.1",
    "3.14.0a0",
    "3.14.2",
)

PLATFORMS = (
    ("posix", "linux", "Linux", "6.1.0-13-amd64", "#1 SMP Debian 6.1.55-1"),
    ("posix", "linux", "Linux", "5.15.0-1053", "#59-Ubuntu SMP"),
    ("posix", "linux", "Linux", "10.0+", "#1 SMP"),
    ("posix", "darwin", "Darwin", "22.6.0", "Darwin Kernel Version 22.6.0"),
    ("nt", "win32", "Windows", "10", "10.0.19045"),
    ("nt", "win32", "Windows", "2019Server", "10.0.17763"),
    ("posix", "cygwin", "CYGWIN_NT-10.0", "3.4.10.x86_64", "2023-11-29"),
    ("posix", "freebsd14", "FreeBSD", "14.0.post1", "FreeBSD 14.0"),
    ("posix", "emscripten", "Emscripten", "3.1.46", "#1"),
    ("java", "java17", "Java", "17.0.2", "Java HotSpot"),
)

MACHINES = ("x86_64", "aarch64", "arm64", "AMD64", "")

IMPLEMENTATIONS = (
    ("CPython", "cpython", None),
    ("PyPy", "pypy", "7.3.13"),
    ("GraalVM", "graalpy", "24.1.0"),
)


def environment(
    python: str, platform: tuple[str, ...], machine: str, implementation: tuple[str | None, ...]
) -> dict[str, str]:
    os_name, sys_platform, platform_system, release, version = platform
    label, name, implementation_version = implementation
    return {
        "implementation_name": str(name),
        "implementation_version": implementation_version or python,
        "os_name": os_name,
        "platform_machine": machine,
        "platform_python_implementation": str(label),
        "platform_release": release,
        "platform_system": platform_system,
        "platform_version": version,
        "python_full_version": python,
        "python_version": ".".join(python.split(".")[:2]),
        "sys_platform": sys_platform,
    }


GRID = [environment(*parts) for parts in product(PYTHONS, PLATFORMS, MACHINES[:2], IMPLEMENTATIONS)]
"""Every combination; `environments` draws from a larger one."""

VERSION_OPERATORS = ("<", "<=", "==", "!=", ">=", ">", "~=", "===")
STRING_OPERATORS = ("==", "!=", "<=", ">=", "<", ">", "in", "not in")
MINORS = ("2.7", "3", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "4.0")
PYTHON_LITERALS = (
    *MINORS,
    "3.8.0",
    "3.8.1",
    "3.9.0a1",
    "3.9.0a1.dev0",
    "3.9.13.1",
    "3.9.13.post1",
    "3.10.0rc1",
    "3.10.0rc2",
    "3.12.0.dev1",
    "3.12.0b3",
    "3.13.0",
    "3.13.0rc1",
    "3.13.0rc1.post2",
    "3.13.0+local",
    "1!3.9",
    "3.9.*",
    "3.*",
    "3.13.0.*",
    "3.12.0+x",
    "nonsense",
    "",
)
LISTS = ("3.8, 3.9", "3.8 3.13.0rc1 3.12.0b3", "3.11.7,3.8.20", "13.10", "3.8.1")
STRINGS = {
    "os_name": ("posix", "nt", "java", "os"),
    "sys_platform": ("linux", "linux2", "win32", "darwin", "cygwin", "freebsd14", "win"),
    "platform_system": ("Linux", "Windows", "Darwin", "FreeBSD", "in"),
    "platform_machine": ("x86_64", "aarch64", "arm64", "AMD64", "64", ""),
    "platform_python_implementation": ("CPython", "PyPy", "GraalVM", "Py"),
    "implementation_name": ("cpython", "pypy", "graalpy", "py"),
    "platform_version": ("#1", "10.0.19045", "#1 SMP Debian 6.1.55-1", "SMP"),
}
STRING_LISTS = {
    "sys_platform": ("linux linux2", "win32,cygwin", "darwin"),
    "platform_machine": ("x86_64 AMD64", "arm64, aarch64"),
    "platform_system": ("Windows Darwin",),
}
RELEASES = ("5.15", "5.15.0.post1053", "10", "22.6.0", "22.*", "14.0", "14.0+x", "20.0rc1", "foo")
NAMES = ("a", "b", "gpu", "Dev_Tools")


USUAL_STRINGS = {
    "sys_platform": ("linux", "win32", "darwin"),
    "platform_system": ("Linux", "Windows", "Darwin"),
    "os_name": ("posix", "nt"),
    "platform_machine": ("x86_64", "arm64"),
}


def _is_defined(operator: str, literal: str) -> bool:
    """Leave out `~= "3"` and `=== ""`, which nobody can evaluate."""
    if operator == "===":
        return literal != ""
    return operator != "~=" or ("." in literal and "*" not in literal and "+" not in literal)


def _text(draw: st.DrawFn, left: str, operator: str, literal: str) -> str:
    operands = (left, f'"{literal}"')
    if draw(st.booleans()):
        operands = operands[::-1]
    return f" {operator} ".join(operands)


@st.composite
def usual_comparisons(draw: st.DrawFn) -> str:
    """Draw what authors write: minor versions, platforms, extras."""
    kind = draw(st.sampled_from(("python", "string", "extra")))
    if kind == "python":
        operator = draw(st.sampled_from(("<", "<=", ">=", ">", "==", "!=")))
        return f'python_version {operator} "{draw(st.sampled_from(MINORS))}"'
    operator = draw(st.sampled_from(("==", "!=")))
    if kind == "extra":
        return f'extra {operator} "{draw(st.sampled_from(NAMES))}"'
    name = draw(st.sampled_from(sorted(USUAL_STRINGS)))
    return f'{name} {operator} "{draw(st.sampled_from(USUAL_STRINGS[name]))}"'


@st.composite
def python_comparisons(draw: st.DrawFn) -> str:
    name = draw(
        st.sampled_from(("python_version", "python_full_version", "implementation_version"))
    )
    operator = draw(st.sampled_from((*VERSION_OPERATORS, "in", "not in")))
    literals = LISTS if "in" in operator else PYTHON_LITERALS
    literal = draw(st.sampled_from(literals).filter(lambda text: _is_defined(operator, text)))
    return _text(draw, name, operator, literal)


@st.composite
def string_comparisons(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(sorted(STRINGS)))
    operator = draw(st.sampled_from(STRING_OPERATORS))
    literals = STRINGS[name] + (STRING_LISTS.get(name, ()) if "in" in operator else ())
    return _text(draw, name, operator, draw(st.sampled_from(literals)))


@st.composite
def release_comparisons(draw: st.DrawFn) -> str:
    """Draw comparisons with platform_release, whose opposites PEP 508 often cannot write."""
    operator = draw(st.sampled_from((*VERSION_OPERATORS, "in", "not in")))
    literal = draw(st.sampled_from(RELEASES).filter(lambda text: _is_defined(operator, text)))
    if operator == "~=" and literal in ("10", "foo"):
        return f'"{literal}" == platform_release'
    return _text(draw, "platform_release", operator, literal)


@st.composite
def choice_comparisons(draw: st.DrawFn) -> str:
    """Draw extras and groups, of the root and of a package."""
    name = draw(st.sampled_from(("extras", "dependency_groups", "extra")))
    if name == "extra":
        operator, literal = draw(st.sampled_from(("==", "!="))), draw(st.sampled_from((*NAMES, "")))
        return f'extra {operator} "{literal}"'
    return f'"{draw(st.sampled_from(NAMES))}" {draw(st.sampled_from(("in", "not in")))} {name}'


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    """Draw any comparison but those with platform_release."""
    kinds = (usual_comparisons, python_comparisons, string_comparisons, choice_comparisons)
    return draw(draw(st.sampled_from(kinds))())


@st.composite
def all_comparisons(draw: st.DrawFn) -> str:
    return draw(release_comparisons() if draw(st.integers(0, 4)) == 0 else comparisons())


def marker_texts(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Markers of a few comparisons with `and`, `or` and parentheses."""
    return st.recursive(
        parts,
        lambda inner: st.one_of(
            st.lists(inner, min_size=2, max_size=3).map(" and ".join),
            st.lists(inner, min_size=2, max_size=3).map(" or ".join),
            inner.map(lambda text: f"({text})"),
        ),
        max_leaves=6,
    )


@st.composite
def environments(draw: st.DrawFn) -> dict[str, str]:
    return environment(
        draw(st.sampled_from(PYTHONS)),
        draw(st.sampled_from(PLATFORMS)),
        draw(st.sampled_from(MACHINES)),
        draw(st.sampled_from(IMPLEMENTATIONS)),
    )


def choices() -> st.SearchStrategy[frozenset[str]]:
    """Extras or groups that are asked for."""
    return st.frozensets(st.sampled_from(NAMES), max_size=3)
