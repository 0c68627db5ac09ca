"""The shape of the package: who may import whom, what is pure, what may print."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "envsync"

RANKS = (
    {"errors", "events", "redaction"},
    {"platform"},
    {"model", "settings"},
    {"inside", "spec", "trust", "wheel"},
    {"cache", "lock", "venv"},
    {"adopt", "index", "python", "store"},
    {"build", "project", "resolve"},
    {"environment", "git"},
    {"catalog"},
    {"sync"},
    {"acquire"},
    {"operations"},
    {"ui"},
    {"cli"},
)
RANK = {name: rank for rank, names in enumerate(RANKS) for name in names}
# Values of one folder that a folder of the same rank may use.
SAME_RANK_ALLOWED: set[tuple[str, str]] = set()

PURE = ("adopt", "model", "spec", "lock", "resolve", "errors", "events", "redaction")
PURE_MODULES = {"wheel.metadata", "index.pages", "environment.plan", "environment.manifest"}
IMPURE_IMPORTS = {
    *("os", "subprocess", "socket", "tempfile", "shutil", "pathlib", "time"),
    *("threading", "pycurl", "fcntl", "mmap", "platform", "signal"),
}
# `python.facts` runs inside the interpreter that is asked, and asks it what it has. Five modules
# that every lock imports leave what few locks need until then: HTML pages, direct sources, parts of
# wheels and source distributions, the explanation of a failure, direct_url.json.
LAZY_IMPORTS_ALLOWED = (
    *("catalog.index_catalog", "index.metadata_source", "index.pages"),
    *("resolve.universal", "wheel.metadata"),
    "__main__",
    "acquire.",
    "cli.",
    "environment.stamp",
    "operations.",
    "platform.durable",
    "platform.files",
    "platform.many_files",
    "platform.user",
    "project.",
    "python.facts",
    "sync.",
    "ui",
)


# What a system other than POSIX doesn't have, or has otherwise.
POSIX_MODULES = {
    *("_signal", "ctypes", "fcntl", "grp", "posix", "pty", "pwd", "resource", "select", "signal"),
    *("syslog", "termios", "tty"),
}
POSIX_OF_OS = {
    *("chown", "chroot", "fchmod", "fchown", "fdatasync", "lchown", "link", "mkfifo", "mknod"),
    *("pread", "preadv", "pwrite", "pwritev", "sendfile", "symlink", "sync"),
    *("statvfs", "fstatvfs", "getxattr", "listxattr", "removexattr", "setxattr", "umask"),
    *("ctermid", "getpgid", "getpgrp", "getppid", "kill", "killpg", "nice", "openpty", "pipe2"),
    *("setpgid", "setpgrp", "setsid", "tcgetpgrp", "tcsetpgrp", "ttyname"),
    *("confstr", "sched_getaffinity", "sched_setaffinity", "sysconf", "uname"),
    *("fork", "forkpty", "posix_spawn", "posix_spawnp", "register_at_fork"),
    *("wait", "wait3", "wait4", "waitid", "waitpid", "waitstatus_to_exitcode"),
    *("getegid", "geteuid", "getgid", "getgroups", "getuid", "initgroups", "setegid", "seteuid"),
    *("setgid", "setgroups", "setuid"),
}
POSIX_BEGINNINGS = ("exec", "spawn", "P_", "SCHED_", "W")
OPENING = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_CREAT", "O_EXCL", "O_TRUNC", "O_APPEND"}
"""Ways of opening that every system has."""
POSIX_ATTRIBUTES = {"st_uid", "st_gid"}
POSIX_ARGUMENTS = {
    *("dir_fd", "src_dir_fd", "dst_dir_fd"),
    *("pass_fds", "preexec_fn", "process_group", "start_new_session"),
}
POSIX_PLACES = ("/proc", "/dev/")
# They run inside strange interpreters, and import nothing of the package.
STRANGE = {"python.facts", "store.compile_worker"}

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for path in sorted(ROOT.rglob("*.py"))
}
"""Every module by its dotted name below the package."""


@cache
def tree(name: str) -> ast.Module:
    """A module's code, read when the first test looks at it and not when tests are collected."""
    return ast.parse(MODULES[name].read_text(), str(MODULES[name]))


def folder_of(module: str) -> str:
    """The ranked unit: a folder, or a module of the top level."""
    return module.partition(".")[0]


