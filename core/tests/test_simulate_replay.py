"""A decision log is run again under another configuration; what cannot be is left out and said."""

from __future__ import annotations

import msgspec
import pytest
from simulated.providers import endpoint, provider

from feedmux import (
    Asked,
    Candles,
    Gas,
    Key,
    Limits,
    Member,
    Plan,
    Provider,
    Quotes,
    Request,
    SettingsError,
    Tier,
    Trending,
    Window,
    from_unix,
)
from feedmux.decision import VERSION, Attempt, Began, Decision, Dropped
from feedmux.limits import Counts, Terms
from feedmux.registry import Registry
from feedmux.settings import settings_from
from feedmux.simulate import past, replay
from feedmux.simulate.fitted import Fits, fitted
from feedmux.simulate.occupancy import Spent, fullest
from feedmux.simulate.picture import page
from feedmux.simulate.scenario import Latency
from feedmux.simulate.stand_in import stand_ins
from feedmux.simulate.table import left_out, quotas

START = 1_790_000_000.0
BEGAN = Began(VERSION, "0.1.0", START)
PLAIN = {"one": (30, {}), "two": (10, {})}


def plugins(declared=PLAIN):
    """Stand-ins for providers of quotes with these weights and limits."""
    registry = Registry()
    for name, (weight, limits) in declared.items():
        made = limits if isinstance(limits, Provider) else provider(weight=weight, ttl=1, limits=limits)
        registry.add_provider(name, made)
    return stand_ins(registry.providers)


def asked(second, symbol="BTC", by="one", outcome="fresh", result="answered", ms=50.0, **more):
    """A question that one try answered."""
    attempts = (Attempt(by, by, result, ms),)
    told = {"parameters": {"symbols": [symbol]}, "providers": (by,), "source": "flight"} | more
    return Decision(at=START + second, capability="quotes", outcome=outcome, ms=ms, attempts=attempts, **told)


def busy(seconds=200):
    """A question a second, each about another coin, answered by `one` and `two` in turn."""
    return [asked(second, f"S{second}", by=("one", "two")[second % 2]) for second in range(seconds)]


@pytest.fixture
def write(tmp_path):
    """Writes a log; what is bytes goes in as it is."""

    def written(*lines, name="log"):
        file = tmp_path / name
        encoded = [line if isinstance(line, bytes) else msgspec.json.encode(line) + b"\n" for line in lines]
        file.write_bytes(b"".join(encoded))
        return file

    return written


def replayed(file, configuration=None, declared=PLAIN, **how):
    made = plugins(declared)
    chosen = settings_from({"providers": configuration or {}}, {})
    return replay("a replay", past.read([file], made), made, chosen, **how)


def shares(side):
    return {share.provider: share.share for share in side.providers}


def test_shares_are_those_of_the_configuration_and_beside_them_stand_those_of_the_log(write):
    file = write(BEGAN, *busy())

    as_declared, turned = replayed(file), replayed(file, {"one": {"weight": 10}, "two": {"weight": 30}})

    assert shares(as_declared.ours) == {
        "one": pytest.approx(0.75, abs=0.02),
        "two": pytest.approx(0.25, abs=0.02),
    }
    assert shares(turned.ours) == {"one": pytest.approx(0.25, abs=0.02), "two": pytest.approx(0.75, abs=0.02)}
    assert shares(turned.beside) == {"one": 0.5, "two": 0.5}
    assert turned.ours.questions == turned.ours.fresh == turned.beside.fresh == 200


def test_the_same_log_configuration_and_seed_give_the_same_bytes(write):
    file = write(BEGAN, *busy())

    first, again, other = (replayed(file, seed=seed) for seed in (1, 1, 2))

    assert msgspec.json.encode(first) == msgspec.json.encode(again)
    assert page(first) == page(again)
    assert msgspec.json.encode(first) != msgspec.json.encode(other)


