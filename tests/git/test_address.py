"""Addresses that may be asked, and what git's own words come to."""

import pytest

from envsync.errors import GitFailed
from envsync.git.address import Address, DamagedClone

ADDRESS = Address("https://git.example/a/tool.git")


@pytest.mark.parametrize(
    ("said", "reason", "hint"),
    [
        ("fatal: Authentication failed for 'https://git.example/'", "another login", "ls-remote"),
        ("fatal: could not read Username for 'https://h': terminal prompts disabled",
         "another login", "ls-remote"),
        ("git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.",
         "another login", "ls-remote"),
        ("fatal: unable to access 'x': The requested URL returned error: 403",
         "another login", "helpers"),
        ("remote: Repository not found.\nfatal: repository 'x' not found", "no such", "login"),
        ("fatal: '/x' does not appear to be a git repository", "no such", "address is right"),
        ("fatal: unable to access 'x': Could not resolve host: git.example", "reached", "again"),
        ("fatal: unable to access 'x': The requested URL returned error: 502", "reached", "again"),
        ("Host key verification failed.\nfatal: Could not read", "key is not known", "`ssh git."),
        ("fatal: detected dubious ownership in repository at 'x'", "another user", "safe.dir"),
        ("error: unknown option `no-write-fetch-head'", "too old", "2.31"),
        ("fatal: transport 'ext' not allowed", "transport 'ext' not allowed", "None"),
        ("", "git said nothing", "None"),
    ],
)  # fmt: skip
def test_what_git_says_becomes_a_reason_and_what_to_do(said: str, reason: str, hint: str) -> None:
    error = ADDRESS.failed(said)
    assert reason in error.reason
    assert hint in str(error.hint)
    assert error.url == ADDRESS.url


def test_damage_is_told_apart() -> None:
    said = "error: packed object 0a (stored in x.pack) is corrupt"
    assert isinstance(ADDRESS.failed(said), DamagedClone)


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("../lib", "https://git.example/a/lib"),
        ("../../b/lib.git", "https://git.example/b/lib.git"),
        ("./lib", "https://git.example/a/tool.git/lib"),
        ("../../../../../x", "https://git.example/x"),
        ("https://other.example/x", "https://other.example/x"),
        ("git@other.example:x/y", "ssh://git@other.example/x/y"),
    ],
)
def test_submodules_lie_beside_or_elsewhere(url: str, meant: str) -> None:
    assert ADDRESS.below(url, frozenset()).url == meant


@pytest.mark.parametrize("url", ["file:///srv/x", "http://127.0.0.1/x", "ext::x", "/srv/x", "-x"])
def test_submodules_lead_to_no_file_of_this_machine(url: str) -> None:
    with pytest.raises(GitFailed):
        ADDRESS.below(url, frozenset())


def test_plain_http_is_for_loopback_and_hosts_that_are_trusted() -> None:
    assert Address("http://127.0.0.1:8/x").scheme == "http"
    assert Address("http://git.example/x", frozenset({"git.example"})).host == "git.example"
    with pytest.raises(GitFailed, match=r"plain http is not allowed for git\.example") as caught:
        Address("http://git.example/x")
    assert "`ENVSYNC_ALLOW_INSECURE_HOST=git.example`" in str(caught.value.hint)
