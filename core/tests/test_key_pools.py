"""Several keys for one provider: each is a quota and a breaker of its own, together they are one provider."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec import structs
from simulated.engine import at_rest, world
from simulated.providers import LISTING, endpoint, provider
from simulated.remote import Call, Remote, body, broken, refusal

from feedmux import Key, NoProvider, Quotes, Settings, SettingsError, Terms, UnknownSymbol, Window
from feedmux.breaker import State
from feedmux.quota import Ending
from feedmux.secret import Secret
from feedmux.settings import ProviderSettings, settings_from
from feedmux.transport import Incoming

KEY = Key(header="x-key", required=True)
KEYS = ("first-secret", "second-secret", "third-secret")
LIMITS = {"windows": (Window(5, per=60),)}


class PerKey:
    """An upstream that counts each key on its own, in any minute, and refuses what is too much."""

    def __init__(self, limit: int = 5, says: dict[str, Incoming] | None = None) -> None:
        self.limit = limit
        self.says = says or {}
        self.sent: dict[str, list[float]] = {}
        self.over: list[str] = []

    def __call__(self, call: Call) -> Incoming | None:
        key = call.headers["x-key"]
        times = self.sent.setdefault(key, [])
        times.append(call.begun)
        if sum(at > call.begun - 60 for at in times) > self.limit:
            self.over.append(key)
            return refusal(60)
        return self.says.get(key)

    @property
    def counts(self) -> dict[str, int]:
        return {key: len(times) for key, times in self.sent.items()}


def pooled(*keys: str, **more: Any) -> Settings:
    return Settings(providers={"coin": ProviderSettings(api_keys=tuple(map(Secret, keys)), **more)})


@asynccontextmanager
async def keyed(script: Any, *keys: str, declared: Any = None, others: Any = None, **more: Any) -> Any:
    """A world with one provider that is asked with these keys."""
    upstream = Remote(script=script)
    plugin = declared or provider(key=KEY, limits=LIMITS)
    everyone = {"coin": (plugin, upstream), **(others or {})}
    async with world(everyone, settings=pooled(*(keys or KEYS), **more)) as w:
        yield w


async def ask(mux: Any, number: int) -> Any:
    return await mux.get(Quotes([f"S{number}"]))


def states(mux: Any) -> dict[str, State]:
    return {member.name: member.state for member in mux.providers()[0].members}


async def test_each_key_is_used_up_to_its_own_quota_and_never_beyond():
    upstream = PerKey()
    async with keyed(upstream) as w:
        for minute in range(3):
            for number in range(20):
                await asyncio.wait_for(_asked(w.mux, 100 * minute + number), 10)
            await w.mux.clock.sleep(61)

    assert upstream.over == []
    assert upstream.counts == dict.fromkeys(KEYS, 15)


async def _asked(mux: Any, number: int) -> bool:
    try:
        await mux.get(Quotes([f"S{number}"]), deadline=0.5)
    except NoProvider:
        return False
    return True


async def test_concurrent_callers_cannot_overdraw_a_key():
    upstream = PerKey()
    async with keyed(upstream) as w:
        await asyncio.gather(*(_asked(w.mux, number) for number in range(60)))
        assert at_rest(w.mux)

    assert upstream.over == []
    assert upstream.counts == dict.fromkeys(KEYS, 5)


async def test_what_is_asked_is_shared_out_by_what_each_key_has_left():
    upstream = PerKey(limit=100)
    async with keyed(
        upstream, *KEYS[:2], declared=provider(key=KEY, limits={"windows": (Window(100, per=3600),)})
    ) as w:
        first = w.mux._fleet.standings["coin/key-1"].quota
        for _ in range(80):
            first.take(1, w.mux.clock.monotonic()).end(Ending.OK, w.mux.clock.monotonic())
        for number in range(36):
            await ask(w.mux, number)

    assert 4 <= upstream.counts[KEYS[0]] <= 8
    assert upstream.counts[KEYS[0]] + upstream.counts[KEYS[1]] == 36


@pytest.mark.parametrize(
    ("says", "state"),
    [
        (Incoming(401, {}, b'{"error": "bad key"}'), State.NEEDS_KEY),
        (refusal(120), State.THROTTLED),
    ],
)
async def test_a_key_that_is_refused_closes_itself_alone_and_the_question_goes_on_with_another(says, state):
    upstream = PerKey(limit=100, says={KEYS[0]: says})
    async with keyed(upstream, declared=provider(key=KEY)) as w:
        for number in range(9):
            answer = await ask(w.mux, number)
            assert answer.items[0].provider == "coin"
        now = states(w.mux)

    assert now == {"coin/key-1": state, "coin/key-2": State.OPEN, "coin/key-3": State.OPEN}
    assert upstream.counts[KEYS[0]] == 1
    assert abs(upstream.counts[KEYS[1]] - upstream.counts[KEYS[2]]) <= 1


async def test_what_is_no_matter_of_the_key_is_not_asked_again_with_another():
    upstream = PerKey(limit=100, says=dict.fromkeys(KEYS, broken()))
    async with keyed(upstream, declared=provider(key=KEY)) as w:
        with pytest.raises(NoProvider):
            await ask(w.mux, 1)

    assert sum(upstream.counts.values()) == 1


async def test_a_symbol_that_one_key_was_told_is_unknown_is_unknown_to_all():
    upstream = PerKey(limit=100, says=dict.fromkeys(KEYS, body({"prices": {}})))
    async with keyed(upstream, declared=provider(key=KEY)) as w:
        for _ in range(3):
            with pytest.raises(UnknownSymbol, match=r"unknown to coin$"):
                await ask(w.mux, 1)

    assert sum(upstream.counts.values()) == 1


async def test_inside_its_ttl_the_same_is_not_asked_again_with_another_key():
    upstream = PerKey(limit=100)
    async with keyed(upstream, declared=provider(key=KEY, ttl=300)) as w:
        for _ in range(4):
            await ask(w.mux, 1)
            await w.mux.clock.sleep(20)

    assert sum(upstream.counts.values()) == 1


async def test_turns_go_to_the_provider_and_are_not_multiplied_by_its_keys():
    other = Remote()
    upstream = PerKey(limit=1000)
    one = provider(key=KEY, weight=10)
    async with keyed(upstream, declared=one, others={"other": (provider(weight=10), other)}) as w:
        for number in range(60):
            await ask(w.mux, number)

    assert other.requests == 30
    assert upstream.counts == dict.fromkeys(KEYS, 10)


async def test_a_key_whose_quota_is_gone_takes_no_turns_from_its_provider():
    other = Remote()
    upstream = PerKey(limit=1000)
    one = provider(key=KEY, weight=10, limits={"windows": (Window(100, per=3600),)})
    async with keyed(upstream, *KEYS[:2], declared=one, others={"other": (provider(weight=10), other)}) as w:
        first = w.mux._fleet.standings["coin/key-1"].quota
        for _ in range(100):
            first.take(1, w.mux.clock.monotonic()).end(Ending.OK, w.mux.clock.monotonic())
        for number in range(40):
            await ask(w.mux, number)

    assert upstream.counts == {KEYS[1]: 20}


async def test_the_ledger_has_a_row_for_each_key_and_no_key_shows():
    async with keyed(PerKey()) as w:
        await ask(w.mux, 1)
        rows = {row.pool: row.used for row in w.mux.ledger()}
        shown = repr((w.mux.ledger(), w.mux.providers(), w.mux.settings, w.events))

    assert sorted(rows) == ["coin/key-1", "coin/key-2", "coin/key-3"]
    assert Counter(rows.values()) == {0: 2, 1: 1}
    assert not any(key in shown for key in KEYS)


async def test_a_pool_that_is_declared_is_a_pool_for_each_key():
    declared = provider(key=KEY, limits={**LIMITS, "pool": "account"})
    async with keyed(PerKey(), *KEYS[:2], declared=declared) as w:
        assert [row.pool for row in w.mux.ledger()] == ["account/key-1", "account/key-2"]


async def test_one_listing_serves_all_keys_and_one_refused_key_does_not_keep_it_from_the_others():
    def script(call: Call) -> Incoming | None:
        if call.headers["x-key"] == KEYS[0]:
            return Incoming(401, {}, b"{}")
        return body({"names": ["BTC", "ETH"]}) if call.path == "/listing" else None

    listed = provider(endpoint(Quotes, Terms(ttl=1)), key=KEY, listing=LISTING)
    upstream = Remote(script=script)
    async with world({"coin": (listed, upstream)}, settings=pooled(*KEYS)) as w:
        for symbol in ("BTC", "ETH"):
            assert (await w.mux.get(Quotes([symbol]))).items

    assert [call.path for call in upstream.calls] == ["/listing", "/listing", "/quotes", "/quotes"]


async def test_keys_for_a_provider_that_takes_none_are_refused_for_they_would_multiply_its_quota():
    with pytest.raises(SettingsError, match=r"providers\.coin\.api_keys: it takes no key"):
        async with keyed(None, declared=provider(limits=LIMITS)):
            pass


async def test_one_key_in_the_list_has_the_name_it_keeps_when_more_follow():
    async with keyed(PerKey(), "only-secret") as w:
        assert list(states(w.mux)) == ["coin/key-1"]


async def test_on_a_reload_a_key_may_be_replaced_and_another_added():
    upstream = PerKey(limit=100, says={KEYS[0]: Incoming(401, {}, b"{}")})
    async with keyed(upstream, *KEYS[:2], declared=provider(key=KEY)) as w:
        await ask(w.mux, 1)
        await w.mux.reload(pooled("new-secret", *KEYS[1:]))
        for number in range(2, 8):
            await ask(w.mux, number)

    assert upstream.counts == {KEYS[0]: 1, "new-secret": 2, KEYS[1]: 3, KEYS[2]: 2}


@pytest.mark.parametrize(
    ("document", "environ", "told"),
    [
        ({"api_keys": ["a", "b", "a"]}, {}, "providers.coin.api_keys: 1 and 3 are the same key"),
        ({"api_key": "a", "api_keys": ["b"]}, {}, "providers.coin.api_key and api_keys are both given"),
        (
            {"api_keys": ["b"]},
            {"FEEDMUX_COIN_API_KEY": "a"},
            "providers.coin.api_key and api_keys are both given",
        ),
        ({}, {"FEEDMUX_COIN_API_KEYS": "a,a"}, "providers.coin.api_keys: 1 and 2 are the same key"),
        ({}, {"FEEDMUX_COIN_API_KEYS": " , "}, "providers.coin.api_keys: "),
        ({"api_keys": []}, {}, "providers.coin.api_keys: "),
        ({"api_keys": "one"}, {}, "providers.coin.api_keys: "),
        ({"api_keys": ["a", ""]}, {}, "providers.coin.api_keys"),
    ],
)
def test_keys_that_cannot_be_are_refused_by_name(document, environ, told):
    with pytest.raises(SettingsError) as refused:
        settings_from({"providers": {"coin": document}}, environ)

    assert refused.value.detail.startswith(told)


def test_keys_come_from_the_environment_with_commas_between_them():
    chosen = settings_from(
        {"providers": {"coin": {"weight": 2}}}, {"FEEDMUX_COIN_API_KEYS": "a, b,"}
    ).provider("coin")

    assert ([key.reveal() for key in chosen.keys], chosen.weight) == (["a", "b"], 2)


def test_the_environment_stands_before_the_file():
    chosen = settings_from({"providers": {"coin": {"api_keys": ["x"]}}}, {"FEEDMUX_COIN_API_KEYS": "a,b"})

    assert [key.reveal() for key in chosen.provider("coin").keys] == ["a", "b"]


def test_no_key_shows_in_settings_however_they_are_printed():
    shown = repr(structs.asdict(ProviderSettings(api_keys=(Secret("sesame"), Secret("open")))))

    assert "sesame" not in shown
