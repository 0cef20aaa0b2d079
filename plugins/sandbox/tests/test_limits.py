"""The limits hold in virtual time, through the transport, as each upstream counts."""

from __future__ import annotations

import pytest
from msgspec import json

from feedmux.transport import Incoming, Outgoing
from feedmux.virtual import run, virtual_clock
from feedmux_sandbox.transport import transport_for
from feedmux_sandbox.window import Sliding, WeightMeter

WEIGHED = "https://data-api.binance.vision/api/v3/ticker/24hr"
GECKO = "https://api.coingecko.com/api/v3/ping"
MOOD = "https://api.alternative.me/fng/"


def sent(provider: str, *moves: Outgoing | float) -> list[Incoming]:
    """The answers to what is sent; a number is a wait in seconds."""

    async def main() -> list[Incoming]:
        clock = virtual_clock()
        transport = transport_for(provider, clock)
        answers = []
        for move in moves:
            if isinstance(move, Outgoing):
                answers.append(await transport.send(move))
            else:
                await clock.sleep(move)
        return answers

    return run(main())


def test_binance_says_on_every_answer_what_is_used_of_the_minute():
    answers = sent("binance_dt", *[Outgoing(WEIGHED)] * 3, 60.0, Outgoing(WEIGHED))
    assert [answer.headers["x-mbx-used-weight-1m"] for answer in answers] == ["80", "160", "240", "80"]


@pytest.mark.parametrize(
    ("target", "weight"),
    [
        ("ping", 1),
        ("time", 1),
        ("exchangeInfo", 20),
        ("klines?symbol=BTCUSDT&interval=1h", 2),
        ("ticker/price?symbol=BTCUSDT", 2),
        ("ticker/price", 4),
        ("ticker/price?symbols=%5B%22BTCUSDT%22%5D", 4),
        ("ticker/24hr?symbol=BTCUSDT", 2),
        ("ticker/24hr?symbols=%5B%22BTCUSDT%22%5D", 2),
        ("ticker/24hr?symbols=%5B" + ",".join(["%22BTCUSDT%22"] * 21) + "%5D", 40),
        ("ticker/24hr", 80),
    ],
)
def test_binance_weighs_as_documented(target, weight):
    (answer,) = sent("binance_dt", Outgoing(f"https://data-api.binance.vision/api/v3/{target}"))
    assert answer.status == 200
    assert answer.headers["x-mbx-used-weight-1m"] == str(weight)


def test_binance_refuses_beyond_6000_until_the_minute_is_over(recorded):
    answers = sent("binance_dt", *[Outgoing(WEIGHED)] * 76)
    assert [answer.status for answer in answers] == [200] * 75 + [429]
    refused = answers[-1]
    assert b'"code":-1003' in refused.body
    assert json.decode(refused.body).keys() == recorded("binance_error_429_too_much_weight.json").keys()
    assert 50 <= int(refused.headers["retry-after"]) <= 60
    again = sent(
        "binance_dt", *[Outgoing(WEIGHED)] * 76, float(refused.headers["retry-after"]), Outgoing(WEIGHED)
    )
    assert again[-1].status == 200


def test_binance_bans_who_does_not_stop_and_says_until_when(recorded):
    answers = sent("binance_dt", *[Outgoing(WEIGHED)] * 87, 60.0, Outgoing(WEIGHED), 61.0, Outgoing(WEIGHED))
    assert [answer.status for answer in answers[74:]] == [200] + [429] * 10 + [418] * 3 + [200]
    assert b"IP banned until 17672257" in answers[85].body
    assert answers[85].headers["retry-after"] == "120"
    assert json.decode(answers[85].body).keys() == recorded("binance_error_418_ip_banned.json").keys()


def test_further_bans_take_twice_as_long_up_to_three_days():
    meter, at, waits = WeightMeter(limit=1, patience=0), 0.0, []
    for _ in range(14):
        meter.spend(1, at)
        waits.append(meter.spend(1, at))
        at += waits[-1] + 60
    assert waits[:3] == [120, 240, 480]
    assert waits[-1] == 259_200


@pytest.mark.parametrize(("key", "calls"), [("", 5), ("demo", 30)])
def test_coingecko_lets_through_what_the_plan_has_in_a_minute(recorded, key, calls):
    outgoing = Outgoing(GECKO, {"x-cg-demo-api-key": key} if key else {})
    answers = sent("coingecko", *[outgoing] * (calls + 1))
    assert [answer.status for answer in answers] == [200] * calls + [429]
    assert 50 <= int(answers[-1].headers["retry-after"]) <= 60
    ours, theirs = (
        json.decode(answers[-1].body)["status"],
        recorded("coingecko_error_429_rate_limit.json")["status"],
    )
    assert ours.keys() == theirs.keys()
    assert ours["error_code"] == theirs["error_code"]
    assert theirs["error_message"].startswith(ours["error_message"])


def test_coingecko_answers_again_after_its_retry_after():
    *_, refused = sent("coingecko", *[Outgoing(GECKO)] * 6)
    wait = float(refused.headers["retry-after"])
    assert sent("coingecko", *[Outgoing(GECKO)] * 6, wait, Outgoing(GECKO))[-1].status == 200


def test_coingecko_counts_refused_calls_too():
    answers = sent("coingecko", *[Outgoing(GECKO), 9.0] * 20)
    assert [answer.status for answer in answers] == [200] * 5 + [429] * 15


def test_coingecko_takes_a_key_in_a_secret_parameter():
    keyed = Outgoing(GECKO, secret_params="x_cg_demo_api_key=k")
    assert [answer.status for answer in sent("coingecko", *[keyed] * 6)] == [200] * 6


def test_alternative_me_lets_through_600_calls_in_ten_minutes():
    answers = sent("alternative_me", *[Outgoing(MOOD)] * 601, 600.0, Outgoing(MOOD))
    assert [answer.status for answer in answers] == [200] * 600 + [429, 200]


def test_a_sliding_count_frees_a_call_when_the_oldest_is_out():
    window = Sliding(2, 60)
    assert [window.count(at) for at in (0, 30, 59)] == [0, 0, 31]
    assert window.count(90) == 0
