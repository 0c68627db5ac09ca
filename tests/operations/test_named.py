"""What is typed for a repository, and what of it goes into env.toml."""

import pytest

from envsync.errors import UsageError
from envsync.operations.named import Named, Revision, named
from envsync.spec.model import SourceSpec
from envsync.spec.read import parse_spec

EMPTY = parse_spec("[env]\nrequires-python = '>=3.11'\n", folder_name="x")
URL = "https://git.example/tool"
SENT = parse_spec(
    f"[env]\nrequires-python = '>=3.11'\n[sources]\ntool = {{ git = '{URL}' }}\n", folder_name="x"
)


def typed(text: str, revision: Revision = Revision(), *, sent: bool = False) -> Named:  # noqa: B008
    (one,) = named([text], revision, SENT if sent else EMPTY, lambda _: "tool")
    return one


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("flask>=3", "flask>=3"),
        (f"git+{URL}", f"tool @ git+{URL}"),
        (f"git+{URL}@v1#subdirectory=py", f"tool @ git+{URL}@v1#subdirectory=py"),
        (f"Tool[x] @ git+{URL}@v1", f"Tool[x] @ git+{URL}@v1"),
        (f"Tool@git+{URL}", f"Tool @ git+{URL}"),
        (f"git+{URL} ; os_name == 'nt'", f"tool @ git+{URL} ; os_name == 'nt'"),
        ("git@git.example:a/tool.git", "tool @ git+ssh://git@git.example/a/tool.git"),
        ("git@git.example:a/tool@v1", "tool @ git+ssh://git@git.example/a/tool@v1"),
        ("ssh://git@git.example/a@v1", "tool @ git+ssh://git@git.example/a@v1"),
        (f"{URL}.git@v1", f"tool @ git+{URL}.git@v1"),
        ("https://files.example/a.zip", "https://files.example/a.zip"),
    ],
)
def test_an_address_gets_the_name_of_its_project(text: str, written: str) -> None:
    assert typed(text) == Named(written)


@pytest.mark.parametrize("key", ["tag", "branch", "rev"])
def test_what_an_option_asks_for_goes_under_sources(key: str) -> None:
    source = SourceSpec("git", URL, subdirectory="py")._replace(**{key: "v1"})  # type: ignore[arg-type]
    one = typed(f"tool[x] @ git+{URL}#subdirectory=py", Revision(**{key: "v1"}))
    assert one == Named("tool[x]", source)
    assert one.name == "tool"


def test_a_package_that_has_a_source_keeps_its_place() -> None:
    assert typed(f"git+{URL}@v1", sent=True) == Named("tool", SourceSpec("git", URL, rev="v1"))


@pytest.mark.parametrize(
    ("text", "revision", "reason"),
    [
        ("flask", Revision(tag="v1"), "flask is no repository"),
        (f"git+{URL}@v1", Revision(tag="v1"), "says @v1 already"),
        (f"git+{URL}", Revision(tag="-x"), "not the name of a tag"),
        (f"git+{URL}@--x", Revision(), "not the name of a tag"),
        ("git+ext::sh", Revision(), "must begin with"),
        ("git+git://git.example/a", Revision(), "not git://"),
        ("git+https://me:pw@git.example/a", Revision(), "credentials do not belong"),
        ("git@-x:a", Revision(), "host is not valid"),
        (f"git+{URL}#subdirectory=..", Revision(), "must stay inside"),
    ],
)
def test_what_can_not_be_used(text: str, revision: Revision, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        typed(text, revision)
    assert caught.value.hint
    assert "pw" not in str(caught.value)


def test_options_are_about_one_repository() -> None:
    with pytest.raises(UsageError, match="about one repository"):
        named(["a", f"git+{URL}"], Revision(tag="v1"), EMPTY, lambda _: "tool")
