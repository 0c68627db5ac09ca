import pytest

from envsync.environment.manifest import Owner, Placed
from envsync.errors import InstallConflict
from envsync.sync.merge import merge, one_name

SITE = "lib/python3.12/site-packages"


def owner(name: str, *paths: str, content: str = "aa") -> Owner:
    return Owner(name, "1.0", "x", tuple(Placed(path, 0o100444, 1, content) for path in paths))


def test_packages_share_folders_and_equal_files() -> None:
    one, other = owner("one", "a/x", "a/b/y"), owner("other", "a/x", "a/b/z", "ab")
    assert sorted(merge([one, other])) == ["a/b/y", "a/b/z", "a/x", "ab"]


def test_different_bytes_name_both_packages() -> None:
    with pytest.raises(InstallConflict, match=r"one 1.0 and other 1.0 both install a/x, with"):
        merge([owner("one", "a/x"), owner("other", "a/x", content="bb")])


CLASHES = {
    "module and package": ([f"{SITE}/shared"], [f"{SITE}/shared/mod.py"]),
    "deeper": ([f"{SITE}/a/b"], [f"{SITE}/a/b/c/d.py", f"{SITE}/a/x.py"]),
    "script and folder of scripts": (["bin/tool"], ["bin/tool/plugin"]),
    "header": (["include/site/python3.12/one"], ["include/site/python3.12/one/a.h"]),
    "bytecode folder": ([f"{SITE}/p/__pycache__"], [f"{SITE}/p/__pycache__/a.cpython-312.pyc"]),
    "data": (["share/x"], ["share/x/y"]),
}


@pytest.mark.parametrize("kind", CLASHES)
@pytest.mark.parametrize("turned", [False, True])
def test_file_in_the_place_of_a_folder_is_refused(kind: str, turned: bool) -> None:
    first, second = CLASHES[kind]
    owners = [owner("one", *first), owner("other", *second)]
    with pytest.raises(InstallConflict) as caught:
        merge(owners[::-1] if turned else owners)
    text = str(caught.value)
    assert text == f"one 1.0 installs the file {first[0]}, and other 1.0 the file {second[0]}"
    assert caught.value.hint is not None
    assert "take the other out" in caught.value.hint


def test_one_package_that_contradicts_itself_is_named_alone() -> None:
    with pytest.raises(InstallConflict) as caught:
        merge([owner("one", "a", "a/b")])
    assert caught.value.owners == ("one 1.0", "one 1.0")
    assert caught.value.hint == "take one 1.0 out of env.toml, or ask for another version"


def test_files_below_a_link_of_the_environment_are_refused() -> None:
    itself = Owner("", "", "", (Placed("lib64", 0o120777, 3, "lib"),))
    with pytest.raises(InstallConflict, match=r"the environment itself installs the file lib64,"):
        merge([itself, owner("one", "lib64/x.so")])


def test_names_that_are_one_name_are_told_with_their_packages() -> None:
    owners = [owner("one", "Demo/x"), owner("other", "demo/y")]
    error = one_name("Demo", "demo", owners)
    assert str(error) == "one 1.0 installs Demo, and other 1.0 demo: one name on this file system"
