"""Make environments on disk from their description, and targets for tests."""

import os
import shutil
import sys
from collections.abc import Iterable, Mapping

from envsync.model.target import Target
from envsync.venv.create import EnvFile, environment_files


def materialise(files: Iterable[EnvFile], root: str) -> str:
    """Write an environment's files to disk below `root`, and give that path back."""
    os.makedirs(root, exist_ok=True)
    for file in files:
        path = os.path.join(root, *file.path.split("/"))
        if file.kind == "dir":
            os.makedirs(path, exist_ok=True)
        elif file.kind == "link":
            os.symlink(file.link, path)
        elif file.kind == "copy":
            shutil.copyfile(file.link, path)
        else:
            with open(path, "xb") as output:
                output.write(file.content)
        if file.kind != "link":
            os.chmod(path, file.mode)
    return root


def make_environment(
    target: Target, root: str, *, prompt: str = "shop", system_site_packages: bool = False
) -> str:
    """Make an empty environment at `root` and give that path back."""
    files = environment_files(
        target, root=root, prompt=prompt, system_site_packages=system_site_packages
    )
    return materialise(files, root)


def make_target(
    *, version: str = "3.11.7", implementation: str = "cpython", environment: Mapping[str, str] = {}
) -> Target:
    """Give a target on 64-bit Linux that links to the interpreter running the tests."""
    minor = ".".join(version.split(".")[:2])
    site = f"lib/{'python' if implementation == 'cpython' else implementation}{minor}/site-packages"
    kind = {"cpython": "CPython", "pypy": "PyPy"}[implementation]
    return Target(
        executable=sys.executable,
        version=version,
        implementation=implementation,
        cache_tag=f"{implementation}-{minor.replace('.', '')}",
        environment={
            "implementation_name": implementation,
            "os_name": "posix",
            "platform_machine": "x86_64",
            "platform_python_implementation": kind,
            "platform_system": "Linux",
            "python_full_version": version,
            "python_version": minor,
            "sys_platform": "linux",
            **environment,
        },
        tags=("py3-none-any",),
        base_prefix=sys.base_prefix,
        signature="1:1",
        purelib=site,
        platlib=site,
        scripts="bin",
        headers=f"include/site/python{minor}",
        data="",
    )
