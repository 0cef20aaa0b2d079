"""What networks and servers do to a request, on real sockets: each ends in an error of ours that says what it was."""

from __future__ import annotations

import asyncio
import gzip
import socket
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from feedmux.body import CAP
from feedmux.clock import Chance, Random
from feedmux.errors import BadPayload, FeedmuxError, NoProvider, Unavailable, UpstreamDown
from feedmux.event import Result, Tried
from feedmux.http import Address, Http, Wire
from feedmux.limits import Limits, Window
from feedmux.mux import Mux
from feedmux.query import FearGreed
from feedmux.quota import Ending, Full, Permit, Quota
from feedmux.request import Reply, Request
from feedmux.transport import Network

from .clock import SLACK, ShiftedClock, elapsed_since, real_now, until
from .conftest import Engine
from .upstream import (
    Exchange,
    Fault,
    Upstream,
    answering,
    dripping,
    dropping,
    hanging,
    repeating,
    response,
    saying,
)

pytestmark = pytest.mark.anyio
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
GOOD = b'{"name": "good", "data": []}'
BOMB = gzip.compress(bytes(200_000_000), 9)
MIB = 1024 * 1024


@dataclass
class Ended:
    """How one request ended: its reply or its error, and whether its permit was given back."""

    reply: Reply | None
    error: BaseException | None
    refunded: bool


class Line:
    """One member's client over the real transport, as the engine makes them: a permit for each attempt."""

    def __init__(self, base_url: str, clock: ShiftedClock, *, chosen_by_operator: bool = True) -> None:
        self.network = Network()
        self._clock = clock
        self._wire = Wire(Address((base_url,), chosen_by_operator=chosen_by_operator), self.network)
        self._quota = Quota("line", Limits(weight=1, windows=(Window(1000, per=60),)))

    def _take(self) -> Permit | Full:
        return self._quota.take(1, self._clock.monotonic())

    async def ask(self, path: str = "/thing", seconds: float = 5.0) -> Ended:
        """One attempt. Never raises, and fails the test where it takes longer than `seconds`."""
        before, permit = self._quota.windows[0].free(self._clock.monotonic()), self._take()
        assert isinstance(permit, Permit)
        http = Http("line", self._wire, self._clock, permit, self._take, lambda headers: None)
        ended = Ended(None, None, refunded=False)
        try:
            async with asyncio.timeout(seconds):
                ended.reply = await http.send(Request(path))
        except TimeoutError:
            raise AssertionError(f"it took longer than {seconds:g} s") from None
        except BaseException as error:  # whatever leaves it is what is tested
            ended.error = error
        http.close(Ending.FAULT)
        ended.refunded = self._quota.windows[0].free(self._clock.monotonic()) == before
        return ended


@asynccontextmanager
async def line(base_url: str, clock: ShiftedClock, *, chosen_by_operator: bool = True) -> AsyncIterator[Line]:
    made = Line(base_url, clock, chosen_by_operator=chosen_by_operator)
    yield made
    await made.network.aclose()


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


def gzipped(body: bytes, encoding: str = "gzip") -> Fault:
    return answering(200, body, content_encoding=encoding)


@pytest.mark.parametrize("host", ["nx.invalid", "nx.invalid:8080", "xn--a.invalid", "[::1]:1", "0.0.0.0:1"])
async def test_a_host_that_does_not_resolve_or_listen_is_down_and_costs_nothing(
    host: str, clock: ShiftedClock
) -> None:
    async with line(f"http://{host}", clock) as made:
        ended = await made.ask()
    assert type(ended.error) is UpstreamDown
    assert not ended.error.sent
    assert ended.refunded


@pytest.mark.parametrize(
    "host", ["nx.invalid", "127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1"]
)
async def test_a_declared_host_that_does_not_resolve_or_lies_inside_is_never_connected_to(
    host: str, upstream: Upstream, clock: ShiftedClock
) -> None:
    async with line(f"http://{host}:{upstream.port}", clock, chosen_by_operator=False) as made:
        ended = await made.ask()
    assert type(ended.error) is UpstreamDown
    assert ended.refunded
    assert upstream.connections == 0


async def test_a_refused_connection_is_down_and_costs_nothing(clock: ShiftedClock) -> None:
    async with line(f"http://127.0.0.1:{closed_port()}", clock) as made:
        ended = await made.ask()
    assert type(ended.error) is UpstreamDown
    assert str(ended.error) == "cannot be reached"
    assert ended.refunded


