"""A provider is never charged for what it did not do."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from simulated.engine import world
from simulated.providers import provider, quotes_request
from simulated.remote import Remote, broken, refusal

from feedmux import Endpoint, FeedmuxError, Key, Quotes, Terms, UpstreamDown
from feedmux.breaker import State
from feedmux.settings import settings_from
from feedmux.transport import Incoming

KEY = "SECRETKEY-0123456789-ABCDEFGHIJ"
KEYED = settings_from({"providers": {"p0": {"api_key": KEY}}}, {})


class Timed(Remote):
    """An upstream that takes so many seconds for each symbol."""

    def __init__(self, takes, script=None):
        super().__init__(script=script)
        self._takes = takes

    async def _answer(self, call):
        await self.clock.sleep(self._takes.get(call.symbols[0], 0.1))
        return (self.script and self.script(call)) or self.answer(call)


async def ask(simulated, symbol, deadline=5.0):
    try:
        return await simulated.mux.get(Quotes([symbol]), deadline=deadline)
    except FeedmuxError as error:
        return error


async def test_an_answer_to_a_request_sent_before_a_refusal_does_not_open_it():
    remote = Timed({"SLOW": 1.0}, lambda call: refusal(600) if call.symbols == ["X"] else None)
    async with world({"p0": (provider(), remote)}) as simulated:
        slow = asyncio.create_task(ask(simulated, "SLOW"))
        await simulated.mux.clock.sleep(0.02)
        await ask(simulated, "X", deadline=0.5)

        assert len(await slow) == 1
        assert simulated.mux.providers()[0].state is State.THROTTLED
        await ask(simulated, "Y")
        assert remote.requests == 2


async def test_faults_of_one_moment_close_for_the_first_pause_however_many_they_are():
    remote = Remote(script=lambda call: broken())
    async with world({"p0": (provider(), remote)}) as simulated:
        await asyncio.gather(*(ask(simulated, f"F{n}") for n in range(16)))

        assert simulated.mux.providers()[0].wait <= 2.0


async def test_a_callers_short_deadline_does_not_close_a_healthy_provider():
    remote = Remote(delays=(0.1, 0.1))
    async with world({"p0": (provider(), remote)}) as simulated:
        for n in range(20):
            with pytest.raises(FeedmuxError):
                await simulated.mux.get(Quotes([f"S{n}"]), deadline=0.08)

        assert simulated.mux.providers()[0].state.value != "blocked"
        assert len(await simulated.mux.get(Quotes(["BTC"]))) == 1


async def test_our_own_full_quota_for_a_further_request_is_no_refusal_of_the_providers():
    two_hosts = provider(hosts=("https://a.example", "https://b.example"), limits={"min_interval": 5.0})
    remote = Remote(script=lambda call: Incoming(451, {}, b"{}") if "a.example" in call.host else None)
    async with world({"p0": (two_hosts, remote)}) as simulated:
        with pytest.raises(FeedmuxError):
            await simulated.mux.get(Quotes(["BTC"]))

        assert simulated.mux.providers()[0].state.value != "throttled"


async def test_the_next_host_is_asked_within_the_same_try_though_only_one_request_may_be_in_flight():
    two_hosts = provider(hosts=("https://a.example", "https://b.example"), limits={"concurrency": 1})
    remote = Remote(script=lambda call: Incoming(451, {}, b"{}") if "a.example" in call.host else None)
    async with world({"p0": (two_hosts, remote)}) as simulated:
        assert len(await simulated.mux.get(Quotes(["BTC"]))) == 1


async def test_a_key_that_an_upstream_echoes_at_the_edge_of_what_is_shown_never_shows():
    echo = b"x" * 55 + KEY.encode() + b" is not welcome"
    remote = Remote(script=lambda call: Incoming(500, {}, echo))
    async with world({"p0": (provider(key=Key(header="x-key")), remote)}, settings=KEYED) as simulated:
        with pytest.raises(FeedmuxError) as refused:
            await simulated.mux.get(Quotes(["BTC"]))

        shown = f"{refused.value} {simulated.mux.providers()} {simulated.events} {refused.value.trace}"
        assert "SECRETKEY" not in shown


def not_here_but_at(host):
    return lambda call: None if host in call.host else Incoming(451, {}, b"{}")


async def test_a_third_host_is_asked_within_the_same_try_though_only_one_request_may_be_in_flight():
    hosts = tuple(f"https://{name}.example" for name in "abc")
    declared = provider(hosts=hosts, limits={"concurrency": 1})
    async with world({"p0": (declared, Remote(script=not_here_but_at("c.example")))}) as simulated:
        assert len(await simulated.mux.get(Quotes(["BTC"]))) == 1


async def test_a_further_request_of_a_try_waits_for_the_minimum_interval_and_keeps_it():
    declared = provider(hosts=("https://a.example", "https://b.example"), limits={"min_interval": 1.0})
    remote = Remote(delays=(0.1, 0.1), script=not_here_but_at("b.example"))
    async with world({"p0": (declared, remote)}) as simulated:
        assert len(await simulated.mux.get(Quotes(["BTC"]))) == 1
        await ask(simulated, "ETH")

    begun = [call.begun for call in remote.calls]
    assert [later - earlier for earlier, later in pairwise(begun)] == pytest.approx([1.1, 1.1], abs=0.02)


async def test_where_the_minimum_interval_outlasts_the_try_nobody_waits_and_nobody_is_charged():
    declared = provider(hosts=("https://a.example", "https://b.example"), limits={"min_interval": 30.0})
    async with world({"p0": (declared, Remote(script=not_here_but_at("b.example")))}) as simulated:
        await ask(simulated, "BTC")

        (row,) = simulated.mux.providers()
        assert simulated.mux.clock.monotonic() < 1
        assert simulated.mux._fleet.standings["p0"].breaker.state.faults == 0
        assert row.members[0].failures == 0


def quoting(error):
    """A plugin whose parse function raises with the body in its words."""

    def parse(body, asked):
        raise error("y" * 180 + body.decode())

    return provider(Endpoint(Quotes, quotes_request, parse, Terms(ttl=1)), key=Key(header="x-key"))


@pytest.mark.parametrize("error", [RuntimeError, ValueError, UpstreamDown])
@pytest.mark.parametrize("key", ["SECRETKEY-0123456789-ABCDEFGHIJ", "SECRETKEY/0123456789+ABCDEFGHIJ"])
async def test_what_a_plugin_raises_shows_no_part_of_the_key(error, key, capsys):
    settings = settings_from({"providers": {"p0": {"api_key": key}}}, {})
    echo = f"{key} {key.replace('/', '%2F').replace('+', '%2B')}".encode()
    remote = Remote(script=lambda call: Incoming(200, {}, echo))
    async with world({"p0": (quoting(error), remote)}, settings=settings) as simulated:
        raised = await ask(simulated, "BTC")
        shown = f"{raised!r} {raised} {raised.trace} {raised.__cause__!r} {simulated.events}"
        shown += f"{simulated.mux.providers()}"

    assert "SECRETKEY" not in shown + "".join(capsys.readouterr())
