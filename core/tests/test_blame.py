"""A provider is never charged for what it did not do."""

from __future__ import annotations

import pytest
from simulated.engine import world
from simulated.providers import provider
from simulated.remote import Remote

from feedmux import FeedmuxError, Quotes
from feedmux.settings import settings_from
from feedmux.transport import Incoming


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
    from feedmux import Key

    key = "SECRETKEY-0123456789-ABCDEFGHIJ"
    echo = b"x" * 55 + key.encode() + b" is not welcome"
    keyed = provider(key=Key(header="x-key"))
    settings = settings_from({"providers": {"p0": {"api_key": key}}}, {})
    remote = Remote(script=lambda call: Incoming(500, {}, echo))
    async with world({"p0": (keyed, remote)}, settings=settings) as simulated:
        with pytest.raises(FeedmuxError) as refused:
            await simulated.mux.get(Quotes(["BTC"]))

        shown = f"{refused.value} {simulated.mux.providers()} {simulated.events} {refused.value.trace}"
        assert "SECRETKEY" not in shown
