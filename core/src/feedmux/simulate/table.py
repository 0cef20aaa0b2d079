"""An outcome in rows, for a terminal and for a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from feedmux.cell import span
from feedmux.limits import DAY, MONTH, Counts
from feedmux.simulate.outcome import Filled, Outcome, Side

HEADS = ("provider", "answers", "share", "requests", "of all", "refused", "banned", "windows used")
FORESEES = 50
"""How many times as long as the log a window may be, for its fill to be foreseen from it."""
_EACH = {1: "a second", 60: "a minute", 3600: "an hour", DAY: "a day", MONTH: "a month"}


def rows(side: Side) -> tuple[Sequence[str], list[tuple[str, ...]]]:
    """A row for each provider, and their headings."""
    columns = len(HEADS) if any(share.used for share in side.providers) else -1
    return HEADS[:columns], [
        (
            share.provider,
            f"{share.answers:,}",
            f"{share.share:.1%}",
            f"{share.requests:,}",
            f"{share.traffic:.1%}",
            f"{share.refused:,}",
            f"{share.banned:,}",
            ", ".join(f"{name} {used:.1%}" for name, used in share.used.items()),
        )[:columns]
        for share in side.providers
    ]


def summary(sides: Sequence[Side]) -> list[tuple[str, ...]]:
    """A row for each figure, a column for each side."""
    return [
        ("questions", *(f"{side.questions:,}" for side in sides)),
        ("answered fresh", *(_of(side.fresh, side) for side in sides)),
        ("answered, marked stale", *(_of(side.stale, side) for side in sides)),
        ("lost", *(_lost(side) for side in sides)),
        *([("wrong prices", *(f"{side.wrong:,}" for side in sides))] if sides[0].wrong is not None else []),
        ("requests to upstreams", *(f"{side.requests:,}" for side in sides)),
        ("answers that cost no request", *(f"{side.saved:.1%}" for side in sides)),
        ("refusals (429, 418)", *(f"{side.refused:,}" for side in sides)),
        ("most refusals in 5 minutes", *(f"{side.worst_refused_in_5_min:,}" for side in sides)),
        ("wait, all questions", *(_waits(side.latency_ms) for side in sides)),
        ("wait, an upstream was asked", *(_waits(side.upstream_latency_ms) for side in sides)),
    ]


def quotas(outcome: Outcome) -> list[str]:
    """Whether the replay stays inside the quotas, then how full each window that was used was at its fullest."""
    used = [one for one in outcome.windows if one.logged or one.replayed]
    fullest = {one.pool: one for one in sorted(used, key=_fill)}
    told = [_filled(one, outcome.seconds, passing=fullest[one.pool] is one) for one in used]
    return [_verdict(used), *told] if used else []


def _verdict(used: Sequence[Filled]) -> str:
    spent = dict.fromkeys(one.pool for one in used if one.skipped or one.replayed >= one.limit)
    if spent:
        return f"Used up at times, in the replay: the quota of {', '.join(spent)}."
    most = max(used, key=_fill)
    return f"Inside every quota: the fullest window of the replay, of {most.pool}, held {_fill(most):.0%}."


def _fill(one: Filled) -> float:
    return one.replayed / one.limit


def left_out(outcome: Outcome) -> list[str]:
    """What is on neither side, in words."""
    return [f"{one.count:,} left out: {one.why}{_got(one.requests)}" for one in outcome.left_out]


def _got(requests: Mapping[str, int]) -> str:
    told = ", ".join(f"{name} {count:,}" for name, count in requests.items())
    return f" (requests as logged: {told})" if told else ""


def _filled(one: Filled, seconds: float, *, passing: bool) -> str:
    """`passing`: it is the window to say of how often its pool was passed over."""
    units = " units" if one.counts is Counts.COST else ""
    told = (
        f"{one.pool}: {one.logged:,} of {one.limit:,}{units} {_each(one.per)} as logged, "
        f"{one.replayed:,} of {one.limit:,} replayed"
    )
    if one.skipped and passing:
        told += f", passed over {one.skipped:,} times because its quota was used up"
    if one.per / FORESEES <= seconds < one.per:
        pace = [count * one.per / seconds for count in (one.logged, one.replayed)]
        told += f"; at this pace {pace[0]:,.0f} and {pace[1]:,.0f}"
    return told


def _each(per: float) -> str:
    return _EACH.get(per) or f"in {span(per)}"


def clock(seconds: float) -> str:
    """Such as 6:30:00."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _of(count: int, side: Side) -> str:
    return f"{count:,} ({count / side.questions:.2%})" if side.questions else "0"


def _lost(side: Side) -> str:
    if not side.lost:
        return "0"
    return f"{_of(side.lost_in_all, side)}: " + ", ".join(
        f"{name} {count:,}" for name, count in side.lost.items()
    )


def _waits(found: Mapping[str, float]) -> str:
    if not found:
        return "none"
    return f"p50 {found['p50']:.0f}, p90 {found['p90']:.0f}, p99 {found['p99']:.0f} ms"
