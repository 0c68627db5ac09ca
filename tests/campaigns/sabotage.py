"""Remove one guard at a time and see that a named test notices: the tests of the tests.

    python -m tests.campaigns.sabotage [--only NAME] [--keep]

Each switch replaces a few characters of one module in a private copy of the project. The test
named beside it must pass without and fail with the change.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from typing import NamedTuple

PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_COPIED = ("envsync", "tests", "fixtures", "speedups", "pyproject.toml")
_SECONDS = 180


class Switch(NamedTuple):
    """One guard, how it is taken away, and the test that must notice."""

    name: str
    module: str
    """Below `envsync/`."""
    guard: str
    """Its text, once in the module."""
    without: str
    test: str


_FILES, _FLOCK = "platform/files.py", "platform/file_lock.py"
_FLAGS, _OPEN, _USER = "platform/flags.py", "platform/open_folder.py", "platform/user.py"
_JOURNAL, _UPDATE = "environment/journal.py", "environment/update.py"
_MOVING = "environment/transaction.py"
_DRIFT, _STAMP = "environment/drift.py", "environment/stamp.py"
_SEAL, _REPLACE, _BESIDE = "environment/seal.py", "environment/replace.py", "environment/beside.py"
_BELIEF, _PATHS = "environment/belief.py", "environment/paths.py"
_STORE, _ENTRIES = "store/wheels.py", "store/entries.py"
_LOCAL = "tests/project/test_local_files.py::test_"
_ORDER = "tests/environment/test_durability.py::test_"
_ASK, _NAMED = "python/ask.py", "tests/python/test_named.py::test_"
_PROJECT = "tests/project/test_paths.py::test_"

SWITCHES = (
    Switch(
        "no flush of a written file", _FILES, "os.fsync(file.fileno())", "pass",
        f"{_ORDER}an_atomic_write_is_flushed_before_and_after_its_rename",
    ),
    Switch(
        "no flush of its folder", _FILES,
        '            sync_directory(os.path.dirname(path) or ".")', "            pass",
        f"{_ORDER}an_atomic_write_is_flushed_before_and_after_its_rename",
    ),
    Switch(
        "no flush before the journal goes", _JOURNAL,
        'tree.flush_all()  # as long as', 'pass  # as long as',
        f"{_ORDER}the_journal_is_on_disk_before_the_first_step_and_goes_after_all_are",
    ),
    Switch(
        "no flush of a renamed environment", _REPLACE,
        'parent.rename(new, name)\n            parent.flush("")', "parent.rename(new, name)",
        f"{_ORDER}a_first_environment_is_on_disk_by_its_name_with_what_it_says_of_itself",
    ),
    Switch(
        "what is staged is not flushed", _UPDATE, "flush_all([root, *means.sources_in])", "pass",
        f"{_ORDER}what_is_staged_and_the_next_manifest_are_on_disk_before_the_journal",
    ),
    Switch(
        "a replacement is not flushed", _REPLACE, "flush_all([built, *means.sources_in])", "pass",
        f"{_ORDER}a_replacement_is_on_disk_before_the_old_one_goes",
    ),
    Switch(
        "a first environment's state is not flushed", _REPLACE, "    sync_directory(built)\n", "",
        f"{_ORDER}a_first_environment_is_on_disk_by_its_name_with_what_it_says_of_itself",
    ),
    Switch(
        "env.toml and the lock are not put back", _MOVING, "written.put_back()", "pass",
        "tests/environment/test_companions.py::test_a_commit_that_fails_puts_them_back",
    ),
    Switch(
        "env.toml and the lock are put back under a journal", _MOVING,
        "if not is_interrupted(change.root, change.seal):", "if True:",
        "tests/environment/test_companions.py"
        "::test_a_failure_after_the_journal_is_written_keeps_them",
    ),
    Switch(
        "what an editor wrote meanwhile is overwritten", "project/texts.py",
        "if present != text.made_from:", "if False:",
        "tests/environment/test_companions.py"
        "::test_an_env_toml_that_was_edited_meanwhile_stops_all_of_it",
    ),
    Switch(
        "the user's files are moved without a flush", _JOURNAL,
        "users[-1]:\n            tree.flush_all()", "users[-1]:\n            pass",
        f"{_ORDER}what_is_the_users_is_moved_into_folders_that_are_on_disk",
    ),
    Switch(
        "a torn environment is believed", "sync/observe.py", "torn = not survived(",
        "torn = False and not survived(",
        "tests/sync/test_observe.py::test_what_a_power_failure_may_have_torn_is_compared_by_bytes",
    ),
    Switch(
        "the stamp ignores a restart", _STAMP, "if not survived(", "if False and not survived(",
        "tests/environment/test_stamp.py::test_what_an_earlier_run_of_the_system_wrote_is_not_current",
    ),
    Switch(
        "a write goes through links", _FILES, "os.replace(temporary, path)",
        "os.replace(temporary, os.path.realpath(path))",
        "tests/platform/test_files.py::test_atomic_write_replaces_a_link_and_never_writes_through_it",
    ),
    Switch(
        "no lock", _FLOCK, "fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)", "pass",
        "tests/platform/test_file_lock.py::test_lock_is_exclusive_shown_bounded_and_ends_with_its_holder",
    ),
    Switch(
        "damage of a sealed text is not seen", _SEAL,
        'if not (line.startswith(begin) and line.endswith(b"\\n")):', "if False:",
        "tests/environment/test_transaction.py::test_damaged_journal_is_refused",
    ),
    Switch(
        "root believes what is root's", _BELIEF, "if is_root():", "if False:",
        "tests/environment/test_belief.py::test_root_does_not_believe_what_root_cloned",
    ),
    Switch(
        "what root wrote is believed wherever it lies", _BELIEF,
        "all(only_root_writes(os.stat(folder), sticky=True) for folder in above)", "True",
        "tests/environment/test_belief.py::test_what_others_may_write_to_is_not_believed",
    ),
    Switch(
        "any folder beside counts", _BESIDE,
        "if seal.has_signed(_signed(parent, name, kind, mark), code) and (", "if True and (",
        "tests/environment/test_replace.py::test_what_another_user_s_name_is_on_is_left_alone",
    ),
    Switch(
        "an old folder is any of its name", _BESIDE,
        "kind == NEW or _has_inode(parent, entry, mark)", "True",
        "tests/environment/test_replace.py::test_what_another_user_s_name_is_on_is_left_alone",
    ),
    Switch(
        "an earlier quarantine goes with its environment", "environment/retire.py",
        '    moves |= _earlier(parent, f"{old}/{QUARANTINE}", f"{name}/{QUARANTINE}")\n', "",
        "tests/environment/test_replace.py::test_an_earlier_quarantine_survives_a_replacement",
    ),
    Switch(
        "a manifest may name any path", _PATHS,
        'if not plain or not names.isdisjoint(("", ".", "..")):', "if False:",
        "tests/environment/test_manifest.py::test_a_path_that_leads_out_is_refused_though_it_is_sealed",
    ),
    Switch(
        "nobody asks for descriptors before the commit", _UPDATE, "tree.reserve()", "pass",
        "tests/environment/test_tree.py::test_nothing_is_committed_without_descriptors",
    ),
    Switch(
        "anybody's journal is believed", "environment/seal.py", "if not trusted and not",
        "if False and not",
        "tests/environment/test_transaction.py::test_journal_of_another_user_is_refused",
    ),
    Switch(
        "a foreign journal is believed", _JOURNAL,
        " or lines[1] != _identity(id_in(tree), tree)", "",
        "tests/environment/test_transaction.py::test_journal_of_another_environment_is_refused",
    ),
    Switch(
        "a copied journal is believed", _OPEN, "return str(os.fstat(self._folder(path)).st_ino)",
        'return "here"',
        "tests/environment/test_tree.py::test_a_journal_of_a_copied_environment_is_refused",
    ),
    Switch(
        "a journal may name any path", _JOURNAL,
        "if not (is_root or is_inside(step.path)) or not (", "if False and not (",
        "tests/environment/test_tree.py::test_a_forged_journal_with_a_path_that_leads_elsewhere",
    ),
    Switch(
        "links on the way are followed", _FLAGS, "os.O_DIRECTORY | _NO_LINK", "os.O_DIRECTORY",
        "tests/environment/test_tree.py::test_a_link_in_place_of_a_folder_leads_no_step_outside",
    ),
    Switch(
        "a repeated step trashes what is new", _JOURNAL, "    if there is None:", "    if True:",
        "tests/environment/test_transaction.py::test_death_after_any_step_is_finished_by_recovery",
    ),
    Switch(
        "obstacles are not set aside", _JOURNAL,
        "        _set_aside(tree, step.path)\n    tree.rename(new, step.path)",
        "        pass\n    tree.rename(new, step.path)",
        "tests/environment/test_transaction.py"
        "::test_folder_that_appears_where_a_file_is_placed_is_set_aside",
    ),
    Switch(
        "an interrupted replacement is not taken back", _REPLACE,
        "parent.rename(entry.name, name)\n", "pass\n",
        "tests/environment/test_transaction.py"
        "::test_death_between_the_two_renames_of_a_replacement_gives_the_old_one_back",
    ),
    Switch(
        "stored files are not compared", "environment/placing.py",
        "if known(inode) != change or status[6] != placed[2] or status[0] != placed[1]:",
        "if False:",
        "tests/environment/test_transaction.py::test_stored_file_that_was_changed_is_not_linked",
    ),
    Switch(
        "drift ignores times", _DRIFT,
        "return status.st_mtime_ns == expected_mtime(expected) * 1_000_000_000", "return True",
        "tests/environment/test_drift.py::test_what_times_leave_open_is_told",
    ),
    Switch(
        "drift ignores times of change", _DRIFT,
        "and (times is None or times.get(file.path) == status.st_ctime_ns)", "",
        "tests/environment/test_drift.py::test_what_times_leave_open_is_told",
    ),
    Switch(
        "drift ignores permissions", _DRIFT, "status.st_mode == expected.mode and ", "",
        "tests/environment/test_drift.py::test_edit_is_found",
    ),
    Switch(
        "drift ignores strays", _DRIFT,
        "if path not in self._placed:\n                    self.stray.append(path)",
        "if path not in self._placed:\n                    pass",
        "tests/environment/test_drift.py::test_stray_files_links_and_folders_are_found",
    ),
    Switch(
        "the stamp ignores the journal", _STAMP,
        'return not os.path.lexists(f"{root}/.envsync/journal")', "return True",
        "tests/environment/test_stamp.py::test_other_changes_are_seen_at_both_levels",
    ),
    Switch(
        "the stamp trusts fresh folders", _STAMP,
        "time if time < as_of_ns - _TICK_NS else _UNKNOWN", "time",
        "tests/environment/test_stamp.py"
        "::test_folder_that_changed_after_it_was_looked_at_is_never_current",
    ),
    Switch(
        "packages change by themselves though they meet others", "sync/in_part.py",
        "            raise Entangled", "            return",
        "tests/sync/test_in_part.py::test_what_cannot_stand_together_is_refused",
    ),
    Switch(
        "a folder that is dated back is trusted unseen", "sync/shortcuts.py",
        "moment if is_known else 0", "moment",
        "tests/sync/test_in_part.py::test_what_is_added_meanwhile_is_found_by_the_next_sync",
    ),
    Switch(
        "a sync in part trusts inputs as of its end", "sync/shortcuts.py",
        "rows, parts, observed.looked_ns)", "rows, parts, 1 << 62)",
        "tests/sync/test_in_part.py::test_an_input_that_is_edited_meanwhile_is_not_trusted",
    ),
    Switch(
        "bytecode of others goes with that of a package", "sync/in_part.py",
        "if source_of(p) not in near", "if True",
        "tests/sync/test_in_part.py"
        "::test_bytecode_goes_with_its_source_and_that_of_others_stays",
    ),
    Switch(
        "the stamp trusts fresh inputs", _STAMP,
        "if mtime >= written - _TICK_NS and", "if False and",
        "tests/environment/test_stamp.py::test_input_written_in_the_same_moment_is_judged_by_its_hash",
    ),
    Switch(
        "a stamp of others is believed", _USER,
        "return status.st_uid in (os.geteuid(), 0) and not status.st_mode & 0o022", "return True",
        "tests/environment/test_stamp.py::test_a_mark_that_others_could_write_counts_for_nothing",
    ),
    Switch(
        "a stamp is believed of another folder in the place", _STAMP,
        "file.read(len(head)) == head:", "file.read(len(head)):",
        "tests/environment/test_stamp.py::test_other_changes_are_seen_at_both_levels",
    ),
    Switch(
        "a link on the way to where files are looked at leads on", _STAMP,
        " or not os.path.samestat(own, above):", ":",
        "tests/environment/test_stamp.py"
        "::test_a_link_on_the_way_to_the_folder_that_most_is_in_is_no_folder",
    ),
    Switch(
        "what a manifest says of files is not what was sealed", "environment/manifest.py",
        "if hashlib.sha256(self.lines).hexdigest() != self.sha256:", "if False:",
        "tests/environment/test_manifest.py"
        "::test_damage_of_what_is_read_when_asked_for_is_noticed_then",
    ),
    Switch(
        "a part may meet packages elsewhere", "environment/change.py",
        "if not wanted.isdisjoint(row[0])", "if False",
        "tests/sync/test_in_part.py::test_it_is_as_if_everything_had_been_looked_at",
    ),
    Switch(
        "a lock on a file that was removed counts", _FLOCK,
        "if self._is_in_place():", "if True:",
        "tests/platform/test_file_lock.py"
        "::test_a_lock_on_a_file_that_was_removed_meanwhile_counts_for_nothing",
    ),
    Switch(
        "forked processes keep locks", _FLOCK,
        "os.register_at_fork(after_in_child=_let_go)", "_let_go",
        "tests/commands/test_together.py::test_a_killed_holder_and_its_children_block_nobody",
    ),
    Switch(
        "a wheel's hash is not compared", _STORE, "if digest != sha256:", "if False:",
        "tests/store/test_wheels.py::test_another_hash_is_refused",
    ),
    Switch(
        "a store that others can write to is used", _ENTRIES,
        "not is_mine(status) or status.st_mode & 0o022", "False",
        "tests/store/test_wheels.py::test_a_store_that_others_can_write_to_is_refused",
    ),
    Switch(
        "entries from before a restart are believed", _ENTRIES,
        "if self.damaged(wheel, hashed=True):", "if False:",
        "tests/store/test_wheels.py::test_an_entry_that_a_power_cut_tore_is_absent",
    ),
    Switch(
        "a stored file's time of change is not compared", _ENTRIES,
        "and rows.get(status.st_ino) == status.st_ctime_ns", "",
        "tests/store/test_wheels.py::test_damage_that_puts_the_time_back_is_seen",
    ),
    Switch(
        "a download's hash is not compared", "index/artifacts.py", "if digest != expected:",
        "if False:",
        "tests/index/test_artifacts.py::test_a_wrong_hash_is_an_error_and_leaves_nothing",
    ),
    Switch(
        "a wheel may hold what RECORD does not list", "wheel/archive.py",
        "            _check_row(entry, row, info.file)", "            pass",
        "tests/wheel/test_archive.py",
    ),
    Switch(
        "a wheel may lead out of its folder", "wheel/paths.py",
        'if "." in parts or ".." in parts:', "if False:", "tests/wheel/test_paths.py",
    ),
    Switch(
        "a file may change on the index", "lock/compare.py",
        "if files.get(file, locked) != locked:", "if False:",
        "tests/lock/test_compare.py::test_a_file_that_was_replaced_on_the_index_is_refused",
    ),
    Switch(
        "interrupts come into a commit", "platform/interrupts.py", "    if _State.holders:",
        "    if False:",
        "tests/platform/test_interrupts.py::test_held_work_is_done_before_the_interrupt_comes_in",
    ),
    Switch(
        "a lock gives leave to build", "acquire/builds.py",
        "if self._is_allowed(pin.name) or (is_ours and is_declared(pin, self._spec)):",
        "if True:",
        "tests/acquire/test_leave.py::test_everything_else_needs_leave",
    ),
    Switch(
        "a row may come from anywhere", "lock/origins.py",
        "if (reason := _why_elsewhere(row, sources.get(row.name, ()), spec, is_default))",
        'if (reason := "")',
        "tests/lock/test_origins.py::test_a_source_by_path",
    ),
    Switch(
        "a row need not be required", "lock/origins.py", "if id(row) not in reached:", "if False:",
        "tests/lock/test_origins.py::test_what_nothing_requires",
    ),
    Switch(
        "a local file's hash is not compared", "project/local_files.py",
        "if digest != expected:", "if False:", f"{_LOCAL}every_hash_and_the_size_count",
    ),
    Switch(
        "a local file's size is not compared", "project/local_files.py",
        "if file.size not in (None, content.size):", "if False:",
        f"{_LOCAL}every_hash_and_the_size_count",
    ),
    Switch(
        "a changed local file is locked anew", "lock/compare.py",
        "if sha256 != locked and name not in trusted:", "if False:",
        "tests/lock/test_compare.py"
        "::test_a_file_of_sources_that_changed_is_taken_only_when_asked_for",
    ),
    Switch(
        "what one index built serves another", "build/key.py",
        '        "indexes": list(indexes),\n', "",
        "tests/build/test_key.py::test_another_build_has_another_key",
    ),
    Switch(
        "paths lead out of the project", "inside.py", "if real != base and not", "if False and not",
        "tests/test_inside.py::test_links_lead_nowhere_else",
    ),
    Switch(
        "an interpreter is asked without -I", _ASK, '"-I", "-S", "-B"', '"-S", "-B"',
        f"{_NAMED}it_is_asked_in_the_root_folder_with_few_variables",
    ),
    Switch(
        "an interpreter is asked in the current folder", _ASK, "cwd=os.path.abspath(os.sep)",
        "cwd=None", f"{_NAMED}it_is_asked_in_the_root_folder_with_few_variables",
    ),
    Switch(
        "an interpreter gets all variables", _ASK,
        "environ = own_environment(os.environ, never_inside)", "environ = dict(os.environ)",
        f"{_NAMED}it_is_asked_in_the_root_folder_with_few_variables",
    ),
    Switch(
        "a remembered interpreter is not judged again", _ASK,
        "if never_inside is not None and is_inside(path, never_inside):", "if False:",
        f"{_NAMED}what_was_remembered_is_judged_again",
    ),
    Switch(
        "links through the clone are followed", "python/trust.py",
        "        yield step\n", "",
        f"{_NAMED}links_that_lead_into_the_clone_are_not_candidates",
    ),
    Switch(
        "pyvenv.cfg names any program", "python/base.py", " and is_interpreter(path)", "",
        f"{_NAMED}a_base_is_an_interpreter_by_name",
    ),
    Switch(
        "a path in a file is run as it stands", "python/named.py",
        "return (found, self.never_inside) if found else (self._allowed(base), None)",
        "return (found or base), None",
        f"{_NAMED}what_no_search_finds_is_not_run_because_a_file_says_so",
    ),
    Switch(
        "an environment in the clone names its base", "python/named.py",
        "return self._found(base) or self._allowed(base), self.never_inside", "return base, None",
        f"{_NAMED}what_an_environment_in_the_clone_says_is_a_strangers_word",
    ),
    Switch(
        "a project above is anybody's", "project/paths.py", "if folder != directory:",
        "if False:", f"{_PROJECT}a_folder_above_where_others_may_write_is_not_adopted",
    ),
    Switch(
        "what can't be looked at is no project", "project/paths.py",
        "except (FileNotFoundError, NotADirectoryError):", "except OSError:",
        f"{_PROJECT}a_folder_that_cannot_be_looked_into_is_no_folder_without_a_project",
    ),
)  # fmt: skip


def apply(switch: Switch, copy: str) -> None:
    """Take the guard away in a copy of the project. Raises `ValueError` where it isn't there."""
    path = f"{copy}/envsync/{switch.module}"
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if text.count(switch.guard) != 1:
        raise ValueError(f"{switch.module} has {switch.guard!r} {text.count(switch.guard)} times")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(switch.guard, switch.without))