def test_each_window_is_told_at_its_fullest_as_logged_and_replayed(write):
    declared = {"one": (30, {"windows": (Window(61, 60),)}), "two": (10, {})}
    outcome = replayed(write(BEGAN, *busy()), {"one": {"weight": 5}}, declared)

    (window,) = outcome.windows
    assert (window.pool, window.limit, window.logged) == ("one", 61, 30)
    assert 15 <= window.replayed <= 25
    verdict, told = quotas(outcome)
    assert verdict.startswith("Inside every quota: the fullest window of the replay, of one, held ")
    assert told == f"one: 30 of 61 a minute as logged, {window.replayed} of 61 replayed"


def test_a_quota_that_is_used_up_is_said_with_how_often_it_was_passed_over(write):
    declared = {"one": (30, {"windows": (Window(10, 60), Window(5000, 3600))}), "two": (10, {})}
    outcome = replayed(write(BEGAN, *busy()), declared=declared)

    verdict, minute, hour = quotas(outcome)
    assert verdict == "Used up at times, in the replay: the quota of one."
    assert "30 of 10 a minute as logged, 10 of 10 replayed, passed over " in minute
    assert "passed over" not in hour
    assert "; at this pace 1,800 and " in hour
    assert outcome.ours.refused == 0
    assert list(outcome.ours.broken) == []


def test_questions_are_asked_under_the_conditions_that_the_log_names(write):
    again = [asked(second, how={"max_age": 0.0, "only": ["two"]}) for second in range(0, 40, 2)]

    pinned = replayed(write(BEGAN, *again)).ours

    assert shares(pinned) == {"one": 0.0, "two": 1.0}
    assert pinned.requests == 20


def test_a_question_of_its_own_deadline_is_given_up_then(write):
    slow = [asked(second, f"S{second}", ms=900.0) for second in range(25)]
    hurried = asked(30, "BTC", ms=900.0, how={"deadline": 0.2, "only": ["one"]})

    ours = replayed(write(BEGAN, *slow, hurried)).ours

    assert ours.lost_in_all == 1


def test_what_the_cache_answered_costs_nothing_again_until_the_server_starts_anew(write):
    quick = [asked(second) for second in range(5)]

    kept = replayed(write(BEGAN, *quick)).ours
    emptied = replayed(write(BEGAN, *quick[:2], msgspec.structs.replace(BEGAN, at=START + 2.5), *quick[2:]))

    assert kept.requests == 1
    assert emptied.ours.requests == 2
    assert any("opened anew once" in note for note in emptied.notes)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (asked(1).__class__(START, "news", "fresh", 5.0), "news cannot be simulated"),
        (asked(1, "#4:0123456789ab"), past.HASHED),
        (asked(1, "NOPE", outcome="unknown-symbol"), past.NOBODY),
        (asked(1, parameters={"colour": ["red"]}), past.STRANGE),
        (asked(1, how={"colour": "red"}), past.STRANGE),
        (asked(1, how={"only": ["three"]}), past.FOREIGN),
        (asked(1, "three:some-id"), past.FOREIGN),
        (b'{"line":"question","at":17', past.CUT),
        (asked(-7200), past.CUT),
        (asked(1e300), past.CUT),
        (Dropped(START, 1), past.DROPPED),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_asked_again_is_left_out_of_both_sides_and_counted(write, line, why):
    outcome = replayed(write(BEGAN, asked(0), line))

    assert outcome.ours.questions == outcome.beside.questions == 1
    assert [(one.count, one.why) for one in outcome.left_out] == [(1, why)]


def test_requests_for_what_is_left_out_are_named(write):
    outcome = replayed(write(BEGAN, asked(0), asked(1, "#4:0123456789ab")))

    assert left_out(outcome) == [f"1 left out: {past.HASHED} (requests as logged: one 1)"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((), "log is empty"),
        ((BEGAN,), "holds no question"),
        ((asked(0),), "is no decision log"),
        ((b"\x89PNG\r\n",), "is no decision log"),
        ((Began(VERSION + 1, "9", START), asked(0)), f"is a log of version {VERSION + 1}"),
        ((BEGAN, asked(0), Began(VERSION + 1, "9", START)), f"is a log of version {VERSION + 1}"),
        ((Began(VERSION, "0.1.0", 1e300), asked(0)), "is damaged"),
        ((BEGAN, asked(0, "#1:0")), f"could be asked again; 1: {past.HASHED}"),
    ],
)
def test_a_file_that_holds_nothing_to_ask_again_is_refused_by_name(write, lines, said):
    with pytest.raises(past.Unreadable) as refused:
        past.read([write(*lines)], {"one"})

    assert said in refused.value.detail
    assert "log" in refused.value.detail


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(past.Unreadable, match="No such file"):
        past.read([tmp_path / "none"], {"one"})


