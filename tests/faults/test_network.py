"""Faults of the network that nothing else here shows: rows N1 to N24, each named in its test."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpcore
import pytest
import trustme
from tests.system.clock import SLACK, ShiftedClock, elapsed_since, real_now
from tests.system.conftest import Engine
from tests.system.test_network_faults import GOOD, line, tried
from tests.system.upstream import Upstream, answering, response, saying

from feedmux.errors import NoProvider, UpstreamDown
from feedmux.event import Result
from feedmux.internet import HEAD_START, OpenInternet
from feedmux.query import FearGreed, Quotes
from feedmux.transport import Network, Outgoing

pytestmark = pytest.mark.anyio
OUTSIDE, OTHER, INSIDE = "93.184.216.34", "2606:4700:4700::1111", "127.0.0.1"


async def test_n1_who_cannot_be_reached_costs_nothing_and_the_next_answers_at_once(
    engine: Engine, upstream: Upstream
) -> None:
    async def gone(exchange: object) -> bool:
        raise AssertionError("nobody listens there")

    upstream.fails("binance_dt", gone)
    async with engine("binance_dt", "alternative_me") as mux:
        mux._fleet.standings["binance_dt"].wire.address.hosts = ("http://nx.invalid",)
        began = real_now()
        answer = await mux.get(Quotes(["BTC"]), prefer=["binance_dt"])
        took = elapsed_since(began)
        spent = {row.used for row in mux.ledger() if row.pool == "binance_dt"}

    assert {item.provider for item in answer.items} == {"alternative_me"}
    assert spent == {0}
    assert took < 1.0 + SLACK


@pytest.fixture
def full() -> Iterator[int]:
    """The port of a listener whose queue is full: a connection to it never completes."""
    with socket.socket() as listener:
        listener.bind((INSIDE, 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        yield address[1]
        for one in waiting:
            one.close()


async def test_n3_a_connection_that_never_completes_ends_with_the_attempt(
    full: int, engine: Engine, upstream: Upstream
) -> None:
    async with engine("alternative_me", deadline=0.3) as mux:
        mux._fleet.standings["alternative_me"].wire.address.hosts = (f"http://{INSIDE}:{full}",)
        began = real_now()
        with pytest.raises(NoProvider) as raised:
            await mux.get(FearGreed())
        took = elapsed_since(began)

    (attempt,) = tried(raised.value)
    assert attempt.result is Result.TIMEOUT
    assert took < 0.3 + SLACK


class Loopback(httpcore.AnyIOBackend):
    """Carries every connection to loopback, whatever its address, and notes the address."""

    def __init__(self) -> None:
        super().__init__()
        self.connected: list[str] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.connected.append(host)
        return await super().connect_tcp(INSIDE, port, timeout, local_address, socket_options)


class Changing:
    """A resolver that gives these answers one after the other, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str) -> list[str]:
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@asynccontextmanager
async def network(internet: OpenInternet):  # type: ignore[no-untyped-def]
    made = Network(internet)
    yield made
    await made.aclose()


AUTHORITY = trustme.CA()
ANOTHER = trustme.CA()
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)
CERTIFICATES = {
    "expired": AUTHORITY.issue_cert("api.example", not_after=LONG_AGO),
    "of another host": AUTHORITY.issue_cert("other.example"),
    "of an unknown authority": ANOTHER.issue_cert("api.example"),
    "good": AUTHORITY.issue_cert("api.example"),
}


