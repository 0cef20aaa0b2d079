"""Who was contradicted lately is not believed alone, and a crash that is true is served at once."""

from __future__ import annotations

import pytest
from simulated.engine import world
from simulated.providers import provider
from simulated.remote import Remote

from feedmux import FeedmuxError, Quotes
from feedmux.doubt import SUSPECT_FOR, Doubts
from feedmux.virtual import virtual_clock

BTC = Quotes(["BTC"])
NAMES = ("liar", "one", "other")


def three():
    return {name: (provider(ttl=1), Remote()) for name in NAMES}


async def priced(simulated, symbol, **how):
    answer = await simulated.mux.get(Quotes([symbol]), **how)
    return answer.items[0].price, answer.stale


async def everybody_asked(simulated, symbol="BTC"):
    for name in NAMES:
        await simulated.mux.get(Quotes([symbol]), only=[name], max_age=0)
        await simulated.mux.clock.sleep(2)


async def caught(simulated, providers, times=1):
    """Everybody has said what BTC is worth; then one says something else, and is contradicted so often."""
    await everybody_asked(simulated)
    remote = providers["liar"][1]
    remote.prices["BTC"] = remote.prices["COLD"] = 100_000.0
    for _ in range(times):
        await simulated.mux.clock.sleep(11)
        assert await priced(simulated, "BTC", prefer=["liar"]) == (100.0, False)


async def test_a_suspects_word_of_what_nobody_knows_needs_a_second_one():
    providers = three()
    async with world(providers) as simulated:
        await caught(simulated, providers)

        assert await priced(simulated, "COLD", prefer=["liar"]) == (100.0, False)


async def test_before_it_is_contradicted_a_first_word_is_believed():
    providers = three()
    providers["liar"][1].prices["COLD"] = 100_000.0
    async with world(providers) as simulated:
        assert await priced(simulated, "COLD", prefer=["liar"]) == (100_000.0, False)


async def test_what_it_said_alone_just_before_is_served_no_more():
    providers = three()
    async with world(providers) as simulated:
        await everybody_asked(simulated)
        providers["liar"][1].prices.update(BTC=100_000.0, COLD=100_000.0)
        await priced(simulated, "COLD", prefer=["liar"])
        await simulated.mux.get(BTC, prefer=["liar"], max_age=0)

        assert await priced(simulated, "COLD") == (100.0, False)


async def test_a_suspects_jump_is_not_accepted_for_being_said_twice():
    providers = three()
    async with world(providers) as simulated:
        await caught(simulated, providers)
        for name in ("one", "other"):
            providers[name][1].fail()

        for _ in range(3):
            await simulated.mux.clock.sleep(11)
            assert await priced(simulated, "BTC", prefer=["liar"]) == (100.0, True)


async def test_where_nobody_who_could_say_more_is_well_a_suspects_first_word_is_refused():
    providers = three()
    async with world(providers) as simulated:
        await caught(simulated, providers)
        for name in ("one", "other"):
            providers[name][1].fail()

        with pytest.raises(FeedmuxError):
            await simulated.mux.get(Quotes(["COLD"]), prefer=["liar"])


async def test_where_nobody_else_could_ever_say_more_it_is_believed():
    providers = three()
    async with world(providers) as simulated:
        await caught(simulated, providers)

        assert await priced(simulated, "COLD", only=["liar"]) == (100_000.0, False)


async def test_three_contradicted_answers_in_a_row_close_it_and_the_cause_says_what_it_said():
    providers = three()
    async with world(providers) as simulated:
        await caught(simulated, providers, times=2)
        states = {row.name: row.state.value for row in simulated.mux.providers()}
        assert states["liar"] == "open"

        await simulated.mux.clock.sleep(11)
        await simulated.mux.get(BTC, prefer=["liar"])

        (state, cause) = next((r.state, r.cause) for r in simulated.mux.providers() if r.name == "liar")
        assert state.value == "blocked"
        assert cause.startswith("contradicted 3 times in a row: says 100000 of BTC, o")


async def test_a_word_that_others_share_starts_the_row_again():
    providers = three()
    async with world(providers) as simulated:
        await caught(simulated, providers, times=2)
        providers["liar"][1].prices["BTC"] = 100.0
        await simulated.mux.clock.sleep(11)
        await simulated.mux.get(BTC, prefer=["liar"])
        providers["liar"][1].prices["BTC"] = 100_000.0
        await simulated.mux.clock.sleep(11)
        await simulated.mux.get(BTC, prefer=["liar"])

        states = {row.name: row.state.value for row in simulated.mux.providers()}
        assert states["liar"] == "open"


@pytest.mark.parametrize("honest", ["liar", "one", "other"])
async def test_a_crash_that_two_of_three_show_is_served_within_one_question(honest):
    providers = three()
    async with world(providers) as simulated:
        await everybody_asked(simulated)
        for name in NAMES:
            providers[name][1].prices["BTC"] = 100.0 if name == honest else 60.0
        await simulated.mux.clock.sleep(11)
        first, second = (name for name in NAMES if name != honest)

        assert await priced(simulated, "BTC", prefer=[first, second]) == (60.0, False)


async def test_a_suspects_word_is_believed_where_another_says_the_same():
    providers = three()
    async with world(providers) as simulated:
        await caught(simulated, providers)
        for name in NAMES:
            providers[name][1].prices["BTC"] = 55.0
        await simulated.mux.clock.sleep(11)

        assert await priced(simulated, "BTC", prefer=["liar"]) == (55.0, False)


async def test_one_word_against_one_makes_nobody_a_suspect():
    providers = {name: (provider(ttl=1), Remote()) for name in ("liar", "honest")}
    providers["liar"][1].prices["BTC"] = 100_000.0
    async with world(providers) as simulated:
        await simulated.mux.get(BTC, only=["liar"])
        await simulated.mux.clock.sleep(11)
        await simulated.mux.get(BTC, prefer=["honest"])

        assert not simulated.mux._fetcher.keeper.doubts.suspects("honest")


async def test_a_suspect_is_cleared_by_a_shared_word_after_its_time_and_not_before():
    clock = virtual_clock()
    doubts = Doubts(clock)
    doubts.contradicted("a", 1)
    doubts.agreed("a", BTC)
    assert doubts.suspects("a")

    await clock.sleep(SUSPECT_FOR)
    assert doubts.suspects("a")
    doubts.agreed("a", BTC)
    assert not doubts.suspects("a")


async def test_a_batch_of_contradicted_prices_counts_once():
    doubts = Doubts(virtual_clock())

    assert [doubts.contradicted("a", answers) for answers in (1, 1, 1, 2, 3)] == [1, 1, 1, 2, 3]
