"""Updates in the words of `/v1/stream`: JSON, encoded once, the age put at its end as it is sent."""

from __future__ import annotations

import msgspec

from feedmux_server.stream.update import Changed, Lapsed


class Aged:
    """`{"type": kind, body, "gap": …, "age": …}`. Its age counts from `since`, to a hundredth of a second."""

    __slots__ = ("_body", "_head", "_last", "_since", "gap", "snapshot")

    def __init__(
        self, head: str, body: str, since: float, *, gap: float = 0.0, snapshot: bool = False
    ) -> None:
        self._head = head
        self.gap = gap
        self._body = body
        self._since = since
        self._last = (-1, "")
        self.snapshot = snapshot
        """Whether it is the first that a client gets of a topic."""

    def text(self, now: float) -> str:
        age = max(0, round((now - self._since) * 100))
        if self._last[0] != age:
            self._last = (age, f'{self._head}{self._body}"gap":{self.gap:g},"age":{age / 100}}}')
        return self._last[1]

    def as_snapshot(self, skipped: int | None) -> Aged:
        """The same as the first of its topic; `skipped` changes lie between it and what the client had before."""
        tail = "" if skipped is None else f'"skipped":{skipped},'
        head = '{"type":"snapshot",' + tail
        return Aged(head, self._body, self._since, gap=self.gap, snapshot=True)

    def overtaking(self, other: object) -> Aged:
        """The same in the place of another that was not sent: what that had to say of a gap is said."""
        if not isinstance(other, Aged) or other.gap <= self.gap:
            return self
        return Aged(self._head, self._body, self._since, gap=other.gap, snapshot=self.snapshot)


def updated(update: Changed) -> Aged:
    """A change: the answer as REST gives it, with its topic and number."""
    document = {"topic": update.name, "seq": update.seq, **update.answer.document()}
    document.pop("gap", None)
    return Aged('{"type":"update",', text_of(document)[1:-1] + ",", update.since, gap=update.gap)


def lapsed(update: Lapsed) -> Aged:
    """The last answer is too old to be one."""
    document = {"topic": update.name, "seq": update.seq}
    return Aged('{"type":"stale",', text_of(document)[1:-1] + ",", update.since)


def text_of(document: object) -> str:
    """JSON text."""
    return msgspec.json.encode(document).decode()
