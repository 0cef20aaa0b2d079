"""Scenarios run the engine itself, in virtual time, and come out the same every time."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from feedmux.clock import Chance
from feedmux.errors import SettingsError
from feedmux.limits import Counts, Limits, Terms, Tier, Window
from feedmux.query import Quotes
from feedmux.simulate import quantity, simulate
from feedmux.simulate.counting import Fixed, Sliding
from feedmux.simulate.market import Market
from feedmux.simulate.outcome import percentiles
from feedmux.simulate.picture import page
from feedmux.simulate.scenario import read, scenario_from

SCENARIOS = sorted((Path(__file__).parents[2] / "scenarios").glob("*.toml"))
ONE = {"weight": 30, "serves": ["quotes"], "windows": ["60/60s"], "ttl": "1s"}
TWO = {"weight": 10, "serves": ["quotes"], "windows": ["60/60s"], "ttl": "1s"}


def scenario(*faults, **changes):
    document = {
        "name": "small",
        "lasts": "10m",
        "load": {"rate": 0.5, "symbols": 5},
        "providers": {"one": ONE, "two": TWO},
        "faults": list(faults),
    }
    return scenario_from(document | changes)


def fault(kind, provider="one", **more):
    return {"kind": kind, "provider": provider, "at": "2m", "lasts": "3m"} | more


def shares(side):
    return {share.provider: share for share in side.providers}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_day():
    first, again, other = (simulate(scenario(), seed=seed) for seed in (1, 1, 2))

    assert msgspec.json.encode(first) == msgspec.json.encode(again)
    assert page(first) == page(again)
    assert msgspec.json.encode(first) != msgspec.json.encode(other)


def test_a_quiet_day_is_answered_whole_and_nobody_refuses():
    ours = simulate(scenario()).ours

    assert ours.questions == ours.fresh > 200
    assert (ours.lost, ours.wrong, ours.refused, list(ours.broken)) == ({}, 0, 0, [])
    assert sum(share.answers for share in ours.providers) == ours.questions


def test_an_outage_moves_the_questions_and_they_come_back():
    ours = simulate(scenario(fault("outage"))).ours

    during = [moment for moment in ours.moments if 150 <= moment.begins < 290]
    assert {name for moment in during for name, given in moment.given.items() if given} == {"two"}
    assert ours.moments[-1].given["one"] > 0
    assert ours.lost == {}


@pytest.mark.parametrize("kind", ["unreachable", "hangs", "garbage", "refuses"])
def test_whatever_befalls_one_provider_no_question_is_lost(kind):
    ours = simulate(scenario(fault(kind))).ours

    assert ours.lost == {}
    assert ours.wrong == 0
    assert (ours.refused > 0) is (kind == "refuses")


def test_slowness_costs_a_provider_its_traffic_for_as_long():
    ours = simulate(scenario(fault("slow", value=20))).ours

    during = [moment for moment in ours.moments if 180 <= moment.begins < 290]
    assert sum(m.given.get("one", 0) for m in during) < sum(m.given.get("two", 0) for m in during) / 4


def test_more_load_is_more_questions():
    calm, busy = (
        simulate(scenario()),
        simulate(scenario({"kind": "load", "at": "2m", "lasts": "3m", "value": 10})),
    )

    assert busy.ours.questions > 2 * calm.ours.questions


def test_a_restart_loses_what_is_asked_meanwhile_and_no_backoff():
    refusing = fault("refuses", lasts="30s")
    ours = simulate(scenario(refusing, {"kind": "restart", "at": "150s", "lasts": "10s"})).ours

    assert set(ours.lost) <= {"restarting"}
    assert ours.refused == 1


def test_a_client_that_counts_nothing_runs_beside_it_on_the_same_day():
    declared = {"one": ONE | {"upstream": {"windows": ["5/60s"]}}, "two": TWO}
    outcome = simulate(scenario(providers=declared, beside=["one", "two"]))

    assert outcome.beside is not None
    assert outcome.beside.questions == outcome.ours.questions
    assert outcome.beside.refused > 50
    assert outcome.beside.worst_refused_in_5_min > 10


def test_an_upstream_that_bans_is_asked_no_more_until_the_ban_ends():
    strict = {"windows": ["5/60s"], "ban_after": 1, "ban": "5m", "retry_after": "1s"}
    declared = {"one": ONE | {"upstream": strict, "backoff": ["1s"]}, "two": TWO}
    ours = simulate(scenario(providers=declared)).ours

    assert shares(ours)["one"].banned >= 1
    assert ours.lost == {}


def test_what_an_installed_plugin_declares_holds_where_the_scenario_says_nothing():
    installed = {
        "one": Limits(weight=7, tier=Tier.PRIMARY, windows=(Window(30, 60),), serves={Quotes: Terms(ttl=1)})
    }
    ours = simulate(scenario(providers={"one": {}}), installed).ours

    assert list(shares(ours)["one"].used) == ["30/60s"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lasts": "soon"}, "lasts: "),
        ({"colour": "red"}, "colour"),
        ({"providers": {"one": {"weight": 1}}}, "providers.one: no plugin of that name is installed"),
        ({"providers": {"one": ONE | {"windows": ["many"]}}}, "providers.one.windows: "),
        ({"providers": {"one": ONE | {"serves": ["rain"]}}}, "'rain' cannot be simulated"),
        ({"load": {"rate": 1, "asks": {"gas": 1}}}, "load.asks.gas: no provider here serves it"),
        ({"faults": [fault("outage", "three")]}, "faults[1].provider: no provider 'three'"),
        ({"faults": [{"kind": "outage", "provider": "one", "at": 0}]}, "faults[1].lasts: "),
        ({"faults": [fault("restart")]}, "faults[1].provider: restart is no provider's"),
        ({"beside": ["nobody"]}, "beside: no provider 'nobody'"),
    ],
)
def test_what_is_wrong_in_a_scenario_is_named(changes, said):
    with pytest.raises(SettingsError) as refused:
        simulate(scenario(**changes))
    assert said in refused.value.detail


@pytest.mark.parametrize("file", SCENARIOS, ids=lambda file: file.stem)
def test_every_shipped_scenario_can_be_read(file):
    found = read(file)
    assert found.about
    assert found.seconds >= 3600


@pytest.mark.parametrize(
    ("text", "seconds"), [(90, 90), ("90s", 90), ("1.5h", 5400), ("2 m", 120), ("1d", 86400)]
)
def test_spans_are_read(text, seconds):
    assert quantity.span(text) == seconds


def test_windows_are_read():
    assert quantity.window("50/1m") == Window(50, 60.0)
    assert quantity.window("2400 cost/60s") == Window(2400, 60.0, Counts.COST)


def test_a_fixed_window_begins_when_the_upstream_likes_and_a_sliding_one_never_does():
    fixed, sliding = Fixed(Window(2, 10), phase=3), Sliding(Window(2, 10))

    assert [fixed.allows(at, 1) for at in (0, 1, 2, 4)] == [True, True, False, True]
    assert [sliding.allows(at, 1) for at in (0, 1, 2, 11.5)] == [True, True, False, True]


def test_everybody_who_looks_sees_the_same_price():
    one, other = Market(Chance(1)), Market(Chance(1))

    assert one.price("BTC", 5000) == other.price("BTC", 5000)
    assert one.price("BTC", 0) == other.price("BTC", 9)


def test_percentiles_of_nothing_are_nothing():
    assert percentiles([]) == {}
    assert percentiles([1.0] * 98 + [5.0, 9.0]) == {"p50": 1.0, "p90": 1.0, "p99": 9.0, "max": 9.0}


def test_the_picture_loads_nothing_and_escapes_what_it_shows():
    shown = page(simulate(scenario(fault("outage"), name="<b>", about="a & b")))

    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown
    assert not any(word in shown for word in ("http:", "https:", "<script", "@import", "url("))
