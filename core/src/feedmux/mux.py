"""The engine's face: asks, watches, plans and tells. Reads like the way of one question."""

from __future__ import annotations

import asyncio
import copy
import math
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from feedmux import settings, status
from feedmux.answer import Answer, Missing
from feedmux.attempt import GRACE
from feedmux.audience import Audience
from feedmux.breaker import BreakerState
from feedmux.cache import Bell, Cache, Cell, Entry, newest
from feedmux.clock import Chance, Clock
from feedmux.coalescer import Coalescer, Flight
from feedmux.company import Company
from feedmux.crossed import Crossed
from feedmux.errors import DeadlineExceeded, FeedmuxError, InvalidQuery, NoConsensus, NoProvider
from feedmux.event import Answered, Cached, Event, Joined, ServedStale, Trace
from feedmux.fetcher import Fetcher
from feedmux.fleet import Fleet
from feedmux.items import Item
from feedmux.orders import Act, Order
from feedmux.probe import Probes
from feedmux.query import Query
from feedmux.refresh import Refresher
from feedmux.registry import Registry
from feedmux.relay import Relay
from feedmux.renewal import Renewal, settled
from feedmux.route import Pins
from feedmux.router import Router
from feedmux.settings import Sandbox, Settings
from feedmux.skew import CorrectedClock
from feedmux.standing import Standing
from feedmux.status import LedgerRow, ProviderStatus, Stats
from feedmux.store import Store
from feedmux.streams import Streams
from feedmux.symbol import exact

MARGIN = 0.02
"""Share of the deadline kept for what comes after the last try; never less than an attempt's grace."""
MOMENT = 0.001
"""The shortest time, in seconds, that anybody can be asked to wait."""
REMEMBERED = 4096
_log = structlog.get_logger("feedmux.mux")


class _Whole(Struct, frozen=True):
    """An answer made of fresh entries only, and the cells it was made of: good while they stand and are fresh."""

    answer: Answer[Any]
    cells: tuple[tuple[Hashable, Cell], ...]
    until: float


