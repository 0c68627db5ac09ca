"""Which variables a build gets, and which of their values its output doesn't show."""

import os

from envsync.build.room import Room
from envsync.build.variables import (
    conceal,
    passed,
    secrets_in,
    variables_of_a_strangers_build,
    variables_of_an_own_build,
)

ROOM = Room("/room", "/room/home", "/room/tmp", "/room/result")
USERS = {
    "HOME": "/home/me",
    "PATH": ".:/usr/bin",
    "TMPDIR": "/tmp",
    "TZ": "Asia/Tokyo",
    "CFLAGS": "-O1",
    "CARGO_HOME": "/cargo",
    "API_TOKEN": "s3cret",
    "PYTHONPATH": "/evil",
    "PYTHONHOME": "/evil",
    "VIRTUAL_ENV": "/other",
    "ENVSYNC_INDEX_CORP_PASSWORD": "corp",
}


def test_a_strangers_build_gets_what_was_asked_for() -> None:
    assert passed(USERS, ["CARGO_*", "E*", "P*"]) == {"CARGO_HOME": "/cargo", "PATH": ".:/usr/bin"}
    given = {"ONE": "1", "TZ": "CET", "PATH": "/evil", "HOME": "/evil"}
    found = variables_of_a_strangers_build(USERS, given, ["/env/bin"], ROOM)
    assert found == {
        "CFLAGS": "-O1",
        "HOME": "/room/home",
        "LC_ALL": "C.UTF-8",
        "ONE": "1",
        "PATH": "/env/bin:/usr/bin",
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUTF8": "1",
        "SOURCE_DATE_EPOCH": "315619200",
        "TMPDIR": "/room/tmp",
        "TZ": "CET",
    }


def test_an_own_build_gets_all_but_what_steers_python_and_is_envsyncs() -> None:
    found = variables_of_an_own_build(USERS, {"ONE": "1"}, ["/env/bin"], ROOM)
    assert found == {
        "API_TOKEN": "s3cret",
        "CARGO_HOME": "/cargo",
        "CFLAGS": "-O1",
        "HOME": "/home/me",
        "ONE": "1",
        "PATH": "/env/bin:/usr/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "TMPDIR": "/room/tmp",
        "TZ": "Asia/Tokyo",
    }


def test_secrets_are_hidden_by_name_and_by_look() -> None:
    variables = {
        "API_TOKEN": "short1",
        "LINES_KEY": "first line of it\nsecond line",
        "ODD": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "USER": "root",
        "CFLAGS": "-O2 -g",
        "KEY_FILE": os.path.realpath(__file__),
        "PIN_SECRET": "abc",
    }
    assert secrets_in(variables) == (
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "first line of it",
        "second line",
        "short1",
    )
    assert conceal("a short1 b root", secrets_in(variables)) == "a *** b root"
