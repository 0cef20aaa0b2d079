"""A modelled upstream: it takes its time, counts in its own windows, refuses and bans, and fails as the scenario says."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl, urlsplit

import msgspec

from feedmux.clock import Clock, Random
from feedmux.errors import UpstreamDown, UpstreamTimeout
from feedmux.limits import Window
from feedmux.simulate import quantity
from feedmux.simulate.counting import Fixed, Rule, Sliding
from feedmux.simulate.dialect import Prices
from feedmux.simulate.market import Market
from feedmux.simulate.scenario import Fault, Upstream, windows_of
from feedmux.simulate.tally import Sent
from feedmux.transport import Incoming, Outgoing

DEVIATIONS = 2.3263
"""How many standard deviations the 99th percentile of a normal distribution lies above its middle."""
MOMENT = 1e-6
"""Seconds by which two ways of adding up the same times may differ."""
PATIENCE = 60.0
"""Seconds after which a request that hangs is given up by the network."""


class Remote:
    """Carries one provider's requests and answers them. `refusals` are the seconds at which it refused."""

    simulated = False

    def __init__(
        self,
        upstream: Upstream,
        declared: Sequence[Window],
        faults: Sequence[Fault],
        market: Market,
        clock: Clock,
        dice: Random,
    ) -> None:
        self.requests = 0
        self.refusals: list[float] = []
        self.banned = 0
        self.early = 0
        """Requests that came before the time that a refusal had named."""
        self.late = 0
        """Requests that came from `calm_from` on."""
        self.calm_from = math.inf
        self.cost: Callable[[str], int] = lambda path: 1
        self._faults = faults
        self._market = market
        self._clock = clock
        self._dice = dice
        self._upstream = upstream
        latency = upstream.latency
        self._spread = math.log(max(1.0, latency.p99 / latency.median)) / DEVIATIONS
        windows = declared if upstream.windows is None else windows_of(upstream.windows)
        self.rules: list[Rule] = [
            Sliding(window)
            if upstream.counts == "sliding"
            else Fixed(window, phase=dice.uniform(0, window.per))
            for window in windows
        ]
        self._recent: deque[float] = deque()
        self._banned_until = -math.inf
        self._told_until = -math.inf

    async def send(self, outgoing: Outgoing) -> Incoming:
        """One exchange, as the network and the upstream would have it at this time."""
        now = self._clock.monotonic()
        self.requests += 1
        self.early += now < self._told_until
        self.late += now >= self.calm_from
        if self._now("unreachable"):
            raise UpstreamDown("cannot be reached", sent=False)
        takes = self._upstream.latency.median * math.exp(self._dice.gauss(0, 1) * self._spread)
        if slow := self._now("slow"):
            takes *= slow.value
        arrives = takes * self._dice.random()
        await self._clock.sleep(arrives)
        if self._now("hangs"):
            await self._clock.sleep(PATIENCE)
            raise UpstreamTimeout("did not answer in time")
        answer = self._answer(outgoing)
        await self._clock.sleep(takes - arrives)
        if (asked := answer.headers.get("retry-after")) is not None:
            self._told_until = max(self._told_until, self._clock.monotonic() + float(asked) - MOMENT)
        return answer

    def sent(self, seconds: float) -> Sent:
        """What it was sent in so many seconds."""
        used = {
            f"{rule.window.limit}/{rule.window.per:g}s": round(
                rule.used / (rule.window.limit * max(1.0, seconds / rule.window.per)), 4
            )
            for rule in self.rules
        }
        return Sent(self.requests, self.refusals, self.banned, used)

    async def aclose(self) -> None:
        """Nothing is open."""

    def _answer(self, outgoing: Outgoing) -> Incoming:
        address, now = urlsplit(outgoing.url), self._clock.monotonic()
        symbols = dict(parse_qsl(address.query)).get("symbols", "").split(",")
        if not self._allowed(now, self.cost(address.path)):
            return self._refusal(now)
        if self._now("refuses"):
            self.refusals.append(now)
            return _refusal(self._upstream.retry_after)
        errors = self._now("errors")
        if self._now("outage") or self._dice.random() < (errors.value if errors else self._upstream.errors):
            return Incoming(500, {}, b"internal error")
        if self._now("garbage"):
            return Incoming(200, {}, b"<html>be right back</html>")
        return Incoming(200, {}, msgspec.json.encode(Prices(self._prices(symbols, now))))

    def _prices(self, symbols: Sequence[str], now: float) -> dict[str, float]:
        lies = self._now("lies")
        factor = lies.value if lies else 1.0
        return {symbol: self._market.price(symbol, now) * factor for symbol in symbols if symbol}

    def _allowed(self, now: float, cost: int) -> bool:
        """Every window counts the request, and the ban does not end sooner for it."""
        allowed = [rule.allows(now, cost) for rule in self.rules]
        return all(allowed) and now >= self._banned_until

    def _refusal(self, now: float) -> Incoming:
        self.refusals.append(now)
        self._recent.append(now)
        while self._recent[0] < now - 60:
            self._recent.popleft()
        patience = self._upstream.ban_after
        if now < self._banned_until or (patience is not None and len(self._recent) >= patience):
            if now >= self._banned_until:
                self.banned += 1
                self._banned_until = now + quantity.span(self._upstream.ban)
            return _refusal(self._banned_until - now, status=418)
        return _refusal(self._upstream.retry_after)

    def _now(self, kind: str) -> Fault | None:
        now = self._clock.monotonic()
        return next((fault for fault in self._faults if fault.kind == kind and fault.under_way(now)), None)


def _refusal(wait: float | str | None, status: int = 429) -> Incoming:
    headers = {} if wait is None else {"retry-after": str(math.ceil(quantity.span(wait)))}
    return Incoming(status, headers, b'{"error":"too many requests"}')
