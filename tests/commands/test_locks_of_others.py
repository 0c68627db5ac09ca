"""A lock that envsync can't read, or didn't write, is never lost without a word."""

from tests.support.command import Workplace


def test_lock_that_is_invalid_is_never_overwritten_by_sync(project: Workplace) -> None:
    project.given("sync")
    good = project.lock()
    for bad in (good[:300], f"<<<<<<< ours\n{good}", good.replace('"1.0"', '"2.0"', 1)):
        project.write(bad, "pylock.toml")
        before = project.files()
        ran = project.run("sync")
        assert ran.code == 2, ran.err
        assert "envsync lock" in ran.err or "newer envsync" in ran.err
        assert project.files() == before


def test_lock_of_a_newer_format_is_not_overwritten_by_lock_either(project: Workplace) -> None:
    project.given("lock")
    newer = project.lock().replace('lock-version = "1.0"', 'lock-version = "2.0"')
    project.write(newer, "pylock.toml")
    assert project.run("lock").code == 2
    assert project.lock() == newer


def test_lock_of_another_tool_is_replaced_with_a_word(project: Workplace) -> None:
    project.given("lock")
    foreign = project.lock().replace('created-by = "envsync"', 'created-by = "other"')
    project.write(foreign.split("[tool.envsync]")[0], "pylock.toml")
    ran = project.ok("lock")
    assert "was made by other" in ran.err
    assert "--frozen" in ran.err
