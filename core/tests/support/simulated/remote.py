"""A simulated upstream: it takes its time, counts what arrives in its own windows, and refuses what is too much."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from feedmux import Request, hookimpl
from feedmux.clock import Clock, Random
from feedmux.errors import FeedmuxError, UpstreamDown
from feedmux.transport import Incoming, Outgoing
from simulated.windows import Counting

Script = Callable[["Call"], "Incoming | FeedmuxError | None"]


class Call(msgspec.Struct, frozen=True):
    """One request as it left us: `begun` is when it was handed over, in seconds on the loop's clock."""

    begun: float
    host: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    secret_params: str

    @property
    def symbols(self) -> list[str]:
        return self.params.get("symbols", "").split(",")


class Span(msgspec.Struct, frozen=True):
    """One request from its beginning to its end on the loop's clock; `status` None where nobody waited for it."""

    begun: float
    ended: float
    status: int | None
    asked: float
    """Seconds that its Retry-After asked for."""


class Remote:
    """Carries one provider's requests and answers them.

    `delays` are the shortest and the longest time a request takes, in seconds: a share of it, drawn anew for each,
    passes before it is counted, the rest after. `script` may answer instead, or raise.
    """

    simulated = False

    def __init__(
        self,
        *rules: Counting,
        delays: tuple[float, float] = (0.05, 0.1),
        script: Script | None = None,
        costs: Mapping[str, int] | None = None,
        chance: Random | None = None,
        keeps_calls: bool = True,
    ) -> None:
        self.rules = rules
        self.delays = delays
        self.script = script
        self.prices: dict[str, float] = {}
        self.calls: list[Call] = []
        self.spans: list[Span] = []
        self.refusals: list[float] = []
        """When it had to refuse, and would have banned us."""
        self.requests = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self.log: list[str] = []
        """Names in the order in which requests were handed over; upstreams may share one."""
        self.name = ""
        self.clock: Clock
        self._costs = costs or {}
        self._chance = chance or Random(0)
        self._keeps_calls = keeps_calls

    async def send(self, outgoing: Outgoing) -> Incoming:
        address = urlsplit(outgoing.url)
        call = Call(
            begun=self.clock.monotonic(),
            host=f"{address.scheme}://{address.netloc}",
            path=address.path,
            params=dict(parse_qsl(address.query)),
            headers=outgoing.headers,
            secret_params=outgoing.secret_params,
        )
        self.requests += 1
        if self._keeps_calls:
            self.calls.append(call)
            self.log.append(self.name)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        answer: Incoming | None = None
        try:
            answer = await self._answer(call)
            return answer
        finally:
            self.in_flight -= 1
            if self._keeps_calls:
                self.spans.append(_span(call.begun, self.clock.monotonic(), answer))

    async def _answer(self, call: Call) -> Incoming:
        takes = self._chance.uniform(*self.delays)
        before = takes * self._chance.random()
        await self.clock.sleep(before)
        cost = self._costs.get(call.path, 1)
        allowed = [rule.allows(self.clock.monotonic(), cost) for rule in self.rules]
        await self.clock.sleep(takes - before)
        if not all(allowed):
            self.refusals.append(self.clock.monotonic())
            return refusal(60)
        scripted = self.script(call) if self.script is not None else None
        if isinstance(scripted, FeedmuxError):
            raise scripted
        return scripted or self.answer(call)

    def answer(self, call: Call) -> Incoming:
        """A good answer to any request."""
        return body({"prices": {symbol: self.prices.get(symbol, 100.0) for symbol in call.symbols}})

    def fail(self) -> None:
        """Be down from now on."""
        self.script = lambda call: broken()

    async def aclose(self) -> None:
        """Nothing is open."""


def _span(begun: float, ended: float, answer: Incoming | None) -> Span:
    asked = float(answer.headers.get("retry-after", 0)) if answer else 0.0
    return Span(begun, ended, answer.status if answer else None, asked)


def body(document: Any, status: int = 200, **headers: str) -> Incoming:
    return Incoming(
        status,
        {name.replace("_", "-"): text for name, text in headers.items()},
        msgspec.json.encode(document),
    )


def refusal(retry_after: int | None = None, status: int = 429) -> Incoming:
    """Too many requests, with or without a Retry-After."""
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    return Incoming(status, headers, b'{"error": "too many requests"}')


def broken(status: int = 500) -> Incoming:
    return Incoming(status, {}, b"internal error")


def unreachable() -> UpstreamDown:
    return UpstreamDown("cannot be reached", sent=False)


def in_turn(*answers: Incoming | FeedmuxError | None) -> Script:
    """These answers one after the other, the last one for ever; None stands for a good one."""
    left = list(answers)
    return lambda call: left.pop(0) if len(left) > 1 else left[0]


class Wires:
    """The extension that puts a simulated upstream in the place of each provider's network."""

    def __init__(self, upstreams: Mapping[str, Remote]) -> None:
        self._upstreams = upstreams
        self.order: list[str] = []
        """Who was asked, in order, over all upstreams."""
        for name, upstream in upstreams.items():
            upstream.name, upstream.log = name, self.order

    @hookimpl
    def feedmux_transport(self, provider: str, clock: Clock) -> Remote | None:
        upstream = self._upstreams.get(provider)
        if upstream is not None:
            upstream.clock = clock
        return upstream


class Observer:
    """The extension that writes down what the engine tells."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    @hookimpl
    def feedmux_event(self, event: Any) -> None:
        self.events.append(event)


def health() -> Request:
    return Request("/health")


def asked_for(upstream: Remote) -> Sequence[list[str]]:
    """The symbols of each request that was no health check."""
    return [call.symbols for call in upstream.calls if call.path != "/health"]
