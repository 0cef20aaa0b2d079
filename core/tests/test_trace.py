"""The trace tells what happened, as it happened, and nothing else."""

from __future__ import annotations

import pytest
from simulated.engine import world
from simulated.load import Callers
from simulated.providers import provider
from simulated.remote import Remote, broken, in_turn

from feedmux import NoProvider, Quotes, hookimpl
from feedmux.event import Answered, Cached, Changed, Considered, Event, Joined, Skipped, Tried

BTC = Quotes(["BTC"])


def two():
    return {"one": (provider(weight=2), Remote()), "two": (provider(weight=1), Remote())}


def kinds(events):
    return [type(event) for event in events]


async def test_a_question_is_told_from_the_cache_to_its_end():
    providers = two()
    providers["one"][1].script = lambda call: broken()
    async with world(providers) as simulated:
        answer = await simulated.mux.get(BTC)

        assert kinds(answer.trace.events) == [Cached, Considered, Tried, Tried, Answered]
        assert [event.at for event in answer.trace.events] == sorted(
            event.at for event in answer.trace.events
        )


async def test_explain_tells_even_what_the_cache_answers():
    async with world(two()) as simulated:
        await simulated.mux.get(BTC)
        assert kinds((await simulated.mux.explain(BTC)).trace.events) == [Cached, Answered]


async def test_an_error_carries_its_trace():
    providers = two()
    for _, remote in providers.values():
        remote.fail()
    async with world(providers) as simulated:
        with pytest.raises(NoProvider) as refused:
            await simulated.mux.get(BTC)

        assert kinds(refused.value.trace.events)[:4] == [Cached, Considered, Tried, Tried]


async def test_what_does_not_happen_is_not_told():
    async with world(two()) as simulated:
        await Callers(simulated.mux, lambda n: Quotes([f"S{n}"])).in_bursts(20, 1)
        await simulated.mux.clock.sleep(1)

        assert set(kinds(simulated.events)) == {Cached, Considered, Tried, Answered, Changed}


async def test_a_plan_is_what_the_next_question_does():
    async with world(two()) as simulated:
        for n in range(30):
            question = Quotes([f"S{n}"])
            planned = [e for e in simulated.mux.plan(question).events if isinstance(e, Considered)]

            answer = await simulated.mux.get(question)

            considered = [e for e in answer.trace.events if isinstance(e, Considered)]
            assert considered[0].members == planned[0].members
            assert answer.providers == planned[0].members[:1]


async def test_every_try_names_how_long_it_took_and_how_many_requests():
    async with world({"one": (provider(), Remote(delays=(0.25, 0.25)))}) as simulated:
        answer = await simulated.mux.get(BTC)

        (tried,) = (event for event in answer.trace.events if isinstance(event, Tried))
        assert (tried.seconds, tried.requests, tried.asked, tried.got) == (0.25, 1, 1, 1)


async def test_observers_hear_the_same_events_and_stats_count_only_them():
    async with world(two()) as simulated:
        callers = Callers(simulated.mux, lambda n: Quotes([f"S{n % 5}"]))
        await callers.in_bursts(40, 8)
        await simulated.mux.clock.sleep(1)

        heard = kinds(simulated.events)
        assert simulated.mux.stats.questions == heard.count(Answered) == 40
        assert simulated.mux.stats.coalesced == heard.count(Joined)
        assert simulated.mux.stats.requests == len(simulated.order) == heard.count(Tried)


class Nosy:
    """An observer that raises."""

    @hookimpl
    def feedmux_event(self, event):
        raise RuntimeError("for the test")


async def test_an_observer_that_raises_neither_breaks_a_question_nor_silences_the_others():
    async with world(two(), extensions={"nosy": Nosy()}) as simulated:
        assert len(await simulated.mux.get(BTC)) == 1
        await simulated.mux.clock.sleep(1)

        assert Answered in kinds(simulated.events)


async def test_a_state_that_changes_is_told_with_its_cause():
    providers = {"one": (provider(), Remote(script=in_turn(None, broken())))}
    async with world(providers) as simulated:
        await simulated.mux.get(BTC)
        callers = Callers(simulated.mux, lambda n: Quotes([f"S{n}"]))
        await callers.in_bursts(5, 1)
        await simulated.mux.clock.sleep(0)

        changes = [event for event in simulated.events if isinstance(event, Changed)]
        assert [event.state.value for event in changes[:2]] == ["open", "blocked"]
        assert "failed 5 times in a row: answered 500" in changes[1].cause


async def test_skips_name_the_member_the_reason_and_the_time_that_is_left():
    providers = two()
    async with world(providers) as simulated:
        trace = simulated.mux.plan(BTC, only=["one"])

        assert [(e.member, e.reason.value, e.wait) for e in trace.events if isinstance(e, Skipped)] == [
            ("two", "not pinned", None)
        ]


def test_every_event_has_a_tag_of_its_own():
    tags = [kind.__struct_config__.tag for kind in Event.__subclasses__()]

    assert len(tags) == len(set(tags))
