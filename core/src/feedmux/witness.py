"""Witnesses: a price that needs a second word, who confirms it, and who contradicts it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from feedmux.cache import Entry
from feedmux.errand import Errand
from feedmux.errors import FeedmuxError
from feedmux.event import Reason
from feedmux.panel import unconfirmed
from feedmux.rotation import Candidate
from feedmux.route import Pins

if TYPE_CHECKING:
    from feedmux.router import Router

_NEVER = (Reason.NOT_PINNED, Reason.NOT_LISTED, Reason.NOT_SERVED, Reason.DISABLED, Reason.NEEDS_KEY)
"""Why a member could not be a witness at any time."""


class Witnesses:
    """Weighs the words of one walk against each other."""

    def __init__(self, router: Router, pins: Pins) -> None:
        self._router = router
        self._pins = pins
        self._keeper = router.fetcher.keeper

    def may_be_asked(self, candidate: Candidate) -> bool:
        """Whether another may be asked because of this one's doubtful word.

        To ask for confirmation draws on the budget. A suspect's doubtful word is a failed try, and falling over to
        another is not budgeted.
        """
        if self._keeper.suspects(candidate):
            return True
        return self._router.budget.spend(self._router.clock.monotonic())

    def heard(self, errand: Errand, entry: Entry) -> None:
        """A good answer came: it is weighed against the word that is in doubt, where there is one."""
        suspect, part = errand.suspect, errand.part
        if suspect is None:
            return
        if self._keeper.agree(part, suspect, entry):
            self._keeper.doubts.agreed(suspect.member, part)
            return
        self._keeper.cache.forget_jump(part, suspect.member)
        conduct = self._router.fetcher.conduct
        if not self._keeper.is_backed(part, entry, suspect):
            conduct.disputed(suspect.member, part)
            return
        conduct.contradicted(suspect, entry, part)
        self._keeper.retract(suspect.member)

    def doubted(
        self, candidate: Candidate, errand: Errand, entry: Entry, may_ask: bool
    ) -> Entry | FeedmuxError | None:
        """A word is in doubt: how that ends the errand, or None where another is asked.

        The second member to say so confirms it.
        """
        first, part = errand.suspect, errand.part
        if first is not None and (confirmed := self._keeper.confirmed(part, first, entry)):
            return confirmed
        if not self._keeper.knows(part, entry) and not self._are_there(candidate, errand):
            self._keeper.cache.keep(part, entry)
            return entry
        errand.failed(candidate, unconfirmed(candidate))
        self._keeper.cache.remember_jump(part, entry)
        errand.suspect = entry
        return errand.errors[-1] if first is not None or not may_ask else None

    def _are_there(self, candidate: Candidate, errand: Errand) -> bool:
        """Whether anybody else could say something about it, now or once its time has come."""
        route = self._router.route((errand.part,), self._pins)
        able: Iterable[Candidate] = (
            *route.order,
            *(skip.candidate for skip in route.skips if skip.reason not in _NEVER),
        )
        return any(one.source != candidate.source for one in able)
