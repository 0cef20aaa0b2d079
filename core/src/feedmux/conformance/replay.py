"""An upstream made of cases: it answers what they answer, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlsplit

from feedmux.conformance.case import Case
from feedmux.errors import UpstreamDown
from feedmux.transport import Incoming, Outgoing


class Replay:
    """Answers with `case`, and where something else is asked for (a listing, a second page) with the other cases."""

    simulated = False

    def __init__(self, case: Case, others: Sequence[Case], hosts: Sequence[str]) -> None:
        self.seen: list[Outgoing] = []
        self.unanswered: list[str] = []
        """Targets for which there is no case."""
        self._begun = False
        self._case = case
        self._others = others
        self._hosts = hosts

    async def send(self, outgoing: Outgoing) -> Incoming:
        self.seen.append(outgoing)
        target = below(outgoing.url, self._hosts)
        case = self._answering(target)
        if case is None:
            self.unanswered.append(target)
            raise UpstreamDown(f"no case answers {target}")
        return Incoming(case.status, case.headers, case.content)

    def _answering(self, target: str) -> Case | None:
        asked, own = canonical(target), canonical(self._case.target)
        if own == asked:
            self._begun = True
            return self._case
        for other in self._others:
            if other.succeeds and other.target and canonical(other.target) == asked:
                return other
        half_of_it = (
            self._begun and own[0] == asked[0]
        )  # a batch that brought nothing is asked for again in halves
        return self._case if half_of_it or not self._case.target else None

    async def aclose(self) -> None:
        """Nothing is open."""


class Constant:
    """Answers everything alike."""

    simulated = False

    def __init__(self, status: int, content: bytes) -> None:
        self.seen: list[Outgoing] = []
        self._incoming = Incoming(status, {}, content)

    async def send(self, outgoing: Outgoing) -> Incoming:
        self.seen.append(outgoing)
        return self._incoming

    async def aclose(self) -> None:
        """Nothing is open."""


def below(url: str, hosts: Sequence[str]) -> str:
    """Path and query of a URL below whichever host it belongs to; of a foreign one, the whole."""
    found = [host for host in hosts if url == host or url.startswith((f"{host}/", f"{host}?"))]
    return url[len(max(found, key=len)) :] if found else url


def canonical(target: str) -> tuple[str, list[tuple[str, str]]]:
    """A target that compares equal whatever the order of its parameters."""
    split = urlsplit(target)
    return split.path, sorted(parse_qsl(split.query, keep_blank_values=True))