BROKEN: dict[str, tuple[Fault, type[FeedmuxError], str]] = {
    "closed after the request, before any byte": (dropping, UpstreamDown, "broke the connection"),
    "closed inside the headers": (saying(HEAD), UpstreamDown, "broke the connection"),
    "a length longer than the body": (
        saying(HEAD + b"content-length: 100\r\n\r\n" + GOOD),
        UpstreamDown,
        "broke the connection",
    ),
    "a cut chunk": (saying(CHUNKED + b"ff\r\n" + GOOD), UpstreamDown, "broke the connection"),
    "chunks without the last": (
        saying(CHUNKED + b"%x\r\n%b\r\n" % (len(GOOD), GOOD)),
        UpstreamDown,
        "broke the connection",
    ),
    "a chunk of no size": (saying(CHUNKED + b"zz\r\n" + GOOD), UpstreamDown, "broke the connection"),
    "truncated gzip": (gzipped(gzip.compress(GOOD)[:-9]), BadPayload, "cut short"),
    "truncated gzip, its checksum only": (gzipped(gzip.compress(GOOD)[:-1]), BadPayload, "cut short"),
    "gzip with a wrong checksum": (gzipped(gzip.compress(GOOD)[:-8] + bytes(8)), BadPayload, "is not gzip"),
    "empty gzip": (gzipped(b""), BadPayload, "cut short"),
    "plain bytes called gzip": (gzipped(GOOD), BadPayload, "is not gzip"),
    "gzip in gzip, both named": (
        gzipped(gzip.compress(gzip.compress(GOOD)), "gzip, gzip"),
        BadPayload,
        "which was not asked for",
    ),
    "brotli unasked": (gzipped(GOOD, "br"), BadPayload, "which was not asked for"),
    "zstd unasked": (gzipped(GOOD, "zstd"), BadPayload, "which was not asked for"),
    "one header of 200 kB": (answering(200, GOOD, x_long="a" * 200_000), UpstreamDown, ""),
    "one header of 70 kB": (answering(200, GOOD, x_long="a" * 70_000), UpstreamDown, "bytes of headers"),
    "10,000 headers": (
        answering(200, GOOD, **{f"x_{number}": "1" for number in range(10_000)}),
        UpstreamDown,
        "",
    ),
    "headers without an end": (repeating(HEAD, b"x-more: " + b"y" * 1000 + b"\r\n"), UpstreamDown, ""),
    "a status line of garbage": (saying(b"\x00\xff\xfeGARBAGE\r\n\r\n"), UpstreamDown, ""),
    "a status that is no number": (saying(b"HTTP/1.1 OK fine\r\n\r\n"), UpstreamDown, ""),
    "a status of two digits": (saying(b"HTTP/1.1 20 OK\r\n\r\n"), UpstreamDown, ""),
    "a status of 999": (answering(999, GOOD), UpstreamDown, "answered 999"),
    "HTTP/0.9": (saying(GOOD), UpstreamDown, ""),
    "HTTP/9.9": (saying(b"HTTP/9.9 200 OK\r\ncontent-length: 2\r\n\r\n{}"), UpstreamDown, ""),
    "another protocol": (saying(b"SSH-2.0-OpenSSH_9.6\r\n"), UpstreamDown, ""),
    "TLS where plain HTTP is due": (saying(b"\x15\x03\x03\x00\x02\x02\x28"), UpstreamDown, ""),
    "an endless first line": (repeating(b"HTTP/1.1 200 ", b"a" * 4096), UpstreamDown, ""),
    "two different lengths": (
        saying(HEAD + b"content-length: 28\r\ncontent-length: 2\r\n\r\n" + GOOD),
        UpstreamDown,
        "",
    ),
    "a negative length": (saying(HEAD + b"content-length: -1\r\n\r\n" + GOOD), UpstreamDown, ""),
    "an unknown transfer encoding": (
        saying(HEAD + b"transfer-encoding: gzip\r\n\r\n" + GOOD),
        UpstreamDown,
        "",
    ),
    "a header with a NUL": (saying(HEAD + b"x: a\x00b\r\ncontent-length: 2\r\n\r\n{}"), UpstreamDown, ""),
    "101": (
        saying(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
        UpstreamDown,
        "",
    ),
    "204": (saying(b"HTTP/1.1 204 No Content\r\n\r\n"), BadPayload, "answered 204"),
    "206": (answering(206, GOOD), BadPayload, "answered 206"),
    "304 unasked": (saying(b"HTTP/1.1 304 Not Modified\r\n\r\n"), UpstreamDown, "answered 304"),
    "451": (answering(451, b"not here"), Unavailable, "answered 451"),
}


@pytest.mark.parametrize("what", BROKEN)
async def test_a_broken_answer_is_an_error_of_ours_and_is_charged(
    what: str, upstream: Upstream, clock: ShiftedClock
) -> None:
    fault, expected, words = BROKEN[what]
    upstream.fails("line", fault)
    async with line(upstream.base_url("line"), clock) as made:
        ended = await made.ask()
    assert type(ended.error) is expected, ended.error
    assert words in str(ended.error)
    assert not ended.refunded
    assert len(upstream.arrivals) == 1


BIG: dict[str, Fault] = {
    "a gzip bomb of 200 MB": gzipped(BOMB),
    "a body of chunks without an end": repeating(CHUNKED, b"10000\r\n" + bytes(65536) + b"\r\n"),
    "one chunk without an end": repeating(CHUNKED + b"7fffffff\r\n", bytes(65536)),
    "a body as long as the connection": repeating(HEAD + b"\r\n", bytes(65536)),
    "a length of 1 TB": repeating(HEAD + b"content-length: 1000000000000\r\n\r\n", bytes(65536)),
}


@pytest.mark.parametrize("what", BIG)
async def test_a_body_without_measure_is_refused_at_the_cap_in_bounded_memory(
    what: str, upstream: Upstream, clock: ShiftedClock
) -> None:
    upstream.fails("line", BIG[what])
    async with line(upstream.base_url("line"), clock) as made:
        tracemalloc.start()
        ended = await made.ask()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    said = f"{what}: refused at {CAP / MIB:g} MiB with a peak of {peak / MIB:.1f} MiB"
    print(said)
    assert type(ended.error) is BadPayload
    assert not ended.refunded
    assert peak < CAP + 3 * MIB, said


async def test_an_idle_connection_that_the_upstream_closed_is_replaced_unseen(
    upstream: Upstream, clock: ShiftedClock
) -> None:
    async def answers_once(exchange: Exchange) -> bool:
        await exchange.say(response(200, GOOD))
        return False

    upstream.fails("line", answers_once)
    async with line(upstream.base_url("line"), clock) as made:
        assert (await made.ask()).reply is not None
        await until(lambda: upstream.open_connections == 0)
        ended = await made.ask()
    assert ended.reply is not None
    assert [arrival.connection for arrival in upstream.arrivals] == [1, 2]


async def test_a_kept_connection_that_breaks_before_any_byte_is_replaced_once_and_charged_once(
    upstream: Upstream, clock: ShiftedClock
) -> None:
    served: set[int] = set()

    async def breaks_when_used_again(exchange: Exchange) -> bool:
        if exchange.arrival.connection in served:
            return False
        served.add(exchange.arrival.connection)
        await exchange.say(response(200, GOOD))
        return True

    upstream.fails("line", breaks_when_used_again)
    async with line(upstream.base_url("line"), clock) as made:
        first, second = await made.ask(), await made.ask()
        used = made._quota.windows[0].share - made._quota.windows[0].free(clock.monotonic())
    assert first.reply is not None
    assert second.reply is not None, second.error
    assert [arrival.connection for arrival in upstream.arrivals] == [1, 1, 2]
    assert used == 2


async def test_a_fresh_connection_that_breaks_before_any_byte_is_not_tried_again(
    upstream: Upstream, clock: ShiftedClock
) -> None:
    async with line(upstream.base_url("line"), clock) as made:
        upstream.fails("line", dropping)
        first = await made.ask()
        upstream.fails("line", answering(200, GOOD))
        await made.ask()
        upstream.fails("line", dropping)
        ended = await made.ask()
    assert type(first.error) is type(ended.error) is UpstreamDown
    assert [arrival.connection for arrival in upstream.arrivals] == [1, 2, 2, 3]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "where", ["another port", "the same host", "//169.254.169.254/latest", "file:///etc/passwd"]
)
async def test_a_redirect_is_never_followed(
    status: int, where: str, upstream: Upstream, clock: ShiftedClock
) -> None:
    elsewhere = Upstream(clock)
    await elsewhere.start()
    location = {
        "another port": elsewhere.base_url("line"),
        "the same host": upstream.base_url("line") + "/moved",
    }.get(where, where)
    upstream.fails("line", answering(status, b"", location=location))
    async with line(upstream.base_url("line"), clock) as made:
        ended = await made.ask()
    await elsewhere.stop()
    assert type(ended.error) is UpstreamDown
    assert "redirects are refused" in str(ended.error)
    assert len(upstream.arrivals) == 1
    assert not elsewhere.arrivals


