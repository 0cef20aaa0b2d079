"""Consensus: what several independent sources say together, and who stands apart. Pure.

Never an average of two that disagree: a price feed once lost a billion that way when a third source had gone missing
unnoticed (https://blog.synthetix.io/response-to-oracle-incident/).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from statistics import fmean, stdev

from msgspec import Struct
from msgspec.structs import replace

from feedmux.crossed import SOURCE, Crossed, Voice
from feedmux.items import Item, Quote

_NEVER = datetime.min.replace(tzinfo=UTC)
LARGEST_SHARE = 0.4
"""No source decides alone where three or more speak: its weight is capped at this share of all."""


class Said(Struct, frozen=True):
    """What one member gave to one question, and how much it weighs."""

    member: str
    weight: float
    items: tuple[Item, ...]


class Together(Struct, frozen=True):
    """What several members say together. `apart` names who is left out and why; `disagreement` says why there is
    nothing, empty where there is.
    """

    items: tuple[Item, ...]
    apart: Mapping[str, str] = {}
    disagreement: str = ""


class Vote(Struct, frozen=True):
    """One source's value. Sources that share an origin have one voice; `origin` may name several, by commas."""

    member: str
    origin: str
    value: float
    weight: float = 1.0

    @property
    def origins(self) -> frozenset[str]:
        return origins(self.origin)


class Verdict(Struct, frozen=True):
    """`value` is None where there is no consensus. `spread` is (largest - smallest) / mean of all voices heard."""

    value: float | None
    spread: float
    agreeing: tuple[Vote, ...]
    outliers: tuple[Vote, ...]


def consensus(votes: Sequence[Vote], tolerance: float) -> Verdict:
    """The weighted median of those who agree with the median of all.

    Two values agree where they lie at most `tolerance` of their mean apart. One voice is no consensus but is given
    as it is; two agree or there is none; of three or more at least two must agree. Values must be positive.
    """
    voices = one_voice_each(votes)
    if not voices:
        return Verdict(None, 0.0, (), ())
    if len(voices) == 1:
        return Verdict(voices[0].value, 0.0, voices, ())
    middle = weighted_median(voices)
    agreeing = tuple(vote for vote in voices if apart(vote.value, middle) <= tolerance)
    outliers = tuple(vote for vote in voices if vote not in agreeing)
    if len(agreeing) < 2 or (len(agreeing) == 2 and spread(agreeing) > tolerance):
        return Verdict(None, spread(voices), (), voices)
    return Verdict(weighted_median(agreeing), spread(voices), agreeing, outliers)


def one_voice_each(votes: Sequence[Vote]) -> tuple[Vote, ...]:
    """Of those who share an origin the vote with the largest weight, in the order of the votes."""
    heard: list[Vote] = []
    for vote in sorted(votes, key=lambda vote: (-vote.weight, vote.member)):
        if all(vote.origins.isdisjoint(other.origins) for other in heard):
            heard.append(vote)
    return tuple(vote for vote in votes if any(vote is one for one in heard))


def origins(named: str) -> frozenset[str]:
    """The origins that an item's `origin` names."""
    return frozenset(named.split(", "))


def weighted_median(votes: Sequence[Vote]) -> float:
    """The value at which half of the (capped) weight lies on either side; between two, their middle."""
    if len(votes) == 2:
        return (votes[0].value + votes[1].value) / 2
    ordered = sorted(votes, key=lambda vote: vote.value)
    weights = capped([vote.weight for vote in ordered])
    half, below = sum(weights) / 2, 0.0
    for place, (vote, weight) in enumerate(zip(ordered, weights, strict=True)):
        below += weight
        if abs(below - half) < 1e-12 and place + 1 < len(ordered):
            return (vote.value + ordered[place + 1].value) / 2
        if below > half:
            return vote.value
    return ordered[-1].value


def capped(weights: Sequence[float]) -> list[float]:
    """Shares of 1, none above LARGEST_SHARE where three or more speak; what is cut goes to the others by weight."""
    total = sum(weights)
    shares = [weight / total for weight in weights]
    if len(shares) < 3:
        return shares
    full: set[int] = set()
    while any(share > LARGEST_SHARE + 1e-12 for share in shares):
        full |= {place for place, share in enumerate(shares) if share > LARGEST_SHARE}
        rest = sum(share for place, share in enumerate(shares) if place not in full)
        left = 1.0 - LARGEST_SHARE * len(full)
        shares = [
            LARGEST_SHARE if place in full else share * left / rest for place, share in enumerate(shares)
        ]
    return shares


