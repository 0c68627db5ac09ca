"""The list of buckets: whatever envsync keeps in a cache is declared, once, by who keeps it."""

import ast
import importlib
import re

from envsync.cache.bucket import ENTRIES, VALUES, Bucket
from envsync.operations.cache import BUCKETS
from envsync.operations.cache_verify import CHECKS
from tests.test_layers import MODULES, tree

_NAME = re.compile(r"[a-z]+-v[0-9]+")


def names_in(module: str) -> list[str]:
    """The texts of a module's code that look like a bucket's name."""
    return [
        node.value
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _NAME.fullmatch(node.value)
    ]


def test_each_name_stands_in_one_place_and_in_the_list() -> None:
    named = [name for module in MODULES for name in names_in(module)]

    assert sorted(named) == sorted(bucket.name for bucket in BUCKETS)


def test_each_kind_of_thing_has_one_bucket() -> None:
    stems = [bucket.name.rpartition("-v")[0] for bucket in BUCKETS]

    assert len(stems) == len(set(stems))


def test_each_declaration_is_in_the_list() -> None:
    declaring = [module for module in MODULES if names_in(module)]
    declared = {
        value
        for module in declaring
        for value in vars(importlib.import_module(f"envsync.{module}")).values()
        if isinstance(value, Bucket)
    }

    assert declared <= set(BUCKETS)


def test_each_thing_that_is_a_package_s_says_of_which_one() -> None:
    of_packages = {bucket.name.rpartition("-v")[0] for bucket in BUCKETS if bucket.package}

    assert of_packages == {"wheels", "bytecode", "built", "http", "metadata", "core"}
    assert {bucket.keeps for bucket in BUCKETS if bucket.package} == {ENTRIES, VALUES}
    assert set(CHECKS) <= {bucket for bucket in BUCKETS if bucket.keeps == ENTRIES}
