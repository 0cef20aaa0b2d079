"""An answer as it goes out: bytes and headers that never change, and an age that is computed as it is served."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from litestar.types import Receive, Scope, Send

from feedmux import Answer
from feedmux.event import (
    Answered,
    Cached,
    Compared,
    Event,
    Hedged,
    Joined,
    ServedStale,
    Skipped,
    Trace,
    Tried,
    Waited,
)

Render = Callable[[Answer[Any]], bytes]
TRACE_LENGTH = 500


class Reply:
    """One answer, encoded. Good for as long as the engine gives back the same Answer."""

    __slots__ = ("answer", "body", "fetched_at", "headers")

    def __init__(self, answer: Answer[Any], body: bytes) -> None:
        self.answer = answer
        self.body = body
        self.fetched_at = answer.fetched_at
        self.headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"x-feedmux-cache", cache_state(answer).encode()),
            (b"x-feedmux-source", _ascii(",".join(answer.providers))),
            (b"x-feedmux-trace", _ascii(brief(answer.trace))[:TRACE_LENGTH]),
        ]
        if answer.sandbox:
            self.headers.append((b"x-feedmux-sandbox", b"true"))

    def aged(self, now: datetime) -> Served:
        """This reply as it is served at `now`."""
        age = 0 if self.fetched_at is None else max(0, int((now - self.fetched_at).total_seconds()))
        return Served([*self.headers, (b"age", b"%d" % age)], self.body)


class Served:
    """A finished 200 as an ASGI application."""

    __slots__ = ("body", "headers")

    def __init__(self, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.headers = headers
        self.body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


def cache_state(answer: Answer[Any]) -> str:
    """`stale` where any item is; `hit` where nobody was asked for it, else `miss`."""
    if answer.stale:
        return "stale"
    last = answer.trace.events[-1] if answer.trace.events else None
    return "hit" if isinstance(last, Answered) and last.source == "cache" else "miss"


def brief(trace: Trace) -> str:
    """The trace on one line: what the cache held, who was passed over and why, who was asked and how that ended."""
    return "; ".join(filter(None, map(_step, trace.events)))


def _step(event: Event) -> str:
    match event:
        case Cached(state=state, what=what, provider=provider):
            return " ".join(filter(None, ("cache", state, what, provider)))
        case Joined(what=what):
            return f"joined {what}"
        case Skipped(member=member, reason=reason):
            return f"skipped {member}: {reason.value}"
        case Tried(member=member, result=result, seconds=seconds, asked=asked, got=got):
            return f"tried {member}: {result.value} {got}/{asked} in {seconds * 1000:.0f} ms"
        case Compared(what=what, price=price, said=said):
            return f"compared {what}: {len(said)} heard{', no consensus' if price is None else ''}"
        case Hedged(member=member, beside=beside):
            return f"{member} beside {beside}"
        case Waited(member=member, seconds=seconds):
            return f"waited {seconds:.1f} s for {member}"
        case ServedStale(what=what, age=age):
            return f"stale {what}, {age:.0f} s old"
        case _:
            return ""


def _ascii(text: str) -> bytes:
    return "".join(c if " " <= c <= "~" else "?" for c in text).encode("ascii")
