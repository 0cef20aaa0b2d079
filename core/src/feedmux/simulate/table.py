"""An outcome in rows, for a terminal and for a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from feedmux.simulate.outcome import Side

HEADS = ("provider", "answers", "share", "requests", "of all", "refused", "banned", "windows used")


def rows(side: Side) -> tuple[Sequence[str], list[tuple[str, ...]]]:
    """A row for each provider, and their headings."""
    return HEADS, [
        (
            share.provider,
            f"{share.answers:,}",
            f"{share.share:.1%}",
            f"{share.requests:,}",
            f"{share.traffic:.1%}",
            f"{share.refused:,}",
            f"{share.banned:,}",
            ", ".join(f"{name} {used:.1%}" for name, used in share.used.items()),
        )
        for share in side.providers
    ]


def summary(sides: Sequence[Side]) -> list[tuple[str, ...]]:
    """A row for each figure, a column for each side."""
    return [
        ("questions", *(f"{side.questions:,}" for side in sides)),
        ("answered fresh", *(_of(side.fresh, side) for side in sides)),
        ("answered, marked stale", *(_of(side.stale, side) for side in sides)),
        ("lost", *(_lost(side) for side in sides)),
        ("wrong prices", *(f"{side.wrong:,}" for side in sides)),
        ("requests to upstreams", *(f"{side.requests:,}" for side in sides)),
        ("answers that cost no request", *(f"{side.saved:.1%}" for side in sides)),
        ("refusals (429, 418)", *(f"{side.refused:,}" for side in sides)),
        ("most refusals in 5 minutes", *(f"{side.worst_refused_in_5_min:,}" for side in sides)),
        ("wait, all questions", *(_waits(side.latency_ms) for side in sides)),
        ("wait, an upstream was asked", *(_waits(side.upstream_latency_ms) for side in sides)),
    ]


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
