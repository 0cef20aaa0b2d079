"""What each refusal of Binance means, and who is closed by it: every body there is."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from simulated.engine import world
from simulated.refusals import Told, closed_for, each, error_bodies, found_in
from simulated.remote import Call, Remote

from feedmux import Quotes, virtual
from feedmux.breaker import NOT_HERE
from feedmux.errors import FeedmuxError, InvalidQuery, RateLimited, Unavailable, UnknownSymbol, UpstreamDown
from feedmux.failure import failure_of
from feedmux.request import Reply
from feedmux.transport import Incoming
from feedmux_binance_dt import provider

HERE = Path(__file__).parent
BANNED = datetime.fromtimestamp(1660090423.228 - 300, UTC)
"""Five minutes before the recorded ban ends."""
HOSTS = 3

TABLE = [
    Told("recorded/error_400_illegal_chars.json", 400, InvalidQuery),
    Told("recorded/error_400_invalid_symbol.json", 400, UnknownSymbol),
    Told("recorded/error_400_unread_parameters.json", 400, InvalidQuery),
    Told("documented/error_400_invalid_interval.json", 400, InvalidQuery),
    Told("documented/error_400_missing_parameter.json", 400, InvalidQuery),
    Told("recorded/error_418_ip_banned.json", 418, RateLimited, 300, 300),
    Told("recorded/error_418_ip_banned.json", 418, RateLimited, 300, 300, {"retry-after": "17"}),
    Told("recorded/error_429_too_much_weight.json", 429, RateLimited, 17, 17, {"retry-after": "17"}),
    Told("recorded/error_429_too_much_weight.json", 429, RateLimited, None, 5),
    Told("documented/error_429_too_much_weight_6000.json", 429, RateLimited, 60, 60, {"retry-after": "60"}),
    Told("recorded/error_451_geoblock.json", 451, Unavailable, None, NOT_HERE, hosts=HOSTS),
    Told("documented/error_5xx_busy.json", 503, UpstreamDown),
    Told("documented/error_timeout.json", 408, UpstreamDown),
    Told("<html><head><title>403 Forbidden</title></head></html>", 403, RateLimited, None, 5),
    Told("<html>502 Bad Gateway</html>", 502, UpstreamDown),
]


@each(TABLE)
def test_a_refusal_is_this_error(told: Told) -> None:
    found = found_in(told, HERE, provider, BANNED)
    assert type(found) is told.error
    assert found.retry_after == pytest.approx(told.retry_after)


@each(TABLE)
def test_a_refusal_closes_binance_for_as_long_as_it_says(told: Told) -> None:
    listing = (HERE / "recorded/exchangeInfo_truncated.json").read_bytes()

    def script(call: Call) -> Incoming:
        if call.path == "/api/v3/exchangeInfo":
            return Incoming(200, {}, listing)
        return told.incoming(HERE)

    async def run() -> None:
        upstream = Remote(script=script)
        clock = virtual.virtual_clock(BANNED)
        async with world({"binance_dt": (provider, upstream)}, clock=clock) as w:
            with suppress(FeedmuxError):
                await w.mux.get(Quotes(["ETH"], "BTC"), deadline=2.0)
            state = w.mux._fleet.standings["binance_dt"].breaker.state
        assert closed_for(state) == pytest.approx(told.closed, abs=1.0)
        assert len([call for call in upstream.calls if "ticker" in call.path]) == told.hosts

    virtual.run(run())


@pytest.mark.parametrize("code", [-1000, -1001, -1006, -1007, -1008])
@pytest.mark.parametrize("status", [408, 500, 503])
def test_its_own_troubles_are_its_own_whatever_the_status(code: int, status: int) -> None:
    reply = Reply(status, {}, b'{"code":%d,"msg":"Internal error."}' % code)
    assert type(failure_of(reply, provider.feedmux_upstream().failures, BANNED)) is UpstreamDown


def test_every_error_body_is_in_the_table() -> None:
    assert error_bodies(HERE) <= {told.body for told in TABLE}