@asynccontextmanager
async def secured(certificate: str, *, newest: ssl.TLSVersion | None = None):  # type: ignore[no-untyped-def]
    """A TLS server on loopback with that certificate: its port and the requests that it read."""
    read: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        read.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(response(200, GOOD))
        await writer.drain()

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if newest is not None:
        tls.minimum_version, tls.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, newest
        tls.set_ciphers("ALL:@SECLEVEL=0")
    CERTIFICATES[certificate].configure_cert(tls)
    server = await asyncio.start_server(serve, INSIDE, 0, ssl=tls)
    yield server.sockets[0].getsockname()[1], read
    server.close()


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority is one of those that the system trusts."""
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("certificate", ["expired", "of another host", "of an unknown authority"])
async def test_n17_a_certificate_that_is_not_the_hosts_ends_it_before_anything_is_sent(
    certificate: str,
) -> None:
    async with secured(certificate) as (port, read), network(elsewhere()) as wire:
        with pytest.raises(UpstreamDown) as raised:
            await wire.send(Outgoing(f"https://api.example:{port}/"))
    assert not raised.value.sent
    assert read == []


def elsewhere() -> OpenInternet:
    """Every name is outside, and loopback in truth."""
    return OpenInternet(Changing([OUTSIDE]), Loopback())


@pytest.mark.usefixtures("trusted")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_n17_an_old_protocol_ends_it_before_anything_is_sent() -> None:
    async with secured("good", newest=ssl.TLSVersion.TLSv1_1) as (port, read), network(elsewhere()) as wire:
        with pytest.raises(UpstreamDown) as raised:
            await wire.send(Outgoing(f"https://api.example:{port}/"))
    assert not raised.value.sent
    assert read == []


@pytest.mark.usefixtures("trusted")
async def test_n17_the_certificate_is_checked_against_the_name_though_the_address_is_pinned() -> None:
    carrier = Loopback()
    async with secured("good") as (port, read), network(OpenInternet(Changing([OUTSIDE]), carrier)) as wire:
        came = await wire.send(Outgoing(f"https://api.example:{port}/thing"))
    assert came.body == GOOD
    assert carrier.connected == [OUTSIDE]
    assert f"host: api.example:{port}".encode() in read[0].lower()


async def test_n18_a_name_that_is_re_bound_to_an_address_inside_leads_nowhere(upstream: Upstream) -> None:
    resolve, carrier = Changing([OUTSIDE], [INSIDE]), Loopback()
    upstream.fails("line", saying(response(200, GOOD)))
    async with network(OpenInternet(resolve, carrier)) as wire:
        outgoing = Outgoing(f"http://api.example:{upstream.port}/line/thing")
        assert (await wire.send(outgoing)).body == GOOD
        with pytest.raises(UpstreamDown, match="inside"):
            await wire.send(outgoing)
    assert carrier.connected == [OUTSIDE]
    assert resolve.asked == 2
    assert upstream.connections == 1


async def test_n18_one_address_inside_among_others_is_enough_to_refuse() -> None:
    carrier = Loopback()
    async with network(OpenInternet(Changing([OUTSIDE, INSIDE]), carrier)) as wire:
        with pytest.raises(UpstreamDown, match="inside"):
            await wire.send(Outgoing("http://api.example/"))
    assert carrier.connected == []


async def test_n18_a_stream_is_dialled_at_the_address_that_was_checked() -> None:
    async with network(OpenInternet(Changing([INSIDE], [OUTSIDE]), Loopback())) as wire:
        with pytest.raises(UpstreamDown, match="inside"):
            await wire.dial(Outgoing("ws://api.example:1/"))


async def test_n23_interim_answers_before_the_answer_are_passed_over(
    upstream: Upstream, clock: ShiftedClock
) -> None:
    upstream.fails("line", saying(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n", response(200, GOOD)))
    async with line(upstream.base_url("line"), clock) as made:
        ended = await made.ask()
    assert ended.reply is not None
    assert ended.reply.body == GOOD


class Hole(Loopback):
    """Swallows every IPv6 packet."""

    def __init__(self) -> None:
        super().__init__()
        self.open: set[str] = set()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        if ":" not in host:
            return await super().connect_tcp(host, port, timeout, local_address, socket_options)
        self.open.add(host)
        try:
            return await asyncio.Future()
        finally:
            self.open.remove(host)


async def test_n24_a_black_hole_in_ipv6_costs_a_moment_and_ipv4_answers(upstream: Upstream) -> None:
    upstream.fails("line", answering(200, GOOD))
    hole = Hole()
    async with network(OpenInternet(Changing([OTHER, OUTSIDE]), hole)) as wire:
        began = real_now()
        came = await wire.send(Outgoing(f"http://api.example:{upstream.port}/line/thing"))
        took = elapsed_since(began)
    assert came.status == 200
    assert HEAD_START * 0.9 < took < HEAD_START + SLACK
    assert hole.open == set()
    assert hole.connected == [OUTSIDE]


async def test_n24_where_no_address_takes_a_connection_nothing_was_sent(clock: ShiftedClock) -> None:
    async with network(OpenInternet(Changing([OTHER, OUTSIDE]), Loopback())) as wire:
        with pytest.raises(UpstreamDown, match="cannot be reached") as raised:
            await wire.send(Outgoing("http://api.example:1/"))
    assert not raised.value.sent
