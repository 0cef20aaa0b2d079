"""What each refusal of Etherscan means, and who is closed by it: every body there is, all with status 200."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import Struct
from simulated.engine import world
from simulated.remote import Call, Remote, Script, broken

from feedmux import Gas, Settings, virtual
from feedmux.errors import FeedmuxError, InvalidQuery, RateLimited, Unauthorized, UnknownSymbol, UpstreamDown
from feedmux.failure import failure_of
from feedmux.request import Reply
from feedmux.secret import Secret
from feedmux.settings import ProviderSettings
from feedmux.transport import Incoming
from feedmux_etherscan import provider

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 24, tzinfo=UTC)
FOR_EVER = float("inf")
STEP = provider.feedmux_limits().backoff.steps[0]


class Told(Struct, frozen=True):
    """A reply, the error it is, the wait it names, and for how long the key that was used is closed (0: not at all)."""

    body: str
    error: type[FeedmuxError]
    retry_after: float | None = None
    closed: float = 0.0
    status: int = 200

    @property
    def content(self) -> bytes:
        return (HERE / self.body).read_bytes() if self.body.endswith(".json") else self.body.encode()

    def to(self, key: str) -> Script:
        """An upstream that says so to this key; to another that it is down."""

        def script(call: Call) -> Incoming:
            return Incoming(self.status, {}, self.content) if key in call.secret_params else broken()

        return script


TABLE = [
    Told("recorded/error_200_contract_not_verified.json", UnknownSymbol),
    Told("recorded/error_200_deprecated_v1.json", UpstreamDown),
    Told("recorded/error_200_free_access_temporarily_unavailable.json", UpstreamDown),
    Told("recorded/error_200_free_plan_chain_not_supported.json", InvalidQuery),
    Told("recorded/error_200_free_plan_chain_not_supported_proxy.json", InvalidQuery),
    Told("recorded/error_200_max_calls_per_sec_3.json", RateLimited, None, STEP),
    Told("recorded/error_200_max_calls_per_sec_5.json", RateLimited, None, STEP),
    Told("recorded/error_200_max_rate_limit.json", RateLimited, None, STEP),
    Told("recorded/error_200_missing_or_invalid_key.json", Unauthorized, closed=FOR_EVER),
    Told("documented/error_200_invalid_action.json", InvalidQuery),
    Told("documented/error_200_invalid_address.json", InvalidQuery),
    Told("documented/error_200_invalid_key.json", Unauthorized, closed=FOR_EVER),
    Told("documented/error_200_missing_chainid.json", InvalidQuery),
    Told("documented/error_200_too_many_invalid_keys.json", RateLimited, None, STEP),
    Told("<html>403 Forbidden</html>", UpstreamDown, status=403),
    Told("<html>502 Bad Gateway</html>", UpstreamDown, status=502),
    Told("", RateLimited, None, STEP, status=429),
]
each = pytest.mark.parametrize("told", TABLE, ids=lambda told: f"{told.status} {told.body[:60]}")


@each
def test_a_refusal_is_this_error(told: Told) -> None:
    reply = Reply(told.status, {}, told.content)
    found = failure_of(reply, provider.feedmux_upstream().failures, NOW)
    assert type(found) is told.error
    assert found.retry_after == told.retry_after


@each
def test_a_refusal_closes_the_key_that_was_used_and_no_other(told: Told) -> None:
    keys = (Secret("FIRSTKEY"), Secret("OTHERKEY"))
    chosen = Settings(providers={"etherscan": ProviderSettings(api_keys=keys)})

    async def run() -> None:
        upstream = Remote(script=told.to("FIRSTKEY"))
        async with world({"etherscan": (provider, upstream)}, settings=chosen) as w:
            with suppress(FeedmuxError):
                await w.mux.get(Gas())
            first, second = (one.breaker.state for one in w.mux._fleet.standings.values())
        assert "FIRSTKEY" in upstream.calls[0].secret_params
        assert (first.until - first.since if first.closed else 0.0) == pytest.approx(told.closed)
        assert not second.closed

    virtual.run(run())


def test_every_error_body_is_in_the_table() -> None:
    known = {told.body for told in TABLE}
    assert {str(path.relative_to(HERE)) for path in HERE.glob("*/error_*")} <= known
