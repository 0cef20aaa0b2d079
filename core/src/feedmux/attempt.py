"""One attempt at one member: a task of its own, timed, bounded, and the one place where a plugin's errors are caught."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

import structlog

from feedmux.errors import BadPayload, FeedmuxError, UpstreamDown, UpstreamTimeout, described
from feedmux.event import Result
from feedmux.quota import Ending

T = TypeVar("T")
BLOCKING = 0.5
"""Seconds that one step of a plugin may keep the event loop."""
GRACE = 0.05
"""Seconds that a cancelled attempt has to end."""
_log = structlog.get_logger("feedmux.attempt")


@types.coroutine
def stepped(
    awaitable: Awaitable[T],
    monotonic: Callable[[], float],
    blocked: Callable[[float], None],
    bound: float = BLOCKING,
) -> Generator[Any, Any, T]:
    """Await it, and report each step that kept the event loop for longer than `bound` seconds."""
    steps = awaitable.__await__()
    resume: Callable[[Any], Any] = getattr(steps, "send", lambda _: next(steps))
    value: Any = None
    while True:
        began = monotonic()
        try:
            yielded = resume(value)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            took = monotonic() - began
            if took > bound:
                blocked(took)
        try:
            value = yield yielded
            resume = getattr(steps, "send", lambda _: next(steps))
        except GeneratorExit:
            getattr(steps, "close", lambda: None)()
            raise
        except BaseException as error:  # noqa: BLE001 - handed on into the plugin, cancellation included
            value, resume = error, steps.throw


async def bounded(work: Awaitable[T], provider: str, hook: str) -> T:
    """Await a plugin's work; whatever it raises leaves as a FeedmuxError that names the provider."""
    try:
        return await work
    except FeedmuxError as error:
        error.provider = provider
        raise
    except TimeoutError:
        raise UpstreamTimeout("did not answer in time", provider=provider) from None
    except ValueError as error:  # msgspec's errors included: the body is not what it should be
        raise BadPayload(described(error), provider=provider) from error
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise
        raise BadPayload(f"{hook} cancelled itself", provider=provider) from None
    except BaseException as error:  # the plugin boundary: SystemExit would end the event loop
        _log.warning("plugin raised", provider=provider, hook=hook, exc_info=error)
        raise BadPayload(f"{hook} raised {described(error)}", provider=provider) from error


async def within(seconds: float, task: asyncio.Task[T], abandoned: Callable[[], None]) -> T:
    """The task's result; UpstreamTimeout where it is not there in time, told as abandoned where it will not end."""
    try:
        await asyncio.wait({task}, timeout=max(0.0, seconds))
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.wait({task}, timeout=GRACE)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not task.done():
        abandoned()
    elif not task.cancelled() and (error := task.exception()) is not None and isinstance(error, FeedmuxError):
        raise error
    raise UpstreamTimeout(f"did not answer within {seconds:.3g} s")


RESULTS: tuple[tuple[str, Result, Ending], ...] = (
    ("rate-limited", Result.REFUSED, Ending.NEUTRAL),
    ("unauthorized", Result.UNAUTHORIZED, Ending.NEUTRAL),
    ("unknown-symbol", Result.UNKNOWN, Ending.OK),
    ("invalid-query", Result.REJECTED, Ending.NEUTRAL),
    ("upstream-timeout", Result.TIMEOUT, Ending.FAULT),
    ("bad-payload", Result.GARBAGE, Ending.FAULT),
    ("unavailable", Result.DOWN, Ending.FAULT),
    ("upstream-down", Result.DOWN, Ending.FAULT),
)
_BY_SLUG = {slug: (result, ending) for slug, result, ending in RESULTS}


def judged(error: FeedmuxError) -> tuple[Result, Ending]:
    """What an error means for the trace and for the permit."""
    if isinstance(error, UpstreamDown) and not error.sent:
        return Result.UNSENT, Ending.FAULT
    return _BY_SLUG.get(error.slug, (Result.DOWN, Ending.FAULT))
