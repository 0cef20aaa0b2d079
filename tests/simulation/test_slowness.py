"""A provider that has become slow is put last, probed now and then, and gets its turns back once it is well."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from simulated.engine import world
from simulated.load import Callers
from simulated.providers import provider
from simulated.remote import Remote
from simulated.soundness import sound_run

from feedmux import Quotes, Settings
from feedmux.event import Considered, Tried
from feedmux.settings import EngineSettings

QUICK, SLOW = (0.05, 0.06), (0.6, 0.6)
UNHEDGED = Settings(engine=EngineSettings(hedge=False))


def three_providers():
    return {name: (provider(), Remote(delays=QUICK)) for name in ("brook", "delta", "torrent")}


async def test_three_slow_answers_of_its_own_take_a_provider_out_of_traffic_until_a_probe_is_quick():
    providers = three_providers()
    torrent = providers["torrent"][1]
    async with world(providers, settings=UNHEDGED) as simulated:
        callers = Callers(simulated.mux, lambda n: Quotes([f"S{n}"]))
        await callers.every(0.2, 30)
        torrent.delays = SLOW
        asked_before = torrent.requests
        await callers.every(0.2, 30)
        assert torrent.requests - asked_before == 3

        slow_since = torrent.calls[-1].begun + 0.6
        await callers.every(0.2, 60)
        probes = [call.begun - slow_since for call in torrent.calls[asked_before + 3 :]]
        assert probes == [pytest.approx(30, abs=3)]  # and the next is due 60 s after that one's answer

        torrent.delays, asked_in_all = QUICK, len(simulated.order)
        await callers.every(0.2, 60)
        back = simulated.order[simulated.order.index("torrent", asked_in_all) :]
        assert Counter(back)["torrent"] == pytest.approx(len(back) / 3, abs=2)
        assert not any(one == two for one, two in pairwise(back))  # it saved no turns up
        sound_run(simulated, providers, callers.asked, callers.asked)


async def test_the_trace_shows_the_slow_provider_last_with_the_time_of_its_probe():
    providers = three_providers()
    async with world(providers) as simulated:
        callers = Callers(simulated.mux, lambda n: Quotes([f"S{n}"]))
        providers["torrent"][1].delays = SLOW
        await callers.every(0.2, 10)

        trace = (await simulated.mux.explain(Quotes(["BTC"]))).trace

        (considered,) = (event for event in trace.events if isinstance(event, Considered))
        assert considered.members[-1] == "torrent"
        assert list(considered.slow) == ["torrent"]
        assert 20 < considered.slow["torrent"] <= 30


async def test_a_slow_provider_is_still_asked_where_the_others_fail():
    providers = three_providers()
    async with world(providers) as simulated:
        callers = Callers(simulated.mux, lambda n: Quotes([f"S{n}"]))
        providers["torrent"][1].delays = SLOW
        await callers.every(0.2, 10)
        for name in ("brook", "delta"):
            providers[name][1].fail()

        answer = await simulated.mux.get(Quotes(["BTC"]))

        assert answer.providers == ("torrent",)
        assert [e.member for e in answer.trace.events if isinstance(e, Tried)][-1] == "torrent"


async def test_the_pause_of_a_provider_that_stays_slow_doubles_to_ten_minutes():
    providers = three_providers()
    torrent = providers["torrent"][1]
    torrent.delays = SLOW
    async with world(providers, observed=False) as simulated:
        await Callers(simulated.mux, lambda n: Quotes([f"S{n}"])).every(1, 2600)

    begun = [call.begun for call in torrent.calls[2:]]
    pauses = [later - earlier for earlier, later in pairwise(begun)]
    assert pauses == pytest.approx([30, 60, 120, 240, 480, 600, 600], abs=12)  # until its turn comes
