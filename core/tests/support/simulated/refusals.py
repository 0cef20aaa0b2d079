"""Tables of what an upstream says when it refuses: which error that is, and who is closed by it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from feedmux import Query, Settings
from feedmux.breaker import BreakerState
from feedmux.errors import FeedmuxError
from feedmux.failure import failure_of
from feedmux.request import Reply
from feedmux.secret import Secret
from feedmux.settings import ProviderSettings
from feedmux.transport import Incoming
from simulated.engine import world
from simulated.remote import Call, Remote


class Told(Struct, frozen=True):
    """A reply (`body` a text, or a file beside the tests), the error it is, the wait it names, for how long it closes
    whoever was asked (0: not at all), and how many hosts are asked.
    """

    body: str
    status: int
    error: type[FeedmuxError]
    retry_after: float | None = None
    closed: float = 0.0
    headers: dict[str, str] = {}
    hosts: int = 1

    def incoming(self, here: Path) -> Incoming:
        """It, as it comes."""
        content = (here / self.body).read_bytes() if self.body.endswith(".json") else self.body.encode()
        return Incoming(self.status, self.headers, content)


def each(table: Collection[Told]) -> pytest.MarkDecorator:
    """A test for each row, as `told`."""
    return pytest.mark.parametrize(
        "told", table, ids=lambda told: f"{told.status} {told.body[:60]} {told.headers}"
    )


def found_in(told: Told, here: Path, provider: Any, at: datetime) -> FeedmuxError | None:
    """What the provider's failure dictionary makes of it."""
    came = told.incoming(here)
    reply = Reply(came.status, came.headers, came.body)
    return failure_of(reply, provider.feedmux_upstream().failures, at)


def error_bodies(here: Path) -> set[str]:
    """Every error body that lies beside the tests."""
    return {str(path.relative_to(here)) for path in here.glob("*/error_*")}


def closed_for(state: BreakerState) -> float:
    """Seconds for which a member is closed, 0 where it is not."""
    return state.until - state.since if state.closed else 0.0


async def two_keys(
    name: str,
    provider: Any,
    question: Query,
    keys: tuple[str, str],
    script: Callable[[Call], Incoming],
) -> tuple[Call, BreakerState, BreakerState]:
    """The first request that a provider of two keys sends, and then each key's state."""
    chosen = Settings(providers={name: ProviderSettings(api_keys=tuple(map(Secret, keys)))})
    upstream = Remote(script=script)
    async with world({name: (provider, upstream)}, settings=chosen) as w:
        with suppress(FeedmuxError):
            await w.mux.get(question)
        first, second = (one.breaker.state for one in w.mux._fleet.standings.values())
    return upstream.calls[0], first, second
