"""What was read of markers and of Requires-Python is not worked out again."""

from packaging.specifiers import SpecifierSet

from envsync.model.marker import from_requires_python, from_text
from tests.support.effort import calls


def test_a_requires_python_is_compared_once() -> None:
    # No other test has these.
    first = calls(lambda: from_requires_python(SpecifierSet(">=3.8.71")))
    again = calls(lambda: from_requires_python(SpecifierSet(">=3.8.71")))
    assert again < first / 5


def test_a_marker_is_parsed_once() -> None:
    first = calls(lambda: from_text("python_version >= '3.8' and sys_platform == 'only here'"))
    again = calls(lambda: from_text("python_version >= '3.8' and sys_platform == 'only here'"))
    assert again < first / 20
