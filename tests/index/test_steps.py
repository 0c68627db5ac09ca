"""Generators that wait for responses, run to their end."""

from collections.abc import Callable
from concurrent.futures import Future

import pytest

from envsync.index.steps import Steps, run_here, run_steps
from envsync.index.transport import Response

ONE, TWO = Response("1", 200, {}), Response("2", 200, {})


def test_steps_resume_with_what_they_waited_for() -> None:
    first: Future[Response] = Future()
    second: Future[Response] = Future()

    def work() -> Steps[list[str]]:
        one = yield first
        two = yield second
        return [one.url, two.url]

    result = run_steps(work(), run_here)
    second.set_result(TWO)
    assert not result.done()
    first.set_result(ONE)

    assert result.result(0) == ["1", "2"]


def test_failures_are_raised_where_they_are_waited_for() -> None:
    waited: Future[Response] = Future()

    def work() -> Steps[str]:
        try:
            yield waited
        except KeyError:
            return "caught"
        return "not raised"

    result = run_steps(work(), run_here)
    waited.set_exception(KeyError())

    assert result.result(0) == "caught"


def test_what_steps_raise_belongs_to_the_future() -> None:
    def work() -> Steps[str]:
        done: Future[Response] = Future()
        done.set_result(ONE)
        yield done
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run_steps(work(), run_here).result(0)


def test_thousands_of_answers_that_are_there_at_once_need_no_stack() -> None:
    done: Future[Response] = Future()
    done.set_result(ONE)

    def work() -> Steps[int]:
        for _ in range(20_000):
            yield done
        return 20_000

    assert run_steps(work(), run_here).result(0) == 20_000


def test_each_stretch_is_submitted_once() -> None:
    queue: list[Callable[[], None]] = []
    waited: Future[Response] = Future()

    def work() -> Steps[str]:
        return (yield waited).url

    result = run_steps(work(), queue.append)
    queue.pop()()
    waited.set_result(ONE)
    assert (len(queue), result.done()) == (1, False)
    queue.pop()()

    assert result.result(0) == "1"