class Mux:
    """One engine, bound to the event loop it was opened on."""

    def __init__(
        self,
        chosen: Settings,
        registry: Registry,
        clock: Clock,
        store: Store,
        chance: Chance,
        relay: Relay | None = None,
    ) -> None:
        self.settings = chosen
        self.clock = CorrectedClock(clock)
        self.stats = Stats()
        self._registry = registry
        self._cache = Cache(clock, chosen.engine.cache_size)
        self._fetcher = Fetcher(self.clock, self._cache, chance.generator("engine"), self._tell)
        holder = f"mux-{chance.generator('holder').getrandbits(48):x}"
        self._fleet = Fleet(clock, registry, chosen, store, holder)
        self._company = Company(
            store,
            relay,
            holder,
            self.clock,
            self._fleet,
            self._cache,
            self._background,
            self._adopt,
            self._obey,
        )
        self._whole: OrderedDict[Query, _Whole] = OrderedDict()
        self._audience = Audience(registry)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._listeners: tuple[Callable[[Event], None], ...] = ()
        self._switched: dict[str, bool] = {}
        """Providers that were disabled or enabled while the engine runs."""
        self._refresher: Refresher | None = None
        self._renewing = asyncio.Lock()
        self._probes = Probes(self._fetcher, clock, chosen.engine.deadline)
        self._streams = Streams(
            self._fleet,
            self._fetcher,
            self.clock,
            chance.generator("streams"),
            self._tell,
            self._confirm,
            self._company.leads,
        )
        self.started_at = clock.monotonic()

    async def start(self) -> None:
        """Build the fleet and take up what the store kept; `feedmux.open` calls it."""
        self._loop = asyncio.get_running_loop()
        await self._fleet.build()
        await self._company.begin(self.queries, self._registry.providers, self._streams)
        self._fetcher.conduct.rotations = self._fleet.rotations
        self._fetcher.conduct.changed = self._changed
        self._fetcher.conduct.spent = self._company.long_windows().spent
        self._fetcher.listings.listed = self._company.listed
        self._fetcher.dated = self.clock.heard
        self._fetcher.attempts.misbehaving = self._quarantine
        self._router = Router(
            self._fetcher,
            self._fleet.rotations,
            self.clock,
            self._tell,
            hedges=self.settings.engine.hedge,
        )
        self._coalescer = Coalescer(self._router, self.clock)
        if self.settings.engine.refresh and not self.sandbox:
            size, patience = self.settings.engine.refresh, self.settings.engine.deadline
            self._refresher = Refresher(self._router, self.clock, size, patience)
            self._background(self._refresher.run())
        for standing in self._fleet.standings.values():
            self._probes.watch_over(standing)
        if self._audience.listens:
            self._background(self._audience.attend())

    # asking

    async def get(
        self,
        query: Query,
        *,
        max_age: float | None = None,
        deadline: float | None = None,
        only: Sequence[str] | str = (),
        prefer: Sequence[str] | str = (),
        cross_check: bool = False,
    ) -> Answer[Any]:
        """Answer a question.

        `max_age` (seconds) says how old an answer may be before somebody is asked, by default the question's own
        `fresh`. `deadline` (seconds) bounds the wait. `only` and `prefer` name providers. `cross_check` hears up
        to three of different origin and gives their median; `crossed` then says who said what. Raises where no item
        came: the error that all elements share, else NoProvider.
        """
        plain = max_age is None and not only and not prefer and not cross_check
        if plain and self._refresher is not None:
            self._refresher.used(query)
        if plain and (answer := self.fresh(query)) is not None:
            return answer
        if max_age is not None:
            max_age = _seconds(max_age, "max_age", at_least=0.0)
        pins = _pins(only, prefer)
        if cross_check:
            pins = _crossing(query, pins, query.fresh if max_age is None else max_age)
        return await self._answer(query, max_age, deadline, pins, plain)

    def fresh(self, query: Query) -> Answer[Any] | None:
        """The answer as it was last given, where nothing of it has changed or aged since; never waits."""
        whole = self._whole.get(query)
        if whole is None:
            return None
        now = self.clock.monotonic()
        if now < whole.until:
            for key, cell in whole.cells:
                if self._cache.cell(key) is not cell:
                    break
            else:
                self._tell(_hit(now, query.capability, len(whole.answer.items)))
                return whole.answer
        del self._whole[query]
        return None

    def held(self, query: Query) -> list[Item]:
        """What the cache holds that may still be served, older than fresh marked stale; asks nobody, counts nothing."""
        now, items = self.clock.monotonic(), list[Item]()
        for part in query.parts():
            entry = self._best(part, Pins(), self._cells(part, Pins()))
            if entry is not None:
                stale = now - entry.fetched > query.fresh
                items += [_marked(item, stale) for item in query.cut(entry.items)]
        return items

    async def explain(self, query: Query, **how: Any) -> Answer[Any]:
        """`get`, told from the beginning: the trace holds every step that this question took now."""
        self._whole.pop(query, None)
        return await self.get(query, **how)

    def plan(
        self,
        query: Query,
        *,
        only: Sequence[str] | str = (),
        prefer: Sequence[str] | str = (),
        cross_check: bool = False,
    ) -> Trace:
        """Who would be asked now and why not the others: no upstream is asked, no turn is taken."""
        pins = self._checked(query, _pins(only, prefer))
        if cross_check:
            pins = _crossing(query, pins, query.fresh)
        now = self.clock.monotonic()
        told: list[Event] = []
        for part in query.parts():
            entry = self._best(part, pins, self._cells(part, pins))
            told.append(_cached(part, entry, query.fresh, now))
        return Trace((*told, *self._router.plan(query.parts(), pins)))

    async def _answer(
        self, query: Query, max_age: float | None, deadline: float | None, pins: Pins, plain: bool
    ) -> Answer[Any]:
        if asyncio.get_running_loop() is not self._loop:
            raise RuntimeError("this engine was opened on another event loop: open one there")
        pins = self._checked(query, pins)
        began = self.clock.monotonic()
        patience = self.settings.engine.deadline if deadline is None else deadline
        until = began + _seconds(patience, "deadline")
        fresh = query.fresh if max_age is None else max_age
        told: list[Event] = []
        found: dict[Query, Entry] = {}
        flights: dict[Query, Flight] = {}
        cells: list[tuple[Hashable, Cell]] = []
        for part in query.parts():
            mine = self._cells(part, pins)
            entry = self._best(part, pins, mine)
            told.append(self._say(_cached(part, entry, fresh, began)))
            if entry is not None and began - entry.fetched <= fresh and not entry.stale:
                found[part] = entry
                cells += mine
                continue
            limit = until - _margin(until - began)
            flights[part], joined = self._coalescer.flight(part, pins, limit, at_hand=entry is not None)
            if joined:
                told.append(self._say(Joined(at=began, what=_name(part))))
        failed = await self._landed(query, flights, found, pins, until, told)
        crossed = _disagreeing(found, failed, self.clock.monotonic())
        answer = self._assemble(query, found, failed, began, fresh, told, bool(flights), crossed)
        if plain and not flights and not failed:
            until = min(min(e.fetched + fresh, e.good_until) for e in found.values())
            self._remember(query, answer, cells, until)
        return answer

    async def _landed(
        self,
        query: Query,
        flights: Mapping[Query, Flight],
        found: dict[Query, Entry],
        pins: Pins,
        until: float,
        told: list[Event],
    ) -> dict[Query, FeedmuxError]:
        """Wait for the flights, each for as long as the deadline allows; what failed is served stale or told."""
        failed: dict[Query, FeedmuxError] = {}
        if flights:
            waiting = [flight.landed for flight in flights.values()]
            await asyncio.wait(waiting, timeout=max(0.0, until - self.clock.monotonic()))
        heard: list[list[Event]] = []
        for part, flight in flights.items():
            if all(flight.errand.events is not one for one in heard):
                heard.append(flight.errand.events)
            end: Entry | FeedmuxError
            end = flight.landed.result() if flight.landed.done() else DeadlineExceeded("the deadline passed")
            if isinstance(end, Entry):
                found[part] = end
            else:
                failed[part] = end
        for events in heard:
            told += events
        for part in list(failed):
            if (entry := self._best(part, pins, self._cells(part, pins))) is not None:
                del failed[part]
                found[part] = entry
        return failed

    def _assemble(
        self,
        query: Query,
        found: Mapping[Query, Entry],
        failed: Mapping[Query, FeedmuxError],
        began: float,
        fresh: float,
        told: list[Event],
        asked: bool,
        crossed: Mapping[str, Crossed],
    ) -> Answer[Any]:
        """The items in the order of the question, what is stale marked, and the trace."""
        now = self.clock.monotonic()
        items: list[Item] = []
        missing: dict[str, Missing] = {}
        for part in query.parts():
            entry = found.get(part)
            if entry is None:
                missing[part.elements[0] if part.elements else part.capability] = Missing.of(failed[part])
                continue
            if (
                stale := began - entry.fetched > fresh
            ):  # what was fresh when it was asked for is served as such
                age = now - entry.fetched
                told.append(
                    self._say(ServedStale(at=now, what=_name(part), age=age, provider=entry.provider))
                )
            items += [_marked(item, stale) for item in query.cut(entry.items)]
        error = None if found else _shared(failed)
        ended = Answered(
            at=now,
            capability=query.capability,
            source=error.slug if error else "flight" if asked else "cache",
            seconds=now - began,
            items=len(items),
            stale=any(item.stale for item in items),
        )
        told.append(self._say(ended))
        if error is not None:
            error.trace = Trace(tuple(told))
            if isinstance(error, NoConsensus):
                error.crossed = crossed
            raise error
        attribution = dict.fromkeys(
            self._registry.providers[name].upstream.attribution
            for entry in found.values()
            for name in entry.providers
        )
        return Answer(
            query=query,
            items=tuple(items),
            missing=missing,
            attribution=tuple(filter(None, attribution)),
            sandbox=any(entry.simulated for entry in found.values()),
            trace=Trace(tuple(told)),
            crossed=crossed,
        )

    def _remember(
        self, query: Query, answer: Answer[Any], cells: Sequence[tuple[Hashable, Cell]], until: float
    ) -> None:
        self._whole[query] = _Whole(answer, tuple(cells), until)
        if len(self._whole) > REMEMBERED:
            self._whole.popitem(last=False)

    # the cache, as a question sees it

    def _cells(self, part: Query, pins: Pins) -> list[tuple[Hashable, Cell]]:
        """Where answers to this part are kept, by key: one place, or one for each member's request."""
        if part.many:
            key = pins.key(part)
            cell = self._cache.cell(key)
            return [(key, cell)] if cell else []
        kept = ((key, self._cache.cell(key)) for key in self._keys(part))
        return [(key, cell) for key, cell in kept if cell is not None]

    def _best(self, part: Query, pins: Pins, cells: Sequence[tuple[Hashable, Cell]]) -> Entry | None:
        """The newest entry that may still be served, of the providers that are allowed."""
        entries = {
            entry.member: entry
            for _, cell in cells
            for entry in cell.values()
            if not pins.only or set(entry.providers) <= set(pins.only)
        }
        return newest(entries, self.clock.monotonic())

    def _checked(self, query: Query, pins: Pins) -> Pins:
        """The pins, all of them installed, as are the providers that exact assets name."""
        for field, names in (("only", pins.only), ("prefer", pins.prefer)):
            for name in names:
                self._installed(name, field)
        for symbol in query.symbols_asked:
            if named := exact(symbol):
                self._installed(named.provider, "symbol")
        return pins

    def _installed(self, name: str, field: str) -> None:
        if name not in self._registry.providers:
            known = (
                settings.nearest(name, sorted(self._registry.providers)) if self._registry.providers else ""
            )
            raise InvalidQuery(f"no provider named {name[:40]!a} is installed{known}", field=field)

    # watching

    async def watch(self, query: Query, *, every: float | None = None) -> AsyncIterator[Answer[Any]]:
        """The answer now, then again whenever it changes: pushed where a provider streams it or somebody fetched,
        else polled.

        `every` (seconds) bounds how long a change may go unnoticed, by default the question's own `fresh`. Where a
        stream is lost it is polled until that is well again; the next answer tells the `gap`.
        While nobody can answer the last answer stands, and comes again once it is stale; raises as `get` does
        where there was never one.
        """
        if every is not None:
            every = _seconds(every, "every")
        bell, keys, ends = Bell(), list[Hashable](), list[Callable[[], None]]()
        following = self._streams.follow(query, bell.ring)
        often = query.fresh if every is None else every
        last: Answer[Any] | None = None
        try:
            while True:
                if (now := self._keys(query)) != keys:  # a listing may have come that gives other ids
                    for end in ends:
                        end()
                    keys, ends = now, [self._cache.watch(key, bell.ring) for key in now]
                following.look()
                pushed = max(often, following.silent_after) if following.live else None
                try:
                    answer = await self.get(query, max_age=pushed or every)
                except FeedmuxError:
                    if last is None:
                        raise
                else:
                    if last is None or answer.items != last.items:
                        last = answer
                        yield following.marked(answer)
                if following.live:
                    await bell.heard()
                else:  # just past its age: at that very instant the cache would still hold it to be fresh
                    await self._rung(bell, often + 0.001)
        finally:
            following.end()
            for end in ends:
                end()

    def _confirm(self, part: Query) -> None:
        """What was pushed jumped: have it looked at by whoever is asked now."""

        async def ask() -> None:
            with suppress(FeedmuxError):
                await self.get(part, max_age=MOMENT)

        self._background(ask())

    def _keys(self, query: Query) -> list[Hashable]:
        if query.many:
            return list(query.parts())
        rotation = self._fleet.rotations.get(query.capability)
        candidates = rotation.candidates if rotation else ()
        return [key for candidate in candidates for key in self._fetcher.keeper.keys(candidate, query)]

    async def _rung(self, bell: Bell, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(0.05, seconds)):
                await bell.heard()
        except TimeoutError:
            pass

    # telling

    def providers(self) -> list[ProviderStatus]:
        """Every provider and its state, those set aside with the reason."""
        return status.providers(self._registry, self._fleet, self.clock.monotonic(), self.clock.now())

    def ledger(self) -> list[LedgerRow]:
        """Every window of every pool: used, left, reset."""
        return status.ledger(self._fleet, self.clock.monotonic())

    @property
    def queries(self) -> Mapping[str, type[Query]]:
        """Every capability that can be asked for, those of third parties included."""
        return self._registry.queries

    def serving(self) -> Mapping[str, list[str]]:
        """Capability to the providers that serve it."""
        return self._registry.serving()

    @property
    def sandbox(self) -> bool:
        """Whether answers are simulated."""
        return self.settings.engine.sandbox is Sandbox.ON

    @property
    def degraded(self) -> str:
        """Why the store is of no use now, or the other processes are out of reach; empty where all is well."""
        return self._company.degraded

    @property
    def cached(self) -> int:
        """Entries in the cache."""
        return len(self._cache)

    @property
    def under_way(self) -> int:
        """Flights that have not landed."""
        return self._coalescer.under_way

    def clear_cache(self) -> int:
        """Forget every answer; gives back how many entries that were. Ttls are forgotten with them.

        All that share the store forget theirs as well, within a second or so.
        """
        self._background(self._company.order(Act.FORGET))
        return self._forget()

    def _forget(self) -> int:
        self._whole.clear()
        self._company.forget()
        return self._cache.clear()

    def _say(self, event: Event) -> Any:
        self._tell(event)
        return event

    def _tell(self, event: Event) -> None:
        self.stats.observe(event)
        for listen in self._listeners:
            listen(event)
        self._audience.hear(event)

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call `listener` with every event as it happens, in the question's way: it must be quick and never raise."""
        self._listeners += (listener,)

    # operating

    async def reload(self, chosen: Settings) -> list[str]:
        """Let other settings hold from now on; gives back the names of those that only a restart can change.

        Providers whose settings are the same are not touched. Nothing under way is ended, and no quota, backoff or
        listing starts over: an attempt keeps the key and address it was sent with, the next try goes by the new.
        Raises SettingsError where they do not fit, and then nothing has changed.
        """
        async with self._renewing:
            wanted, late = settled(self.settings, chosen)
            for warning in settings.warnings(chosen, sorted(self._registry.providers)):
                _log.warning(warning)
            renewal = Renewal(self._fleet, _switched(wanted, self._switched))
            await renewal.build()
            for standing in renewal.newcomers:
                await self._company.restore(standing)
            renewed = renewal.adopt()
            self.settings = renewal.settings
            await self._company.share()
        self._probes.patience = self.settings.engine.deadline
        for standing in renewed:
            if standing.disabled and self._switched.get(standing.provider) is False:
                standing.disabled = "disabled by the operator"
            self._probes.watch_over(standing)
        return late

    @property
    def switched(self) -> Mapping[str, bool]:
        """Providers that were disabled (False) or enabled (True) since the start, whatever the settings say."""
        return self._switched

    async def disable(self, provider: str) -> None:
        """Ask a provider no more until it is enabled again or the engine restarts; raises InvalidQuery.

        This, `enable` and `reset` hold for all that share the store, within a second or so.
        """
        await self._switch(provider, on=False)
        await self._company.order(Act.DISABLE, provider)

    async def enable(self, provider: str) -> None:
        """Ask a provider that is disabled, by `disable` or in the settings, until the engine restarts."""
        await self._switch(provider, on=True)
        await self._company.order(Act.ENABLE, provider)

    async def _switch(self, provider: str, *, on: bool) -> None:
        self._installed(provider, "provider")
        self._switched[provider] = on
        await self.reload(self.settings)

    def reset(self, provider: str, *, force: bool = False) -> list[str]:
        """Open a provider's members that are closed; gives back those that stay closed.

        A refusal that the upstream itself demanded stands until it ends, unless `force`. Raises InvalidQuery.
        """
        self._installed(provider, "provider")
        self._background(self._company.order(Act.FORCE if force else Act.RESET, provider))
        return self._reset(provider, force=force)

    def _reset(self, provider: str, *, force: bool) -> list[str]:
        now, stand = self.clock.monotonic(), list[str]()
        for standing in self._fleet.standings.values():
            state = standing.breaker.state
            if standing.provider != provider or not state.closed:
                continue
            if state.demanded and state.until > now and not force:
                stand.append(standing.name)
            else:
                self._fetcher.conduct.move(standing, state, BreakerState(), now)
        return stand

    async def _obey(self, order: Order) -> None:
        """Do what another engine on the same store was told."""
        _log.info("ordered elsewhere", act=order.act.value, provider=order.provider)
        if order.act is Act.FORGET:
            self._forget()
        elif order.provider not in self._registry.providers:
            return
        elif order.act in (Act.RESET, Act.FORCE):
            self._reset(order.provider, force=order.act is Act.FORCE)
        else:
            await self._switch(order.provider, on=order.act is Act.ENABLE)

    # behind the questions

    def _changed(self, standing: Standing) -> None:
        """A member's state changed: keep it, and probe the member once its backoff is over."""
        self._company.changed(standing)
        self._probes.watch_over(standing)

    def _adopt(self, standing: Standing, told: BreakerState) -> None:
        """Another process was refused by the member, or had it fail."""
        self._fetcher.conduct.move(standing, standing.breaker.state, told, self.clock.monotonic())

    def _quarantine(self, standing: Standing, reason: str) -> None:
        """Set a provider aside that keeps doing what no plugin may."""
        for other in self._fleet.standings.values():
            if other.provider == standing.provider:
                other.quarantined = reason
                other.refresh()
        _log.warning("provider set aside", provider=standing.provider, reason=reason)

    def _background(self, work: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("work behind the questions failed", exc_info=error)

    async def upstream_answers(self, patience: float) -> bool:
        """Whether the health check of any primary that is reached over a network passes in so many seconds."""
        reached = [s for s in self._fleet.standings.values() if s.open and s.wire.address.hosts]
        return await self._probes.any_well(reached, patience)

    async def aclose(self) -> None:
        """End everything that is under way, keep what must survive, close every connection."""
        await self._streams.aclose()
        await self._company.fall_silent()
        await self._coalescer.aclose()
        self._probes.close()
        await self._fetcher.aclose()
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)
        try:
            await self._company.leave()
        finally:
            await self._fleet.aclose()


