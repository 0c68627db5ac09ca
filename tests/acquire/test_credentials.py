"""Pairs bound to addresses, and a confirmed address written into config.toml of any form."""

from pathlib import Path

import pytest

from envsync.acquire.credentials import bind_credentials
from envsync.errors import UsageError
from envsync.events import SILENT, Reporter
from envsync.settings import Settings, read_settings
from envsync.spec.model import IndexSpec, Spec
from envsync.spec.user_config import parse_user_config
from tests.spec.samples import read

URL = "https://h.example/corp/simple/"
PAIR = {"ENVSYNC_INDEX_CORP_USERNAME": "me", "ENVSYNC_INDEX_CORP_PASSWORD": "pw"}


class Says(Reporter):
    """Answers every question in the same way, and keeps them."""

    def __init__(self, answer: bool | None) -> None:
        self.answer, self.questions = answer, list[str]()

    def confirm(self, question: str) -> bool | None:
        self.questions.append(question)
        return self.answer


def spec(*indexes: tuple[str, str]) -> Spec:
    made = tuple(IndexSpec(name, url) for name, url in indexes)
    return read('[env]\nname = "x"\n')._replace(indexes=made)


def settings(path: Path, **environ: str) -> Settings:
    return read_settings({**PAIR, "ENVSYNC_CONFIG_FILE": str(path), **environ})._replace(
        is_config_named=False
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# mine",
        "[python]\nallow = []\n",
        "[index.a]\nurl = 'https://a.example/'\n# end",
        "index = {}",
        "index = { x = { url = 'https://x.example' } } # keep\n[python]\nallow = []",
        "index.x.url = 'https://x.example' # keep\n",
        "[index]\nx.url = 'https://x.example'\n",
        "[index]\nx = { url = 'https://x.example' } # keep\n[python]\n",
        "[index]\n",
        "[index.a]\r\nurl = 'https://a.example/'\r\n[python]\r\n# keep\r\n",
    ],
)
def test_a_confirmed_address_is_added_to_any_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(text.encode())
    before = parse_user_config(text.encode(), path="config.toml")

    (found,) = bind_credentials(spec(("corp", URL)), settings(path), Says(True))

    after = parse_user_config(path.read_bytes(), path="config.toml")
    assert found.user == "me"
    assert after.index_urls == {**before.index_urls, "CORP": URL}
    assert after.pythons == before.pythons
    for line in filter(None, text.splitlines()):
        assert line.partition(" }")[0].partition("}")[0].encode() in path.read_bytes()
    assert text.count("# ") == path.read_text().count("# ")


def test_the_question_shows_the_address_that_will_be_asked(tmp_path: Path) -> None:
    says = Says(False)
    with pytest.raises(UsageError):
        bind_credentials(
            spec(("corp", "https://H.example:443/x/../corp/simple/")),
            settings(tmp_path / "c"),
            says,
        )
    assert "https://h.example:443/corp/simple/" in says.questions[0]


def test_offline_nothing_is_asked_and_nothing_bound(tmp_path: Path) -> None:
    says = Says(True)
    offline = settings(tmp_path / "c", ENVSYNC_OFFLINE="1")
    assert bind_credentials(spec(("corp", URL)), offline, says) == ()
    assert says.questions == []


def test_names_count_as_variables_spell_them(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[index.corp-eu]\nurl = "https://h.example/"\n')
    environ = {"ENVSYNC_INDEX_CORP_EU_USERNAME": "eu", "ENVSYNC_INDEX_CORP_EU_PASSWORD": "pw"}
    for name in ("corp-eu", "corp_eu"):
        found = bind_credentials(spec((name, URL)), settings(path, **environ), SILENT)
        assert [pair.user for pair in found] == ["eu"]


def test_the_variable_comes_before_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[index.corp]\nurl = "https://old.example/"\n')
    new = settings(path, ENVSYNC_INDEX_CORP_URL="https://new.example/")
    (found,) = bind_credentials(spec(), new, SILENT)
    assert found.scope.origin.host == "new.example"


def test_of_two_names_for_one_address_that_of_the_project_counts(tmp_path: Path) -> None:
    environ = {
        "ENVSYNC_INDEX_CORP_URL": URL,
        "ENVSYNC_INDEX_ANY_URL": URL,
        "ENVSYNC_INDEX_ANY_USERNAME": "any",
    }
    both = settings(tmp_path / "c", **environ)
    first, *_ = bind_credentials(spec(("corp", URL)), both, SILENT)
    assert first.user == "me"
    first, *_ = bind_credentials(spec(("any", URL)), both, SILENT)
    assert first.user == "any"


def test_a_place_that_cannot_be_written_names_the_variable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Exception, match="file") as caught:
        bind_credentials(
            spec(("corp", URL)), settings(tmp_path / "file" / "config.toml"), Says(True)
        )
    assert f"ENVSYNC_INDEX_CORP_URL={URL}" in (getattr(caught.value, "hint", "") or "")


def test_without_a_home_the_variable_is_the_way() -> None:
    homeless = read_settings(PAIR)._replace(config_file="")
    with pytest.raises(UsageError) as caught:
        bind_credentials(spec(("corp", URL)), homeless, SILENT)
    assert caught.value.hint == f"if they are: ENVSYNC_INDEX_CORP_URL={URL}"