def test_dropped_lines_are_counted_from_the_last_that_was_said(write):
    told = past.read([write(BEGAN, asked(0), Dropped(START, 3), asked(1), Dropped(START, 5))], {"one"})

    assert [(one.count, one.why) for one in told.left_out] == [(5, past.DROPPED)]


def test_the_file_and_the_one_before_it_are_one_time(write):
    before, since = write(BEGAN, asked(0), name="log.1"), write(BEGAN, asked(9), name="log")

    told = past.read([since, before], {"one"})

    assert [one.decision.at - START for one in told.told] == [0, 9]
    assert told.restarts == []


def test_an_upstream_is_as_quick_and_as_faulty_as_its_tries_were():
    tries = [Attempt("one", "one", "answered", float(ms)) for ms in range(100, 200)]
    faults = [Attempt("one", "one", "down", 5.0)] * 25
    refusals = [Attempt("one", "one", "refused", 5.0)] * 25

    found = fitted([*tries, *faults, *refusals])

    assert found is not None
    assert (found.latency, found.errors) == (Latency(0.150, 0.199), 0.2)


def test_too_few_tries_tell_nothing_and_that_is_said(write):
    assert fitted([Attempt("one", "one", "answered", 5.0)]) is None

    outcome = replayed(write(BEGAN, asked(0), asked(30)), declared={"one": (30, {})})

    assert any("Fewer than 20 answers" in note and "one" in note for note in outcome.notes)
    assert outcome.ours.latency_ms["max"] > 0


def test_a_member_without_tries_of_its_own_is_as_quick_as_its_provider():
    class Known:
        name, source, provider = "one/b", "one/b", "one"

    fits = Fits([Attempt("one/a", "one", "answered", 70.0)] * 30)

    assert fits.of(Known).latency.median == 0.07


def test_the_fullest_stretch_counts_requests_or_units():
    spent = [Spent(at, 2, 5) for at in (0, 1, 30, 59, 60, 200)]

    assert fullest(spent, Window(1, 60)) == 8
    assert fullest(spent, Window(1, 60, Counts.COST)) == 40
    assert fullest([], Window(1, 60)) == 0


def of_members():
    """A provider of two exchanges, each with a quota of its own, and of one that is off."""
    quotes = endpoint(Quotes, Terms(ttl=1))
    return Provider(
        hosts=(),
        limits=Limits(weight=1, tier=Tier.PRIMARY),
        members=(
            Member(
                "a", ("https://a.example",), Limits(weight=1, windows=(Window(9, 60),)), endpoints=(quotes,)
            ),
            Member(
                "b", ("https://b.example",), Limits(weight=1, windows=(Window(8, 60),)), endpoints=(quotes,)
            ),
            Member("c", ("https://c.example",), endpoints=(endpoint(Gas, Terms(ttl=1)),), enabled=False),
        ),
        health=Request("/"),
    )


def test_members_are_asked_and_counted_each_on_its_own(write):
    questions = [asked(second, f"S{second}", by="one") for second in range(0, 100, 10)]
    declared = {"one": (1, of_members())}

    both, single = (
        replayed(write(BEGAN, *questions), {"one": section}, declared) for section in ({}, {"members": ["b"]})
    )

    assert [window.pool for window in both.windows] == ["one/a", "one/b"]
    assert all(2 <= window.replayed <= 4 for window in both.windows)
    assert {window.pool: window.replayed for window in single.windows} == {"one/b": 6}


def test_who_shares_a_quota_is_counted_together(write):
    shared = {"windows": (Window(50, 60),), "pool": "shared"}
    outcome = replayed(write(BEGAN, *busy(60)), declared={"one": (30, shared), "two": (10, shared)})

    assert [(window.pool, window.logged) for window in outcome.windows] == [("shared", 60)]
    assert outcome.windows[0].replayed == 50


