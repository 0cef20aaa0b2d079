"""What a Valkey server keeps of all holders' shares, in one value: what is lost of it is lost as a whole. Pure.

Every time in it is the server's own, in Unix seconds, so that the clocks of the machines need not agree.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeAlias

from msgspec import Struct, structs

from feedmux.grants import PRESENCE, grants_for
from feedmux.leases import Beat, Claim, Grant, Share, spent

FORM = 1
"""Of the value; one that is higher is of a version of Feedmux to come."""
KEEP = 600.0
"""Seconds of silence, while others are heard, for which a holder counts as alive: it may be cut off and still send."""
SETTLE = 8.0
"""Seconds in which everybody who lives has surely said what they have: a renewal is due each second, or after a rest of five."""
QUIET = 5.0
"""Seconds of silence after which nobody makes room for what a holder lacks."""
Held: TypeAlias = dict[str, tuple[Share, ...]]
"""The shares of each window."""


class Holder(Struct, frozen=True, array_like=True):
    """Who renews. `seen`: when it last did; `heard`: the same, put off by every time in which nobody was heard.

    `machine` names where it runs, for those who can look there whether it does; empty where it does not say.
    """

    seen: float
    heard: float
    machine: str = ""


class Shares(Struct, frozen=True, array_like=True):
    """All of it. Before `settles` everybody keeps what they have and nobody gets more; `written`: by anybody, the last."""

    form: int
    settles: float
    written: float
    holders: dict[str, Holder]
    held: Held


def begun(now: float) -> Shares:
    """Nothing is known: somebody may live who has a share and has not said so yet."""
    return Shares(FORM, now + SETTLE, now, {}, {})


def resumed(shares: Shares, now: float, sure: Collection[str], *, behind: bool) -> Shares:
    """The shares as they hold now. Of those in `sure` it is known what they have; `behind`: they were newer before.

    While nobody was heard nobody was silent. What was restored from a copy may lack who came after it.
    """
    lull = now - shares.written
    if abs(lull) <= SETTLE:
        return structs.replace(shares, settles=now + SETTLE) if behind else shares
    holders = {n: structs.replace(one, heard=one.heard + lull) for n, one in shares.holders.items()}
    settles = now + SETTLE if behind or holders.keys() - set(sure) else min(shares.settles, now)
    return structs.replace(shares, settles=settles, written=now, holders=holders)


def renewed(
    shares: Shares,
    holder: str,
    machine: str,
    now: float,
    claims: Sequence[Claim],
    gone: Collection[str],
    *,
    final: bool,
) -> tuple[Shares, list[Grant]]:
    """The shares once a holder has renewed its own, and what it is granted."""
    holders = {**shares.holders, holder: Holder(now, now, machine)}
    beats = {n: Beat(n not in gone and now - one.heard < KEEP, one.seen) for n, one in holders.items()}
    said = [*claims, PRESENCE]
    grants = grants_for(holder, now, said, _heeded(shares.held, holders, now), beats)
    if now < shares.settles:
        grants = [
            structs.replace(one, units=min(one.units, claim.holds), spare=claim.limit)
            for claim, one in zip(said, grants, strict=True)
        ]
    held = {
        window: tuple(one for one in all_of_it if one.holder != holder and not spent(one, beats, now))
        for window, all_of_it in shares.held.items()
    }
    for claim, grant in zip(said, grants, strict=True):
        own = _share(holder, claim, claim.used if final else grant.units, now, final=final)
        held[claim.window] = (*held.get(claim.window, ()), own)
    held = {window: left for window, left in held.items() if left}
    alive = {one.holder for left in held.values() for one in left if not one.final}
    known = {name: one for name, one in holders.items() if name in alive}
    return Shares(FORM, shares.settles, now, known, held), grants[:-1]


def _heeded(held: Held, holders: dict[str, Holder], now: float) -> Held:
    """The shares, without what those lack who say nothing any more."""
    quiet = {name for name, one in holders.items() if now - one.seen > QUIET}
    return {
        window: tuple(structs.replace(one, wants=0) if one.holder in quiet else one for one in all_of_it)
        for window, all_of_it in held.items()
    }


def _share(holder: str, claim: Claim, units: int, now: float, *, final: bool) -> Share:
    return Share(holder, units, claim.wants, claim.since, claim.per, claim.occupied, now, final)


def shifted(claim: Claim, ahead: float) -> Claim:
    """A claim whose times are those of a clock that is so many seconds ahead."""
    occupied = tuple((until + ahead, units) for until, units in claim.occupied)
    return structs.replace(claim, occupied=occupied, since=claim.since + ahead)
