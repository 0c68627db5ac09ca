"""Run work that is written as one generator and waits for responses without holding a thread.

def work() -> Steps[int]:
    response = yield transport.send(request)      # a Future; the Response comes back
    return len(response.body)

future = run_steps(work(), executor.submit)
"""

from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import TypeAlias, TypeVar

from envsync.index.transport import Response

T = TypeVar("T")
Steps: TypeAlias = Generator[Future[Response], Response, T]
"""Yields what it waits for, is sent what came of it (or has it raised), returns a T."""


_Submit: TypeAlias = Callable[[Callable[[], None]], object]


def run_steps(
    steps: Steps[T],
    submit: _Submit,
    *,
    begin: _Submit | None = None,
    result: Future[T] | None = None,
) -> Future[T]:
    """Start `steps` and give the future of what they return or raise: `result`, or a new one.

    Each stretch between two waits is handed to `submit`, which calls it once, on any thread; the
    first one to `begin`, where that is given.
    """
    future: Future[T] = Future() if result is None else result
    future.set_running_or_notify_cancel()
    (begin or submit)(lambda: _advance(steps, None, future, submit))
    return future


def run_here(call: Callable[[], None]) -> None:
    """Submit by calling at once: for steps so short that they may hold up the transport."""
    call()


def _advance(
    steps: Steps[T],
    waited: Future[Response] | None,
    result: Future[T],
    submit: _Submit,
) -> None:
    """Resume `steps` with what `waited` brought, until they wait again or are done."""
    try:
        while True:
            if waited is None:
                awaited = next(steps)
            elif (error := waited.exception()) is not None:
                awaited = steps.throw(error)
            else:
                awaited = steps.send(waited.result())
            waited = awaited
            if not waited.done():
                break
    except StopIteration as stop:
        result.set_result(stop.value)
        return
    except BaseException as error:  # it belongs to who holds the future
        result.set_exception(error)
        return

    def resume(done: Future[Response]) -> None:
        submit(lambda: _advance(steps, done, result, submit))

    waited.add_done_callback(resume)