def run_test(test: str, copy: str) -> bool:
    """Say whether a test passes in a copy of the project."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", test],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": copy, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise ValueError(f"{test} did not run: {done.stdout[-500:]}{done.stderr[-500:]}")
    return done.returncode == 0


def is_caught(switch: Switch) -> bool:
    """Say whether the test named beside a switch passes before and fails after it."""
    with tempfile.TemporaryDirectory(prefix="sabotage-") as copy:
        for name in _COPIED:
            source = f"{PROJECT}/{name}"
            if os.path.isdir(source):
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, f"{copy}/{name}", ignore=ignored)
            else:
                shutil.copy(source, copy)
        if not run_test(switch.test, copy):
            raise ValueError(f"{switch.test} fails without sabotage")
        apply(switch, copy)
        return not run_test(switch.test, copy)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Try every switch; gives 1 when one isn't caught."""
    parser = argparse.ArgumentParser(description="Take one guard away at a time.")
    parser.add_argument("--only", default="", help="switches whose name contains this")
    only = parser.parse_args().only
    missed = 0
    wanted = [switch for switch in SWITCHES if only in switch.name]
    for switch in wanted:
        try:
            caught = is_caught(switch)
            word = "caught" if caught else "MISSED"
        except ValueError as error:
            caught, word = False, f"BROKEN: {error}"
        missed += not caught
        _say(f"{word}: {switch.name}  ({switch.test})")
    _say(f"{len(wanted) - missed} of {len(wanted)} caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
