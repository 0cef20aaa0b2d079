"""One attempt at one member: a task of its own, timed, bounded, and the one place where a plugin's errors are caught."""

from __future__ import annotations

import asyncio
import traceback
import types
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any, TypeVar

import structlog

from feedmux.clock import Clock
from feedmux.errors import BadPayload, FeedmuxError, NoQuota, UpstreamDown, UpstreamTimeout, described
from feedmux.event import Event, Misbehaved, Result
from feedmux.quota import Ending
from feedmux.standing import LEAKS, Standing

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


async def bounded(work: Awaitable[T], provider: str, hook: str, redacted: Callable[[str], str]) -> T:
    """Await a plugin's work; whatever it raises leaves as a FeedmuxError that names the provider, and holds no key."""
    try:
        return await work
    except FeedmuxError as error:
        error.provider = provider
        raise
    except TimeoutError:
        raise UpstreamTimeout("did not answer in time", provider=provider) from None
    except ValueError as error:  # msgspec's errors included: the body is not what it should be
        raise BadPayload(described(error, redacted), provider=provider) from None
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise
        raise BadPayload(f"{hook} cancelled itself", provider=provider) from None
    except BaseException as error:  # noqa: BLE001 - the plugin boundary: SystemExit would end the event loop
        said, where = described(error, redacted), "".join(traceback.format_tb(error.__traceback__)[-3:])
        _log.warning("plugin raised", provider=provider, hook=hook, error=said, where=where)
        raise BadPayload(f"{hook} raised {said}", provider=provider) from None


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


class Attempts:
    """Runs hooks in tasks of their own and sees how plugins behave. `misbehaving` sets one aside in the end."""

    def __init__(self, clock: Clock, tell: Callable[[Event], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._strays: set[asyncio.Task[Any]] = set()
        self.misbehaving: Callable[[Standing, str], None] = lambda standing, reason: None
        self.lagged_at = float("-inf")
        """When a plugin last blocked the loop: what timed out meanwhile is nobody else's fault."""

    async def run(self, standing: Standing, hook: str, call: Callable[[], Any], limit: float) -> Any:
        """Run a hook in a task of its own, within `limit` seconds, whatever it does."""
        redacted = (
            standing.wire.redacted
        )  # of the key it is sent with: a reload may change the member's meanwhile

        async def work() -> Any:
            return await stepped(call(), self._clock.monotonic, partial(self._blocked, standing, hook))

        task = asyncio.get_running_loop().create_task(bounded(work(), standing.name, hook, redacted))
        try:
            return await within(limit, task, partial(self._abandoned, standing, hook, task))
        except FeedmuxError as error:
            error.provider = standing.name
            error.detail = redacted(error.detail)
            error.args = (error.detail,)
            raise

    def _blocked(self, standing: Standing, hook: str, seconds: float) -> None:
        self.lagged_at = self._clock.monotonic()
        standing.tally.blocked_loop += 1
        detail = f"{hook} blocked the event loop for {seconds:.1f} s"
        self._tell(Misbehaved(at=self.lagged_at, member=standing.name, detail=detail))
        if standing.tally.blocked_loop >= LEAKS:
            self.misbehaving(standing, f"{detail}, {standing.tally.blocked_loop} times so far")

    def _abandoned(self, standing: Standing, hook: str, task: asyncio.Task[Any]) -> None:
        standing.tally.abandoned += 1
        detail = f"{hook} swallowed its cancellation"
        self._tell(Misbehaved(at=self._clock.monotonic(), member=standing.name, detail=detail))
        self._strays.add(task)
        task.add_done_callback(self._strayed_home)
        if standing.tally.abandoned >= LEAKS:
            self.misbehaving(standing, f"{detail}, {standing.tally.abandoned} times so far")

    def _strayed_home(self, task: asyncio.Task[Any]) -> None:
        self._strays.discard(task)
        if not task.cancelled():
            task.exception()  # nobody waits for it any more

    async def aclose(self) -> None:
        """End what would not end when it was cancelled: a stray would keep the event loop from ever closing."""
        for stray in tuple(self._strays):
            try:
                stray.get_coro().close()
            except RuntimeError:
                _log.warning("a task will not end", task=repr(stray)[:200])
            stray.cancel()
        if self._strays:
            await asyncio.wait(self._strays, timeout=1.0)


RESULTS: tuple[tuple[str, Result, Ending], ...] = (
    ("rate-limited", Result.REFUSED, Ending.NEUTRAL),
    ("unauthorized", Result.UNAUTHORIZED, Ending.NEUTRAL),
    ("unknown-symbol", Result.UNKNOWN, Ending.OK),
    ("invalid-query", Result.REJECTED, Ending.NEUTRAL),
    ("upstream-timeout", Result.TIMEOUT, Ending.FAULT),
    ("bad-payload", Result.GARBAGE, Ending.FAULT),
    ("no-quota", Result.UNSENT, Ending.NEUTRAL),
    ("unavailable", Result.DOWN, Ending.NEUTRAL),
    ("upstream-down", Result.DOWN, Ending.FAULT),
)
_BY_SLUG = {slug: (result, ending) for slug, result, ending in RESULTS}


def judged(error: FeedmuxError) -> tuple[Result, Ending]:
    """What an error means for the trace and for the permit."""
    if isinstance(error, UpstreamDown) and not error.sent and not isinstance(error, NoQuota):
        return Result.UNSENT, Ending.FAULT
    return _BY_SLUG.get(error.slug, (Result.DOWN, Ending.FAULT))