def _switched(chosen: Settings, switched: Mapping[str, bool]) -> Settings:
    """The settings with providers disabled or enabled beside them."""
    sections = {
        name: msgspec.structs.replace(chosen.provider(name), enabled=on) for name, on in switched.items()
    }
    return msgspec.structs.replace(chosen, providers={**chosen.providers, **sections})


def _seconds(given: float, field: str, *, at_least: float = MOMENT) -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not at_least <= given < math.inf:
        raise InvalidQuery(
            f"a number of seconds, {at_least:g} at least; got {str(given)[:40]!a}", field=field
        )
    return float(given)


def _pins(only: Sequence[str] | str, prefer: Sequence[str] | str) -> Pins:
    """The pins; one name may be given as plain text."""
    first, second = ((given,) if isinstance(given, str) else tuple(given) for given in (only, prefer))
    return Pins(first, second)


def _crossing(query: Query, pins: Pins, oldest: float) -> Pins:
    """The pins of a question whose answers are cross-checked, no voice older than so many seconds."""
    if not query.can_be_crossed():
        raise InvalidQuery(f"answers to {query.capability} cannot be compared", field="cross_check")
    return msgspec.structs.replace(pins, voices=oldest)


def _disagreeing(
    found: dict[Query, Entry], failed: dict[Query, FeedmuxError], now: float
) -> dict[str, Crossed]:
    """What was cross-checked, by element; where there is no consensus the part has failed."""
    crossed: dict[str, Crossed] = {}
    for part, entry in list(found.items()):
        if entry.crossed is None:
            continue
        crossed[part.elements[0]] = entry.crossed
        if entry.crossed.price is None:
            del found[part]
            wait = max(1.0, entry.good_until - now)
            failed[part] = NoConsensus(str(entry.crossed), retry_after=wait)
    return crossed


