"""What came of a simulation: nothing in it depends on how fast the machine was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from feedmux.limits import Counts


class Share(Struct, frozen=True):
    """One provider: how many answers it gave, of all given; requests to it, of all sent (`traffic`), refusals by it, times it banned us.

    `used` maps each of its windows to the share of it that its requests filled over the whole time.
    """

    provider: str
    answers: int
    share: float
    requests: int
    traffic: float
    refused: int
    banned: int
    used: Mapping[str, float] = {}


class Moment(Struct, frozen=True):
    """A stretch of the time: what each provider gave, how many questions were stale or lost, half the waiting times."""

    begins: float
    given: Mapping[str, int]
    stale: int
    lost: int
    median_ms: float | None


class Side(Struct, frozen=True):
    """One way of asking: the engine's, that of a client that counts nothing, or what a log tells.

    Latencies are in milliseconds of the simulated time, of all questions that were answered, those from the cache
    included. `saved` is the share of the answers that cost no request. `wrong` are prices off the truth by more than 5 %, not marked
    stale. `broken` names promises that did not hold.
    """

    questions: int
    fresh: int
    stale: int
    lost: Mapping[str, int]
    wrong: int | None
    requests: int
    refused: int
    worst_refused_in_5_min: int
    saved: float
    latency_ms: Mapping[str, float]
    upstream_latency_ms: Mapping[str, float]
    providers: Sequence[Share]
    moments: Sequence[Moment]
    broken: Sequence[str] = ()

    @property
    def lost_in_all(self) -> int:
        """Questions that got an error."""
        return sum(self.lost.values())


class Shown(Struct, frozen=True):
    """A fault that the scenario holds; seconds from the start."""

    kind: str
    provider: str
    begins: float
    ends: float
    value: float


class Filled(Struct, frozen=True):
    """A window of a pool: the most that any stretch of its length held, as logged and replayed, in what it counts.

    `skipped` says how often, in the replay, somebody else was asked or nobody because the pool's quota was used up.
    """

    pool: str
    limit: int
    per: float
    counts: Counts
    logged: int
    replayed: int
    skipped: int


class LeftOut(Struct, frozen=True):
    """Questions, or lines, of a log that are on neither side: how many, why, and what each provider was sent for them."""

    why: str
    count: int
    requests: Mapping[str, int] = {}


class Outcome(Struct, frozen=True):
    """A scenario's, or a replay's. `names` are those of `ours` and of `beside`.

    `windows`, `left_out` and `notes`, what else is to be known of it, are a replay's alone.
    """

    name: str
    about: str
    seed: int
    seconds: float
    ours: Side
    beside: Side | None
    faults: Sequence[Shown]
    names: tuple[str, str] = ("Feedmux", "counting nothing")
    windows: Sequence[Filled] = ()
    left_out: Sequence[LeftOut] = ()
    notes: Sequence[str] = ()

    @property
    def sides(self) -> Mapping[str, Side]:
        """Each side there is, by its name."""
        return dict(zip(self.names, (self.ours, *([self.beside] if self.beside else [])), strict=False))


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Half, nine tenths, 99 in 100 and the largest, by name; empty where there are none."""
    ordered = sorted(values)
    if not ordered:
        return {}
    places = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
    found = {
        name: ordered[min(len(ordered) - 1, int(share * len(ordered)))] for name, share in places.items()
    }
    return {name: round(value, 3) for name, value in {**found, "max": ordered[-1]}.items()}
