"""What each refusal of Etherscan means, and who is closed by it: every body there is, nearly all with status 200."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from simulated.refusals import Told, closed_for, each, error_bodies, found_in, two_keys
from simulated.remote import Call, broken

from feedmux import Gas, virtual
from feedmux.errors import InvalidQuery, RateLimited, Unauthorized, UnknownSymbol, UpstreamDown
from feedmux.transport import Incoming
from feedmux_etherscan import provider

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 24, tzinfo=UTC)
FOR_EVER = float("inf")
STEP = provider.feedmux_limits().backoff.steps[0]
KEYS = ("FIRSTKEY", "OTHERKEY")

TABLE = [
    Told("recorded/error_200_contract_not_verified.json", 200, UnknownSymbol),
    Told("recorded/error_200_deprecated_v1.json", 200, UpstreamDown),
    Told("recorded/error_200_free_access_temporarily_unavailable.json", 200, UpstreamDown),
    Told("recorded/error_200_free_plan_chain_not_supported.json", 200, InvalidQuery),
    Told("recorded/error_200_free_plan_chain_not_supported_proxy.json", 200, InvalidQuery),
    Told("recorded/error_200_max_calls_per_sec_3.json", 200, RateLimited, None, STEP),
    Told("recorded/error_200_max_calls_per_sec_5.json", 200, RateLimited, None, STEP),
    Told("recorded/error_200_max_rate_limit.json", 200, RateLimited, None, STEP),
    Told("recorded/error_200_missing_or_invalid_key.json", 200, Unauthorized, closed=FOR_EVER),
    Told("documented/error_200_invalid_action.json", 200, InvalidQuery),
    Told("documented/error_200_invalid_address.json", 200, InvalidQuery),
    Told("documented/error_200_invalid_key.json", 200, Unauthorized, closed=FOR_EVER),
    Told("documented/error_200_missing_chainid.json", 200, InvalidQuery),
    Told("documented/error_200_too_many_invalid_keys.json", 200, RateLimited, None, STEP),
    Told("<html>403 Forbidden</html>", 403, UpstreamDown),
    Told("<html>502 Bad Gateway</html>", 502, UpstreamDown),
    Told("", 429, RateLimited, None, STEP),
]


@each(TABLE)
def test_a_refusal_is_this_error(told: Told) -> None:
    found = found_in(told, HERE, provider, NOW)
    assert type(found) is told.error
    assert found.retry_after == told.retry_after


@each(TABLE)
def test_a_refusal_closes_the_key_that_was_used_and_no_other(told: Told) -> None:
    def script(call: Call) -> Incoming:
        return told.incoming(HERE) if KEYS[0] in call.secret_params else broken()

    call, first, second = virtual.run(two_keys("etherscan", provider, Gas(), KEYS, script))
    assert KEYS[0] in call.secret_params
    assert closed_for(first) == pytest.approx(told.closed)
    assert not second.closed


def test_every_error_body_is_in_the_table() -> None:
    assert error_bodies(HERE) <= {told.body for told in TABLE}
