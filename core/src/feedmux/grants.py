"""Grants: the shares that one holder is granted of all its windows, given what a store says of the others. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import structs

from feedmux.leases import HOURS, LATE, Beat, Claim, Grant, Share, granted

PRESENCE = Claim("", 0, 0.0, ())
"""Says that its holder has said what it has, though it were nothing."""


def grants_for(
    holder: str,
    wall: float,
    claims: Sequence[Claim],
    shares: Mapping[str, Sequence[Share]],
    beats: Mapping[str, Beat],
) -> list[Grant]:
    """Nobody grows while there is somebody who has not said what they have, alive or dead for less than a window.

    What one of these sent of a window longer than an hour is not known any more.
    """
    known = {holder} | {one.holder for held in shares.values() for one in held}
    strangers = [beat for name, beat in beats.items() if name not in known]
    grants = []
    for claim in claims:
        others = [one for one in shares.get(claim.window, ()) if one.holder != holder]
        grant = granted(claim, others, beats, wall)
        hidden = any(one.alive or wall < one.seen + LATE + min(claim.per, HOURS) for one in strangers)
        kept = min(grant.units, claim.holds) if hidden else grant.units
        grants.append(structs.replace(grant, units=kept))
    return grants
