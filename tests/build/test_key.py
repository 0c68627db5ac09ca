"""The name of a built wheel: another one whenever anything that goes into a build differs."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from envsync.build.key import build_key, requirements_digest
from envsync.model.target import Target
from tests.build.environments import THIS


def key(
    source: str = "0" * 64,
    requirements: str = "r",
    settings: Mapping[str, str | Sequence[str]] | None = None,
    target: Target = THIS,
    subdirectory: str | None = None,
    indexes: Sequence[str] = (),
    **more: Any,
) -> str:
    return build_key(
        source_sha256=source,
        requirements=requirements,
        config_settings=settings,
        target=target,
        subdirectory=subdirectory,
        indexes=indexes,
        **more,
    )


def test_the_same_build_has_the_same_key() -> None:
    assert key(settings={"a": "1", "b": ["2"]}) == key(settings={"b": ("2",), "a": "1"})
    assert key(settings={}) == key(settings=None)
    assert len(key()) == 64


@pytest.mark.parametrize(
    "change",
    [
        {"source": "1" * 64},
        {"requirements": "s"},
        {"settings": {"a": "1"}},
        {"settings": {"a": ["1"]}},
        {"subdirectory": "py"},
        {"indexes": ["https://index.example/"]},
        {"variables": {"ONE": "1"}},
        {"beside": ["torch 2.0 abc"]},
        {"target": THIS._replace(cache_tag="cpython-39")},
        {"target": THIS._replace(tags=THIS.tags[1:])},
        {"target": THIS._replace(implementation="pypy")},
    ],
)
def test_another_build_has_another_key(change: dict[str, Any]) -> None:
    assert key() != key(**change)


def test_the_interpreter_s_place_does_not_matter() -> None:
    assert key() == key(target=THIS._replace(executable="/elsewhere/python", signature="1:1"))


def test_the_order_of_requirements_does_not_matter() -> None:
    assert requirements_digest(["a==1", "b==2"]) == requirements_digest(["b==2", "a==1", "a==1"])
    assert requirements_digest(["a==1"]) != requirements_digest(["a==2"])
