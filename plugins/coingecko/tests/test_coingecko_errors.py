"""What each refusal of CoinGecko means, and who is closed by it: every body there is."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import Struct
from simulated.engine import world
from simulated.remote import Call, Remote, Script

from feedmux import Quotes, Settings, virtual
from feedmux.errors import FeedmuxError, InvalidQuery, NotFound, RateLimited, Unauthorized, UpstreamDown
from feedmux.failure import failure_of
from feedmux.request import Reply
from feedmux.secret import Secret
from feedmux.settings import ProviderSettings
from feedmux.transport import Incoming
from feedmux_coingecko import provider

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 24, tzinfo=UTC)
FOR_EVER = float("inf")


class Told(Struct, frozen=True):
    """A reply, the error it is, the wait it names, and for how long the key that was used is closed (0: not at all)."""

    body: str
    status: int
    error: type[FeedmuxError]
    retry_after: float | None = None
    closed: float = 0.0
    headers: dict[str, str] = {}

    @property
    def content(self) -> bytes:
        return (HERE / self.body).read_bytes() if self.body.endswith(".json") else self.body.encode()

    def to(self, key: str) -> Script:
        """An upstream that says so to this key; to another that it knows no coin."""

        def script(call: Call) -> Incoming:
            if call.headers["x-cg-demo-api-key"] != key:
                return Incoming(200, {}, b"[]")
            return Incoming(self.status, self.headers, self.content)

        return script


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
each = pytest.mark.parametrize(
    "told", TABLE, ids=lambda told: f"{told.status} {told.body[:60]} {told.headers}"
)


@each
def test_a_refusal_is_this_error(told: Told) -> None:
    reply = Reply(told.status, told.headers, told.content)
    found = failure_of(reply, provider.feedmux_upstream().failures, NOW)
    assert type(found) is told.error
    assert found.retry_after == told.retry_after


@each
def test_a_refusal_closes_the_key_that_was_used_and_no_other(told: Told) -> None:
    keys = (Secret("CG-first"), Secret("CG-second"))
    chosen = Settings(providers={"coingecko": ProviderSettings(api_keys=keys)})

    async def run() -> None:
        upstream = Remote(script=told.to("CG-first"))
        async with world({"coingecko": (provider, upstream)}, settings=chosen) as w:
            with suppress(FeedmuxError):
                await w.mux.get(Quotes(["BTC"]))
            first, second = (one.breaker.state for one in w.mux._fleet.standings.values())
        assert upstream.calls[0].headers["x-cg-demo-api-key"] == "CG-first"
        assert (first.until - first.since if first.closed else 0.0) == pytest.approx(told.closed)
        assert not second.closed

    virtual.run(run())


def test_every_error_body_is_in_the_table() -> None:
    known = {told.body for told in TABLE}
    assert {str(path.relative_to(HERE)) for path in HERE.glob("*/error_*")} <= known


def test_an_answer_is_no_failure() -> None:
    good = (HERE / "recorded/coins_markets.btc_eth_page1.json").read_bytes()
    assert failure_of(Reply(200, {}, good), provider.feedmux_upstream().failures, NOW) is None
