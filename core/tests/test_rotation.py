"""Turns: each provider gets its share, nobody a run, and looking moves nothing."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedmux import Limits, Quotes, Terms, Tier, Upstream, Window
from feedmux.quota import Quota
from feedmux.rotation import Candidate, Rotation, Seat
from feedmux.route import Need, plan


def candidate(name, weight=1.0, windows=()):
    quota = Quota(name, Limits(weight=1, windows=windows))
    standing = SimpleNamespace(
        name=name, source=name, provider=name, upstream=Upstream(), quota=quota, open=True, ring=(None,)
    )
    return Candidate(standing, Quotes, Terms(ttl=1), weight)


def rotation(*weights, tier=Tier.PRIMARY):
    seats = [Seat(f"p{n}", weight, tier, [candidate(f"p{n}")]) for n, weight in enumerate(weights)]
    return Rotation(seats)


NEED = Need((Quotes(["BTC"]),))


def turns(subject, count, now=0.0):
    taken = []
    for _ in range(count):
        order = plan(subject, NEED, now).order
        subject.take_turn(order[0], list(order), now)
        taken.append(order[0].seat.provider)
    return taken


def credits(subject):
    return [seat.credit for seat in subject.seats]


def slow(one, now=0.0):
    for _ in range(3):
        one.score.succeeded(1.0, 0.5, now)


def test_shares_are_the_weights_to_the_turn():
    taken = Counter(turns(rotation(30, 25, 25, 10, 5, 5), 1000))

    assert taken == {"p0": 300, "p1": 250, "p2": 250, "p3": 100, "p4": 50, "p5": 50}


weights = st.lists(st.floats(0.1, 100), min_size=2, max_size=7)


@given(weights)
def test_whatever_the_weights_shares_are_right_within_one_turn_a_provider(given_weights):
    taken = Counter(turns(rotation(*given_weights), 500))

    for n, weight in enumerate(given_weights):
        assert abs(taken[f"p{n}"] - 500 * weight / sum(given_weights)) <= len(given_weights)


@given(weights.filter(lambda w: max(w) <= sum(w) / 2))
def test_nobody_with_half_of_the_weight_or_less_has_three_turns_in_a_row(given_weights):
    taken = turns(rotation(*given_weights), 300)

    assert max(len(list(run)) for _, run in groupby(taken)) <= 2


@given(weights)
def test_credit_is_neither_made_nor_lost(given_weights):
    subject = rotation(*given_weights)
    turns(subject, 200)

    assert sum(credits(subject)) == pytest.approx(0.0, abs=1e-6)


def test_planning_moves_nothing():
    subject = rotation(3, 2, 1)
    turns(subject, 4)
    before = credits(subject), [seat.next for seat in subject.seats]

    first = plan(subject, NEED, 0.0).order
    for _ in range(50):
        assert plan(subject, NEED, 0.0).order == first

    assert before == (credits(subject), [seat.next for seat in subject.seats])


def test_who_was_not_ready_saves_up_no_turns():
    subject = rotation(1, 1, 1)
    absent = subject.seats[0].candidates[0]
    absent.standing.open = False
    absent.standing.quarantined = "for the test"
    assert Counter(turns(subject, 100)) == {"p1": 50, "p2": 50}

    absent.standing.open = True

    assert max(len(list(run)) for _, run in groupby(turns(subject, 30))) == 1


def test_who_is_put_last_for_being_slow_saves_up_no_turns():
    subject = rotation(1, 1, 1)
    late = subject.seats[0].candidates[0]
    slow(late)
    assert Counter(turns(subject, 100, now=1.0)) == {"p1": 50, "p2": 50}

    late.score.succeeded(0.1, 0.5, 40.0)

    taken = turns(subject, 30, now=41.0)
    assert Counter(taken)["p0"] == 10
    assert max(len(list(run)) for _, run in groupby(taken)) == 1


def test_the_slow_one_stands_last_of_its_tier_and_before_the_next():
    subject = Rotation(
        [
            *rotation(1, 1).seats,
            Seat("reserve", 100, Tier.LAST_RESORT, [candidate("reserve")]),
            Seat("emergency", 100, Tier.EMERGENCY, [candidate("emergency")]),
        ]
    )
    slow(subject.seats[0].candidates[0])

    order = [one.name for one in plan(subject, NEED, 1.0).order]

    assert order == ["p1", "p0", "reserve", "emergency"]


def test_turns_of_one_tier_cost_the_others_nothing():
    subject = Rotation([*rotation(1, 1).seats, Seat("reserve", 5, Tier.LAST_RESORT, [candidate("reserve")])])

    turns(subject, 10)

    assert subject.seats[2].credit == 0.0


def test_members_share_their_providers_turns():
    members = [candidate("m0"), candidate("m1"), candidate("m2", weight=2.0)]
    subject = Rotation([Seat("many", 10, Tier.PRIMARY, members), *rotation(10).seats])
    names = Counter()
    for _ in range(80):
        order = plan(subject, NEED, 0.0).order
        subject.take_turn(order[0], list(order), 0.0)
        names[order[0].name] += 1

    assert names == {"p0": 40, "m2": 20, "m0": 10, "m1": 10}


def test_a_failing_provider_gets_fewer_turns():
    subject = rotation(1, 1)
    failing = subject.seats[0].candidates[0]
    for n in range(20):
        failing.score.succeeded(0.1, 0.5, 0.0) if n % 2 else failing.score.failed()
    subject.rescore(failing, 0.0)

    assert Counter(turns(subject, 300)) == {"p1": 200, "p0": 100}


def test_a_provider_four_times_as_slow_as_the_best_gets_half_of_its_turns():
    subject = rotation(1, 1)
    for seat, latency in zip(subject.seats, (0.1, 0.4), strict=True):
        seat.candidates[0].score.succeeded(latency, 0.5, 0.0)
        subject.rescore(seat.candidates[0], 0.0)

    assert Counter(turns(subject, 300)) == {"p0": 200, "p1": 100}


def test_a_short_quota_costs_turns_and_heals_with_time():
    short = candidate("short", windows=(Window(100, 60),))
    subject = Rotation([Seat("short", 1, Tier.PRIMARY, [short]), *rotation(1).seats])
    for _ in range(90):
        permit = short.standing.quota.take(1, 0.0)
        permit.end(None, 0.0)
    subject.rescore(short, 0.0)
    assert Counter(turns(subject, 140)) == {"p0": 100, "short": 40}

    assert Counter(turns(subject, 100, now=60.0)) == {"p0": 50, "short": 50}