def test_questions_that_differ_in_more_than_a_cut_are_different_requests():
    series = endpoint(Candles, Terms(ttl=1)), endpoint(Trending, Terms(ttl=1))
    one = plugins({"one": (1, provider(*series))})["one"]

    def sent(query):
        return one.feedmux_request(asked=Asked(query, at=from_unix(START))).key

    assert len({sent(Candles("BTC", i, n)) for i in ("1h", "1d") for n in (5, 10)}) == 4
    assert sent(Trending(5)) == sent(Trending(10))


def keyed():
    """A provider that needs a key, and by it has a plan with a larger window."""
    plans = {"free": Plan(), "paid": Plan(windows=(Window(100, 60),), key=Key(header="x-key", required=True))}
    return Provider(
        hosts=("https://one.example",),
        limits=Limits(weight=1, windows=(Window(5, 60),)),
        endpoints=(endpoint(Quotes, Terms(ttl=1)),),
        plans=plans,
        health=Request("/"),
    )


def test_a_plan_and_its_keys_are_those_of_the_configuration(write):
    file, declared = write(BEGAN, *busy(60)), {"one": (1, keyed()), "two": (1, {})}

    keyless, paid, double = (
        replayed(file, {"one": section}, declared)
        for section in ({"plan": "paid"}, {"api_key": "s3cret"}, {"api_keys": ["s3cret", "s4cret"]})
    )

    assert any(note == "Not asked, without the key that it needs: one." for note in keyless.notes)
    assert shares(keyless.ours)["one"] == 0
    assert [(window.pool, window.limit) for window in paid.windows] == [("one", 100)]
    assert [(window.pool, window.limit) for window in double.windows] == [
        ("one/key-1", 100),
        ("one/key-2", 100),
    ]
    assert all(window.replayed > 5 for window in double.windows)
    assert b"cret" not in msgspec.json.encode(double)


def test_a_provider_that_is_disabled_is_dropped_and_said(write):
    outcome = replayed(write(BEGAN, *busy(30)), {"one": {"enabled": False}})

    assert shares(outcome.ours) == {"two": 1.0}
    assert shares(outcome.beside) == {"two": 0.5, "one": 0.5}
    assert "Not asked, disabled: one." in outcome.notes


def test_a_provider_that_is_gone_is_said_with_what_it_got(write):
    outcome = replayed(write(BEGAN, asked(0), asked(20, by="gone")))

    assert any(note.startswith("gone takes no part") and "1 requests" in note for note in outcome.notes)


def test_a_configuration_that_does_not_fit_is_refused(write):
    with pytest.raises(SettingsError, match="plan"):
        replayed(write(BEGAN, asked(0)), {"one": {"plan": "golden"}})


def test_refusals_of_the_log_are_counted_and_not_made_up_again(write):
    refused = asked(1, "ETH", outcome="no-provider", result="refused", providers=(), source="")
    outcome = replayed(write(BEGAN, asked(0), refused))

    assert (outcome.beside.refused, outcome.beside.lost) == (1, {"no-provider": 1})
    assert outcome.ours.refused == 0
    assert any(note.startswith("one refused once as logged") for note in outcome.notes)


def test_the_picture_names_both_sides(write):
    shown = page(replayed(write(BEGAN, *busy(30))))

    assert "<h2>Replayed</h2>" in shown
    assert "<h2>As logged</h2>" in shown
    assert "Quotas" not in shown


@pytest.mark.parametrize(
    "damage",
    [{"ms": 1e12}, {"ms": -1.0}, {"attempts": [1e300, 1]}, {"attempts": [-5.0, 1]}, {"attempts": [5.0, -3]}],
)
def test_a_question_that_no_server_can_have_written_is_counted_as_damaged(write, damage):
    if attempt := damage.get("attempts"):
        ms, requests = attempt
        damage = {"attempts": (Attempt("one", "one", "answered", ms, requests),)}
    file = write(BEGAN, asked(1), msgspec.structs.replace(asked(2), **damage))
    found = past.read([file], plugins())
    assert len(found.told) == 1
    assert [(one.why, one.count) for one in found.left_out] == [(past.CUT, 1)]