def spread(votes: Sequence[Vote]) -> float:
    """(largest - smallest) / mean, 0 for one."""
    values = [vote.value for vote in votes]
    return (max(values) - min(values)) / fmean(values)


def apart(one: float, other: float) -> float:
    """How far two values lie apart, as a share of their mean."""
    return abs(one - other) / fmean((one, other))


def median_quote(said: Sequence[Said], tolerance: float) -> Together:
    """One quote at the median price of those who agree, its origin naming them; a single voice as it is.

    Only the price is combined: volumes and ranges of different markets make no number that anybody gave.
    """
    quotes = {one.member: quote for one in said for quote in one.items if isinstance(quote, Quote)}
    votes = [
        Vote(one.member, quotes[one.member].origin, quotes[one.member].price, one.weight) for one in said
    ]
    verdict = consensus(votes, tolerance)
    if len(votes) == 1 or not votes:
        return Together(tuple(quotes.values()))
    says = {vote.member: f"says {vote.value:g}" for vote in verdict.outliers}
    if verdict.value is None:
        told = ", ".join(f"{vote.origin} {vote.value:g}" for vote in votes)
        return Together((), says, f"no consensus: {told}")
    heard = [quotes[vote.member] for vote in verdict.agreeing]
    says = {member: f"{why}, the others {verdict.value:g}" for member, why in says.items()}
    return Together((_combined(heard, verdict.value),), says)


def cross(said: Mapping[str, tuple[float, Quote]], tolerance: float, left_out: Mapping[str, str]) -> Crossed:
    """What members, each with its weight, say about one symbol, side by side; at least one must have spoken."""
    votes = [Vote(member, quote.origin, quote.price, weight) for member, (weight, quote) in said.items()]
    verdict = consensus(votes, tolerance)
    heard = one_voice_each(votes)
    echoes = {vote.member: f"{vote.origin} is heard already" for vote in votes if vote not in heard}
    prices = [vote.value for vote in heard]
    one = said[heard[0].member][1]
    return Crossed(
        symbol=one.symbol,
        vs=one.vs,
        price=verdict.value,
        mean=fmean(prices),
        median=verdict.value,
        min=min(prices),
        max=max(prices),
        stdev=stdev(prices) if len(prices) > 1 else 0.0,
        variance=verdict.spread,
        sources=len(prices),
        confidence=_confidence(verdict, len(prices)),
        all_prices=tuple(prices),
        voices=tuple(_voice(vote, said[vote.member][1], verdict) for vote in heard),
        left_out={**left_out, **echoes},
    )


def _confidence(verdict: Verdict, sources: int) -> float:
    if verdict.value is None:
        return 0.0
    return 0.5 if sources == 1 else 1.0 - min(verdict.spread, 1.0)


def _voice(vote: Vote, quote: Quote, verdict: Verdict) -> Voice:
    agrees = vote in verdict.agreeing
    return Voice(quote.provider, vote.member, vote.origin, vote.value, quote.observed_at, agrees)


def agreed(crossed: Crossed, said: Mapping[str, Quote]) -> tuple[Quote, ...]:
    """The quote that those who agree make together; the only voice's as it is; none where there is no consensus."""
    heard = [said[voice.member] for voice in crossed.voices if voice.agrees]
    if crossed.price is None or len(heard) < 2:
        return tuple(heard)
    return (replace(_combined(heard, crossed.price), provider=SOURCE),)


def _combined(heard: Sequence[Quote], price: float) -> Quote:
    oldest = min(heard, key=lambda quote: quote.observed_at or _NEVER)
    return Quote(
        symbol=oldest.symbol,
        price=price,
        vs=oldest.vs,
        name=oldest.name,
        ambiguous=any(quote.ambiguous for quote in heard),
        provider=oldest.provider,
        origin=", ".join(sorted(quote.origin for quote in heard)),
        observed_at=oldest.observed_at,
        fetched_at=min((quote.fetched_at for quote in heard if quote.fetched_at), default=None),
        stale=any(quote.stale for quote in heard),
    )
