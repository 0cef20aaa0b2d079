"""What each refusal of CoinGecko means, and who is closed by it: every body there is."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from simulated.refusals import Told, closed_for, each, error_bodies, found_in, two_keys
from simulated.remote import Call

from feedmux import Quotes, virtual
from feedmux.errors import InvalidQuery, NotFound, RateLimited, Unauthorized, UpstreamDown
from feedmux.failure import failure_of
from feedmux.request import Reply
from feedmux.transport import Incoming
from feedmux_coingecko import provider

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 24, tzinfo=UTC)
FOR_EVER = float("inf")
KEYS = ("CG-first", "CG-second")

TABLE = [
    Told("recorded/error_400_invalid_days.json", 400, InvalidQuery),
    Told("recorded/error_400_invalid_vs_currency.json", 400, InvalidQuery),
    Told("documented/error_400_pro_key_on_public_host_10010.json", 400, Unauthorized, closed=FOR_EVER),
    Told("documented/error_400_demo_key_on_pro_host_10011.json", 400, Unauthorized, closed=FOR_EVER),
    Told("recorded/error_401_wrong_demo_key.json", 401, Unauthorized, closed=FOR_EVER),
    Told("recorded/error_401_pro_only_10005.json", 401, InvalidQuery),
    Told("recorded/error_401_time_range_10012.json", 401, InvalidQuery),
    Told("recorded/error_404_coin_not_found.json", 404, NotFound),
    Told("recorded/error_422_missing_date.json", 422, InvalidQuery),
    Told("recorded/error_422_missing_ids.json", 422, InvalidQuery),
    Told("recorded/error_422_missing_vs_currency.json", 422, InvalidQuery),
    Told("recorded/error_429_rate_limit.json", 429, RateLimited, 119, 120, {"retry-after": "119"}),
    Told("recorded/error_429_rate_limit.json", 429, RateLimited, 300, 300, {"retry-after": "300"}),
    Told("recorded/error_429_rate_limit.json", 429, RateLimited, None, 120, {"retry-after": "0"}),
    Told("recorded/error_429_rate_limit.json", 429, RateLimited, None, 120),
    Told("recorded/error_500_ohlc_missing_params.json", 500, UpstreamDown),
    Told("error code: 1015", 429, RateLimited, None, 120),
    Told("<html>Access denied | error 1020</html>", 403, UpstreamDown),
    Told("<html>502 Bad Gateway</html>", 502, UpstreamDown),
]


@each(TABLE)
def test_a_refusal_is_this_error(told: Told) -> None:
    found = found_in(told, HERE, provider, NOW)
    assert type(found) is told.error
    assert found.retry_after == told.retry_after


@each(TABLE)
def test_a_refusal_closes_the_key_that_was_used_and_no_other(told: Told) -> None:
    def script(call: Call) -> Incoming:
        used = call.headers["x-cg-demo-api-key"] == KEYS[0]
        return told.incoming(HERE) if used else Incoming(200, {}, b"[]")

    call, first, second = virtual.run(two_keys("coingecko", provider, Quotes(["BTC"]), KEYS, script))
    assert call.headers["x-cg-demo-api-key"] == KEYS[0]
    assert closed_for(first) == pytest.approx(told.closed)
    assert not second.closed


def test_every_error_body_is_in_the_table() -> None:
    assert error_bodies(HERE) <= {told.body for told in TABLE}


def test_an_answer_is_no_failure() -> None:
    good = (HERE / "recorded/coins_markets.btc_eth_page1.json").read_bytes()
    assert failure_of(Reply(200, {}, good), provider.feedmux_upstream().failures, NOW) is None