def imports(code: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Every imported module, with its statement."""
    for node in ast.walk(code):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node
            if node.module == "envsync" or node.module.startswith("envsync."):
                for alias in node.names:
                    if f"{node.module}.{alias.name}".removeprefix("envsync.") in MODULES:
                        yield f"{node.module}.{alias.name}", node


def own_imports(name: str) -> set[str]:
    """The package's own modules that a module imports, anywhere in it."""
    return {
        imported.removeprefix("envsync.")
        for imported, _ in imports(tree(name))
        if imported.startswith("envsync.") and imported.removeprefix("envsync.") in MODULES
    }


def ranked() -> list[str]:
    return [name for name in MODULES if name != "__main__" and not name.endswith("__init__")]


@pytest.mark.parametrize("name", ranked())
def test_module_imports_only_from_lower_ranks_or_its_own_folder(name: str) -> None:
    own = folder_of(name)
    wrong = {
        other
        for other in own_imports(name)
        if folder_of(other) != own
        and RANK[folder_of(other)] >= RANK[own]
        and (own, other) not in SAME_RANK_ALLOWED
    }
    assert wrong == set()


def test_every_module_has_a_rank() -> None:
    assert {folder_of(name) for name in ranked()} <= set(RANK)


def test_imports_have_no_cycle() -> None:
    graph = {name: own_imports(name) - {name} for name in MODULES}
    order = tuple(TopologicalSorter(graph).static_order())
    assert set(order) >= set(graph)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_module_opens_with_a_sentence(name: str) -> None:
    docstring = ast.get_docstring(tree(name))
    assert docstring
    assert docstring.split("\n\n")[0].rstrip().endswith((".", ":"))


@pytest.mark.parametrize("name", [n for n in MODULES if n.endswith("__init__")])
def test_folders_hold_nothing_but_their_sentence(name: str) -> None:
    statements = [
        node for node in tree(name).body[1:] if not isinstance(node, ast.Assign | ast.AnnAssign)
    ]
    assert statements == []


@pytest.mark.parametrize("name", [n for n in ranked() if folder_of(n) in PURE or n in PURE_MODULES])
def test_pure_module_touches_nothing_outside(name: str) -> None:
    used = {imported.partition(".")[0] for imported, _ in imports(tree(name))}
    assert used & IMPURE_IMPORTS == set()
    opened = [
        node
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("open", "print", "input", "exec", "eval")
    ]
    assert opened == []


@pytest.mark.parametrize("name", [n for n in MODULES if not n.startswith(LAZY_IMPORTS_ALLOWED)])
def test_module_imports_at_its_top_only(name: str) -> None:
    inner = [
        ast.unparse(statement)
        for function in ast.walk(tree(name))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for _, statement in imports(function)
    ]
    assert inner == []


CLI_VALUES = {
    *("model.target", "project.paths", "project.request", "settings", "spec.requirements"),
    *(
        "environment.plan",
        "lock.chains",
        "lock.compare",
        "lock.coverage",
        "lock.demands",
        "lock.difference",
        "lock.graph",
        "lock.tree",
        "spec.tasks",
        "sync.outcome",
        "cache.sizes",
    ),
}
"""What commands may know besides operations: values, where a project is, and reading a name."""
CLI_ENTRY = {
    "cli.main": {"platform.files", "redaction", "trust"},
    "cli.versions": {"platform.many_files"},
    "cli.default_index": {"model.file_urls", "redaction"},
}
"""The entry judges settings and words what was refused while it did."""


@pytest.mark.parametrize("name", [n for n in ranked() if n.startswith("cli.")])
def test_command_parses_calls_operations_and_reports(name: str) -> None:
    known = CLI_VALUES | CLI_ENTRY.get(name, set()) | {"errors", "events", "ui"}
    others = {
        other
        for other in own_imports(name)
        if folder_of(other) not in ("cli", "operations") and other not in known
    }
    assert others == set()


@pytest.mark.parametrize(
    "name", [n for n in MODULES if n not in ("ui", "__main__", "cli.main") and "facts" not in n]
)
def test_only_the_ui_writes_to_the_terminal_or_exits(name: str) -> None:
    calls = {ast.unparse(node.func) for node in ast.walk(tree(name)) if isinstance(node, ast.Call)}
    assert calls & {"print", "sys.exit", "exit", "sys.stdout.write", "sys.stderr.write"} == set()


def posix_names(code: ast.Module) -> set[str]:
    """The names in a module's code that only POSIX has, and the places of its files."""
    found = {name for name, _ in imports(code) if name.partition(".")[0] in POSIX_MODULES}
    texts = {
        id(node.value)
        for node in ast.walk(code)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(code):
        if isinstance(node, ast.Attribute):
            is_of_os = isinstance(node.value, ast.Name) and node.value.id == "os"
            is_posix = is_posix_of_os(node.attr) if is_of_os else node.attr in POSIX_ATTRIBUTES
            found |= {node.attr} if is_posix else set()
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            found |= {alias.name for alias in node.names if is_posix_of_os(alias.name)}
        elif isinstance(node, ast.keyword):
            found |= {node.arg or ""} & POSIX_ARGUMENTS
        elif isinstance(node, ast.Constant) and id(node) not in texts:
            found |= {str(node.value)} if str(node.value).startswith(POSIX_PLACES) else set()
    return found


def is_posix_of_os(name: str) -> bool:
    """Tell whether only POSIX has a name of `os`, by more than the permissions in W_OK."""
    if name.startswith("O_"):
        return name not in OPENING
    return name in POSIX_OF_OS or (name.startswith(POSIX_BEGINNINGS) and name != "W_OK")


@pytest.mark.parametrize(
    "name", [n for n in MODULES if folder_of(n) != "platform" and n not in STRANGE]
)
def test_what_only_posix_has_is_used_under_platform_alone(name: str) -> None:
    assert posix_names(tree(name)) == set()


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("import fcntl", "fcntl"),
        ("def f():\n    import pwd", "pwd"),
        ("from os import fork", "fork"),
        ("os.link(a, b)", "link"),
        ("flags = os.O_RDONLY | os.O_NOFOLLOW", "O_NOFOLLOW"),
        ("os.execve(a, b, c)", "execve"),
        ("os.lstat(a).st_uid == 0", "st_uid"),
        ("os.stat(a, dir_fd=b)", "dir_fd"),
        ("Popen(a, start_new_session=True)", "start_new_session"),
        ("open(f'/proc/{number}/stat')", "/proc/"),
    ],
)
def test_a_name_that_only_posix_has_is_seen(line: str, name: str) -> None:
    assert posix_names(ast.parse(line)) == {name}


def test_what_every_system_has_is_nobodys_own() -> None:
    text = '"""What /proc says."""\nos.open(a, os.O_RDONLY | os.O_CREAT); b.link; os.W_OK'
    assert posix_names(ast.parse(text)) == set()


def test_what_runs_in_strange_interpreters_imports_nothing_of_the_package() -> None:
    for name in (*STRANGE, "platform.supervise"):
        assert own_imports(name) == set()