def _margin(deadline: float) -> float:
    return min(deadline / 2, max(deadline * MARGIN, GRACE + 0.01))


def _name(part: Query) -> str:
    words = [word for words in part.to_strings().values() for word in words]
    return " ".join((part.capability, *words))[:120]


def _cached(part: Query, entry: Entry | None, fresh: float, now: float) -> Cached:
    if entry is None:
        return Cached(at=now, what=_name(part), state="miss")
    age = now - entry.fetched
    state = "hit" if age <= fresh else "stale"
    return Cached(at=now, what=_name(part), state=state, age=age, provider=entry.provider)


def _hit(now: float, capability: str, items: int) -> Answered:
    return Answered(at=now, capability=capability, source="cache", seconds=0.0, items=items)


def _marked(item: Item, stale: bool) -> Item:
    return msgspec.structs.replace(item, stale=True) if stale else item


def _shared(failed: Mapping[Query, FeedmuxError]) -> FeedmuxError:
    """The error that all parts share, else NoProvider."""
    errors = list(failed.values())
    kinds = {type(error) for error in errors}
    waits = [error.retry_after for error in errors if error.retry_after is not None]
    if len(kinds) == 1:
        error = copy.copy(errors[0])  # a flight's error is shared; the trace is this caller's
        error.retry_after = min(waits, default=None)
        return error
    detail = "; ".join(dict.fromkeys(error.detail for error in errors))[:500]
    return NoProvider(detail, retry_after=min(waits, default=1.0))
