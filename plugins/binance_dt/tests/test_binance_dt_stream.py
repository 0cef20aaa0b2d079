"""How Binance's frames are read: the documented ones, and a recorded sequence of others."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from feedmux.listing import Listed
from feedmux.query import Quotes
from feedmux.request import Asked
from feedmux_binance_dt import provider, stream

DOCUMENTED = Path(__file__).parent / "documented"
RECORDED = Path(__file__).parent / "recorded"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
BNB = Asked(Quotes(["BNB"], "BTC"), NOW, {"BNB": Listed("BNB", "BNBBTC", "BTC", "BNB/BTC")})


def documented(name: str) -> bytes:
    return (DOCUMENTED / f"ws_{name}.json").read_bytes()


def combined(**said: object) -> bytes:
    """The documented ticker as it comes over a combined stream, these of its fields replaced."""
    data = msgspec.json.decode(documented("ticker")) | said
    return msgspec.json.encode({"stream": "bnbbtc@ticker", "data": data})


def test_a_market_is_subscribed_to_in_lower_case() -> None:
    assert stream.ticker(BNB) == "bnbbtc@ticker"


def test_messages_have_the_documented_form() -> None:
    wanted = msgspec.json.decode(documented("subscribe_request"))
    assert msgspec.json.decode(stream.subscribe(["btcusdt@aggTrade", "btcusdt@depth"], 1)) == wanted
    left = msgspec.json.decode(stream.unsubscribe(["btcusdt@depth"], 312))
    assert left == {"method": "UNSUBSCRIBE", "params": ["btcusdt@depth"], "id": 312}


def test_a_ticker_says_what_the_documentation_says() -> None:
    (quote,) = stream.parse_ticker(combined(), BNB)
    assert (quote.symbol, quote.vs, quote.pair, quote.id) == ("BNB", "BTC", "BNB/BTC", "BNBBTC")
    assert (quote.price, quote.change_24h, quote.change_pct_24h) == (0.0025, 0.0015, 250.0)
    assert (quote.high_24h, quote.low_24h, quote.volume_24h) == (0.0025, 0.0010, 18.0)
    assert quote.observed_at == datetime.fromtimestamp(1672515782.136, UTC)


def test_a_market_without_trades_has_no_quote() -> None:
    assert stream.parse_ticker(combined(c="0.00000000"), BNB) == []


@pytest.mark.parametrize(
    "said",
    [{"s": "ETHBTC"}, {"c": "-1"}, {"c": "nan"}, {"c": None}, {"E": "soon"}, {"E": 10**30}, {"h": "0"}],
)
def test_what_it_cannot_have_meant_raises(said: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        stream.parse_ticker(combined(**said), BNB)


def test_every_recorded_frame_is_told_by_its_stream() -> None:
    frames = (RECORDED / "ws_combined_spot.jsonl").read_bytes().splitlines()
    assert [stream.channel_of(frame) for frame in frames] == [
        msgspec.json.decode(frame)["stream"] for frame in frames
    ]
    assert not any(stream.ends(frame) for frame in frames)


@pytest.mark.parametrize("name", ["subscribe_ack", "error_bad_json", "error_unknown_method"])
def test_replies_are_nobodys(name: str) -> None:
    assert stream.channel_of(documented(name)) is None
    assert not stream.ends(documented(name))


def test_an_announced_shutdown_is_known_with_and_without_its_stream() -> None:
    announced = documented("serverShutdown_combined")
    assert stream.channel_of(announced) is None
    assert stream.ends(announced)
    assert stream.ends(b'{"e":"serverShutdown","E":1770123456789}')


def test_the_limits_are_binances() -> None:
    push = provider.feedmux_upstream().push
    assert push is not None
    assert (push.per_connection, push.messages.limit, push.connections.limit) == (1024, 5, 300)
    assert provider.feedmux_upstream().streamed == {Quotes}