async def test_a_cookie_is_neither_kept_nor_sent_back(upstream: Upstream, clock: ShiftedClock) -> None:
    upstream.fails("line", answering(200, GOOD, set_cookie="session=1; Path=/"))
    async with line(upstream.base_url("line"), clock) as made:
        for _ in range(3):
            assert (await made.ask()).reply is not None
    assert len(upstream.arrivals) == 3
    assert not any("cookie" in arrival.headers for arrival in upstream.arrivals)


async def test_a_proxy_named_by_the_environment_is_ignored(
    upstream: Upstream, clock: ShiftedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = Upstream(clock)
    await proxy.start()
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    upstream.fails("line", answering(200, GOOD))
    async with line(upstream.base_url("line"), clock) as made:
        ended = await made.ask()
    await proxy.stop()
    assert ended.reply is not None
    assert proxy.connections == 0


async def test_only_errors_of_ours_leave_the_client_whatever_bytes_come(
    upstream: Upstream, clock: ShiftedClock
) -> None:
    chance = Chance(20261124).generator("bytes")
    good = response(200, gzip.compress(GOOD), [("content-encoding", "gzip"), ("retry-after", "5")])
    foreign = []
    async with line(upstream.base_url("line"), clock) as made:
        for _ in range(300):
            raw = _mutated(good, chance)
            upstream.fails("line", saying(raw))
            ended = await made.ask()
            if ended.reply is None and not isinstance(ended.error, FeedmuxError):
                foreign.append((raw, ended.error))
    assert not foreign


def _mutated(raw: bytes, chance: Random) -> bytes:
    made = bytearray(raw)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(made) or 1)
        match chance.randrange(4):
            case 0 if made:
                made[at] = chance.randrange(256)
            case 1:
                del made[at : at + chance.randint(1, 20)]
            case 2:
                made[at:at] = chance.randbytes(chance.randint(1, 20))
            case _:
                del made[at + 1 :]
    return bytes(made)


