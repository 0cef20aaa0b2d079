"""The proxy: how it is asked and read, and that it is asked only where the operator wants it and Binance fails."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import json
from simulated.engine import world
from simulated.remote import Call, Remote, body, broken

from feedmux import Candles, NoProvider, Quotes, Settings, Tier, virtual
from feedmux.request import Asked
from feedmux.settings import ProviderSettings
from feedmux.transport import Incoming
from feedmux_binance_dt import provider, proxy

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
HOUR = int(datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp() * 1000)
TICKER = {"symbol": "BTC", "price": 91000.5, "change24h": 12.5, "changePercent24h": 0.01, "volume24h": 5.0}


def answer(data: object, **more: object) -> dict[str, object]:
    return {"success": True, "source": "binance", "data": data, "timestamp": "2026-11-24T12:30:00", **more}


def row(at: int) -> dict[str, float]:
    return {"timestamp": at, "open": 2.0, "high": 4.0, "low": 1.0, "close": 3.0, "volume": 7.5}


def series(timeframe: str = "1h") -> bytes:
    return json.encode(answer([row(HOUR - 3_600_000), row(HOUR)], timeframe=timeframe))


def quote(**changes: object) -> Any:
    found = proxy.parse_quotes(json.encode(answer({**TICKER, **changes})), Asked(Quotes("BTC"), NOW))
    return found[0] if found else None


def test_a_quote_has_what_it_says_and_no_volume_for_that_is_in_the_base_asset() -> None:
    found = quote(high24h=92000.0, low24h=0)
    assert (found.price, found.pair, found.vs, found.id) == (91000.5, "BTC/USDT", "USD", "BTCUSDT")
    assert (found.change_24h, found.change_pct_24h, found.high_24h) == (12.5, 0.01, 92000.0)
    assert (found.low_24h, found.volume_24h, found.observed_at) == (None, None, None)


def test_a_price_of_nought_is_none() -> None:
    assert quote(price=0) is None


def test_candles_are_read_and_the_running_one_is_not_closed() -> None:
    first, last = proxy.parse_candles(series(), Asked(Candles("BTC", "1h", 2), NOW))
    assert (first.open, first.high, first.low, first.close, first.volume) == (2.0, 4.0, 1.0, 3.0, 7.5)
    assert (first.closed, last.closed, last.opened_at.hour, last.pair) == (True, False, 12, "BTC/USDT")


def test_candles_of_another_interval_are_refused() -> None:
    with pytest.raises(ValueError, match="gave candles of 1h where 4h were asked for"):
        proxy.parse_candles(series(), Asked(Candles("BTC", "4h", 2), NOW))


@pytest.mark.parametrize("change", [{"success": False}, {"source": "demo"}, {"source": None}])
def test_what_does_not_say_that_it_is_binances_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"Invalid enum|Expected"):
        proxy.parse_quotes(json.encode({**answer(TICKER), **change}), Asked(Quotes("BTC"), NOW))


def test_it_is_asked_for_plain_symbols_in_dollars() -> None:
    assert proxy.names_a_market(Quotes("binance_dt:BTCUSDT"))
    assert not proxy.names_a_market(Quotes("BTC"))
    request = proxy.candles_request(Asked(Candles("BTC", "15m", 5), NOW))
    assert request.target == "/api/v1/binance/klines?symbol=BTCUSDT&timeframe=15m&interval=15m&limit=5"


def test_it_is_off_and_for_emergencies_within_limits_of_its_own() -> None:
    (member,) = [one for one in provider.feedmux_upstream().members if one.name == "crypto_dt_source"]
    assert not member.enabled
    assert member.limits is not None
    assert member.limits.tier is Tier.EMERGENCY
    assert [(window.limit, window.per) for window in member.limits.windows] == [(30, 60), (500, 3600)]


def script(call: Call) -> Incoming:
    return body(answer(TICKER)) if "onrender" in call.host else broken()


@pytest.mark.parametrize("members", [None, ("binance_dt", "crypto_dt_source")])
def test_where_binance_fails_it_answers_if_the_operator_named_it(members: tuple[str, ...] | None) -> None:
    upstream = Remote(script=script)
    chosen = Settings(providers={"binance_dt": ProviderSettings(members=members)})

    async def run() -> None:
        async with world({"binance_dt": (provider, upstream)}, settings=chosen) as w:
            if members is None:
                with pytest.raises(NoProvider):
                    await w.mux.get(Quotes("BTC"))
            else:
                (found,) = (await w.mux.get(Quotes("BTC"))).items
                assert (found.provider, found.price) == ("binance_dt", 91000.5)

    virtual.run(run())
    assert any("onrender" in call.host for call in upstream.calls) is (members is not None)
