"""Which texts of `__init__.py` mean the same: nothing, or to extend the path."""

import pytest

from envsync.sync.namespace import namespace_kind

SAME = {
    "pkgutil": """
__path__ = __import__('pkgutil').extend_path(__path__, __name__)
---
__path__ = __import__("pkgutil").extend_path(__path__, __name__)  # type: ignore
---
# A comment.
from pkgutil import extend_path
__path__ = extend_path(__path__, __name__)
---
'''Text.'''
from __future__ import annotations
import pkgutil
__path__ = pkgutil.extend_path(__path__, __name__)
del pkgutil
---
try:
    __import__('pkg_resources').declare_namespace(__name__)
except ImportError:
    from pkgutil import extend_path
    __path__ = extend_path(__path__, __name__)
""",
    "pkg_resources": """
__import__('pkg_resources').declare_namespace(__name__)
---
import pkg_resources\r
pkg_resources.declare_namespace(__name__)\r
---
from pkg_resources import declare_namespace
declare_namespace(__name__)
---
try:
    import pkg_resources
    pkg_resources.declare_namespace(__name__)
except ImportError:
    pass
""",
    "nothing": """
---
# Licence.
---
'Text.'
---
pass
""",
}
TEXTS = [(kind, text.strip("\n")) for kind, texts in SAME.items() for text in texts.split("---")]

OTHERS = [
    "VERSION = 1",
    "import os",
    "from pkgutil import walk_packages",
    "from pkg_resources import extend_path",
    "__path__ = []",
    "__path__ = extend_path(__path__, 'other')",
    "__path__ = __import__('evil').extend_path(__path__, __name__)",
    "__path__ = __import__('pkgutil').walk_packages(__path__, __name__)",
    "__path__, x = extend_path(__path__, __name__)",
    "__import__('pkg_resources').declare_namespace(__name__ + 'x')",
    "declare_namespace(open('x'))",
    "from . import x",
    "from .pkgutil import extend_path",
    "if x:\n    pass",
    "try:\n    pass\nexcept E:\n    import os",
    "del x[0]",
    "print 1",
    "\0",
    "(" * 5000,
    "#" * 70_000,
]


@pytest.mark.parametrize(("kind", "text"), [*TEXTS, ("nothing", "\ufeff")])
def test_what_only_extends_the_path(kind: str, text: str) -> None:
    assert namespace_kind(text.encode()) == kind


@pytest.mark.parametrize("text", OTHERS)
def test_everything_else_means_something(text: str) -> None:
    assert namespace_kind(text.encode()) is None


def test_an_encoding_is_heeded() -> None:
    assert namespace_kind("# coding: latin-1\n# é\n".encode("latin-1")) == "nothing"
    assert namespace_kind(b"# \xe9\n") is None
