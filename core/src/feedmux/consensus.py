"""Consensus: what several independent sources say together, and who stands apart. Pure.

Never an average of two that disagree: a price feed once lost a billion that way when a third source had gone missing
unnoticed (https://blog.synthetix.io/response-to-oracle-incident/).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct

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
    """One source's value. Sources of one `origin` have one voice."""

    member: str
    origin: str
    value: float
    weight: float = 1.0


class Verdict(Struct, frozen=True):
    """`value` is None where there is no consensus. `spread` is (largest - smallest) / mean of all voices heard."""

    value: float | None
    spread: float
    agreeing: tuple[Vote, ...]
    outliers: tuple[Vote, ...]


def consensus(votes: Sequence[Vote], tolerance: float) -> Verdict:
    """The weighted median of those within `tolerance` (a share of the median) of it.

    One voice is no consensus but is given as it is; two agree or there is none; of three or more at least two must
    agree. Values must be positive.
    """
    voices = one_voice_each(votes)
    if not voices:
        return Verdict(None, 0.0, (), ())
    middle = weighted_median(voices)
    agreeing = tuple(vote for vote in voices if abs(vote.value - middle) <= tolerance * middle)
    outliers = tuple(vote for vote in voices if vote not in agreeing)
    if len(voices) == 1:
        return Verdict(voices[0].value, 0.0, voices, ())
    if len(agreeing) < 2 or (len(voices) == 2 and outliers):
        return Verdict(None, spread(voices), (), voices)
    return Verdict(weighted_median(agreeing), spread(voices), agreeing, outliers)


def one_voice_each(votes: Sequence[Vote]) -> tuple[Vote, ...]:
    """Of each origin the vote with the largest weight, in the order of the votes."""
    heard: dict[str, Vote] = {}
    for vote in votes:
        known = heard.get(vote.origin)
        if known is None or vote.weight > known.weight:
            heard[vote.origin] = vote
    return tuple(heard.values())


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
    return (max(values) - min(values)) / (sum(values) / len(values))


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
    apart = {vote.member: f"says {vote.value:g}" for vote in verdict.outliers}
    if verdict.value is None:
        told = ", ".join(f"{vote.origin} {vote.value:g}" for vote in votes)
        return Together((), apart, f"no consensus: {told}")
    heard = [quotes[vote.member] for vote in verdict.agreeing]
    apart = {member: f"{why}, the others {verdict.value:g}" for member, why in apart.items()}
    return Together((_combined(heard, verdict.value),), apart)


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