SLOW: dict[str, Fault] = {
    "headers that never come": hanging(),
    "headers that stop half-way": hanging(HEAD),
    "a body that stalls half-way": hanging(HEAD + b"content-length: 100\r\n\r\n" + GOOD),
    "a chunk that stalls": hanging(CHUNKED + b"ff\r\n"),
    "a body that drips": dripping(HEAD + b"content-length: 1000000\r\n\r\n", b" ", every=0.02),
    "headers that drip": dripping(HEAD, b"x", every=0.02),
    "interim answers without an end": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n", every=0.02),
}


def tried(error: FeedmuxError) -> list[Tried]:
    trace: Any = error.trace
    return [event for event in trace.events if isinstance(event, Tried)]


@pytest.mark.parametrize("what", SLOW)
async def test_what_does_not_come_in_time_ends_at_the_deadline_and_is_charged(
    what: str, engine: Engine, upstream: Upstream
) -> None:
    upstream.fails("alternative_me", SLOW[what])
    async with engine("alternative_me", deadline=0.3) as mux:
        began = real_now()
        with pytest.raises(NoProvider) as raised:
            await mux.get(FearGreed())
        took = elapsed_since(began)
        (attempt,) = tried(raised.value)
        assert attempt.result is Result.TIMEOUT
        assert raised.value.retry_after == 1.0
        assert 0.2 < took < 0.3 + SLACK, f"{what}: {took:.3f} s of 0.3 s"
        assert used(mux) == {1}
        assert mux.cached == 0
        await until(lambda: upstream.open_connections == 0)


def used(mux: Mux) -> set[int]:
    return {row.used for row in mux.ledger()}


PAGES: dict[str, Fault] = {
    "a captive portal's page": answering(
        200, b"<!DOCTYPE html>\x1b[2J<html><title>Sign in to Wi-Fi</title>", content_type="text/html"
    ),
    "HTML called JSON": answering(
        200, b"<html><body>Just a moment...</body></html>", content_type="application/json"
    ),
    "gzip in gzip": gzipped(gzip.compress(gzip.compress(GOOD))),
    "nothing": answering(200),
    "a text in UTF-16": answering(200, GOOD.decode().encode("utf-16")),
    "JSON 100,000 deep": answering(200, b"[" * 100_000),
    "an error beside the data": answering(200, b'{"data": [], "metadata": {"error": "id not found"}}'),
}


@pytest.mark.parametrize("what", PAGES)
async def test_a_page_where_data_was_due_is_garbage_and_not_kept(
    what: str, engine: Engine, upstream: Upstream
) -> None:
    upstream.fails("alternative_me", PAGES[what])
    async with engine("alternative_me", deadline=1.0) as mux:
        with pytest.raises(BadPayload) as raised:
            await mux.get(FearGreed())
        (attempt,) = tried(raised.value)
        assert attempt.result is Result.GARBAGE
        assert mux.cached == 0
        assert used(mux) == {1}
    assert len(raised.value.detail) < 300
    assert raised.value.detail.isprintable()


async def test_a_member_that_cannot_be_reached_costs_no_quota_and_the_next_is_asked(
    engine: Engine, upstream: Upstream
) -> None:
    async with engine("alternative_me", deadline=1.0) as mux:
        await upstream.stop()
        with pytest.raises(NoProvider) as raised:
            await mux.get(FearGreed())
        (attempt,) = tried(raised.value)
        assert attempt.result is Result.UNSENT
        assert used(mux) == {0}
