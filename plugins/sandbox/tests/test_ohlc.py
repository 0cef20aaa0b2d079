"""The sandbox's CoinGecko candles have the recorded shape, agree with its prices, and are what the provider reads."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from feedmux_sandbox.call import Call
from feedmux_sandbox.transport import MODELS

RECORDED = Path(__file__).parents[2] / "coingecko/tests/recorded"
ASKED_AT = 1_705_308_883
"""2024-01-15 08:54:43, when the recorded day was asked for."""


def asked(days, vs="usd", coin="bitcoin"):
    params = {name: text for name, text in (("vs_currency", vs), ("days", str(days))) if text}
    call = Call("api.coingecko.com", f"/api/v3/coins/{coin}/ohlc", ASKED_AT, params)
    incoming = MODELS["coingecko"]().answer(call)
    return incoming.status, msgspec.json.decode(incoming.body)


@pytest.mark.parametrize(
    ("days", "file"), [(1, "coins_ohlc.btc_usd_1d.json"), (7, "coins_ohlc.btc_usd_7d.json")]
)
def test_the_rows_are_as_many_and_as_far_apart_as_the_recorded_ones(days, file):
    status, rows = asked(days)
    theirs = msgspec.json.decode((RECORDED / file).read_bytes())

    assert status == 200
    assert len(rows) == len(theirs)
    assert {later[0] - row[0] for row, later in pairwise(rows)} == {theirs[1][0] - theirs[0][0]}
    assert all(row[3] <= min(row[1], row[4]) <= max(row[1], row[4]) <= row[2] for row in rows)


def test_the_last_row_closes_after_now():
    _, rows = asked(1)
    theirs = msgspec.json.decode((RECORDED / "coins_ohlc.btc_usd_1d.json").read_bytes())

    assert (rows[0][0], rows[-1][0]) == (theirs[0][0], theirs[-1][0])
    assert rows[-1][0] > ASKED_AT * 1000 > rows[-2][0]


@pytest.mark.parametrize(
    ("asking", "file", "status"),
    [
        ({"days": 4}, "error_400_invalid_days.json", 400),
        ({"days": 7, "vs": "usdt"}, "error_400_invalid_vs_currency.json", 400),
        ({"days": 7, "coin": "nope"}, "error_404_coin_not_found.json", 404),
        ({"days": "", "vs": ""}, "error_500_ohlc_missing_params.json", 500),
    ],
)
def test_it_refuses_as_coingecko_does(asking, file, status):
    assert asked(**asking) == (status, msgspec.json.decode((RECORDED / file).read_bytes()))
