"""The protocol of `/v1/stream`: any question, many on one connection. `docs/users.md` has it as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta, Struct

from feedmux import FeedmuxError, InvalidQuery, Query
from feedmux.settings import nearest
from feedmux_server.problem import Problem, of_status, problem_of
from feedmux_server.stream.hub import Hub
from feedmux_server.stream.mailbox import Fixed, Mailbox
from feedmux_server.stream.topic import Topic, name_of
from feedmux_server.stream.update import Changed, Failed, Lapsed, Update
from feedmux_server.stream.wording import Aged, lapsed, text_of, updated

PATH = "/v1/stream"
HEARTBEAT = 15.0
"""Seconds of silence on our side after which a heartbeat is sent."""
BATCH = 256 * 1024
"""Characters of one frame that holds several messages, about."""


class Options(Struct, frozen=True):
    """`batch`: one frame may hold several messages, as a JSON array."""

    batch: bool = False


class TooMany(FeedmuxError):
    """The client listens to as much as one connection may."""

    status: ClassVar[int] = 429
    slug: ClassVar[str] = "too-many-topics"
    title: ClassVar[str] = "Too much for one connection"


class Said(Struct, frozen=True):
    """A client's message."""

    type: str
    id: Annotated[str, Meta(min_length=1, max_length=64)] = "0"
    capability: str = ""
    params: Mapping[str, Any] = {}
    epoch: str = ""
    resume: Mapping[str, int] = {}


class Heard(Struct):
    """What a client knows of a topic: the subscriptions that hold it, whether it was given a snapshot, what it had before."""

    ids: dict[str, None]
    begun: bool = False
    known: int | None = None


class Native:
    """One client's subscriptions. `most` is how many topics it may listen to."""

    def __init__(self, hub: Hub, most: int, rate: int, options: Options) -> None:
        self.mailbox = Mailbox(hub.mux.clock)
        self._hub = hub
        self._most = most
        self._rate = rate
        self._options = options
        self._topics: dict[Topic, Heard] = {}
        self._ids: dict[str, dict[Topic, None]] = {}

    # what a connection asks of it

    def opened(self) -> None:
        self._reply(
            "hello",
            epoch=self._hub.epoch,
            client_id=self._hub.client_id(),
            heartbeat=HEARTBEAT,
            sandbox=self._hub.mux.sandbox,
            topics=self._most,
            messages_per_second=self._rate,
        )

    def heard(self, text: str) -> None:
        given = ""
        try:
            document = _document(text)
            given = document["id"] if isinstance(document.get("id"), str) else ""
            self._answer(_said(document))
        except FeedmuxError as error:
            self.mailbox.reply(_problem(error, given[:64]))

    def refused(self, status: int, detail: str) -> None:
        self.mailbox.reply(_worded(of_status(status, PATH, detail), {}))

    def next(self, now: float) -> str | None:
        first = self.mailbox.take(now)
        if first is None or not self._options.batch:
            return first
        texts, size = [first], len(first)
        while size < BATCH and (text := self.mailbox.take(now)) is not None:
            texts.append(text)
            size += len(text)
        return f"[{','.join(texts)}]" if len(texts) > 1 else first

    def heartbeat_at(self, heard: float, sent: float) -> float:
        return sent + HEARTBEAT

    def heartbeat(self) -> str:
        return text_of({"type": "heartbeat", "at": self._hub.mux.clock.now()})

    def closed(self) -> None:
        for topic in self._topics:
            self._hub.part(topic, self)
        self._topics.clear()
        self._ids.clear()

    # what a client says

    def _answer(self, said: Said) -> None:
        match said.type:
            case "subscribe":
                self._subscribe(said)
            case "unsubscribe":
                self._unsubscribe(said.id)
            case "ping":
                self._reply("pong", id=said.id, at=self._hub.mux.clock.now())
            case _:
                raise InvalidQuery(
                    f"{said.type[:40]!a} is no message; there are subscribe, unsubscribe, ping", field="type"
                )

    def _subscribe(self, said: Said) -> None:
        if said.id in self._ids:
            raise InvalidQuery("is in use on this connection", field="id")
        parts = self._question(said).parts()
        if len(self._topics) + len(parts) > self._most:
            raise TooMany(f"at most {self._most} topics on one connection")
        same = said.epoch == self._hub.epoch
        topics = [name_of(part) for part in parts]
        self._reply("subscribed", id=said.id, epoch=self._hub.epoch, topics=topics)
        self._ids[said.id] = {}
        try:
            for part, name in zip(parts, topics, strict=True):
                self._listen(part, said.id, said.resume.get(name) if same else None)
        except FeedmuxError:
            self._drop(said.id)
            raise

    def _question(self, said: Said) -> Query:
        kinds = self._hub.mux.queries
        if said.capability not in kinds:
            known = nearest(said.capability[:40], sorted(kinds))
            raise InvalidQuery(f"{said.capability[:40]!a} is not known{known}", field="capability")
        return kinds[said.capability].from_strings(_texts(said.params))

    def _listen(self, query: Query, id_: str, known: int | None) -> None:
        topic = self._hub.join(query, self)
        heard = self._topics.setdefault(topic, Heard({}))
        heard.ids[id_] = None
        heard.begun, heard.known = False, known
        self._ids[id_][topic] = None
        if topic.last is not None:
            self.hear(topic, topic.last)

    def _unsubscribe(self, id_: str) -> None:
        if id_ not in self._ids:
            raise InvalidQuery("no subscription of this connection has it", field="id")
        self._drop(id_)
        self._reply("unsubscribed", id=id_)

    def _drop(self, id_: str) -> None:
        for topic in self._ids.pop(id_):
            self.mailbox.forget((topic, id_))
            del self._topics[topic].ids[id_]
            if not self._topics[topic].ids:
                self.mailbox.forget(topic)
                del self._topics[topic]
                self._hub.part(topic, self)

    # what a topic says

    def hear(self, topic: Topic, update: Update) -> None:
        heard = self._topics[topic]
        match update:
            case Changed():
                self._changed(topic, heard, update)
            case Lapsed():
                self._hub.overtaken += self.mailbox.put(topic, update.worded(lapsed))
            case Failed():
                self._failed(topic, heard, update)

    def _changed(self, topic: Topic, heard: Heard, update: Changed) -> None:
        message: Aged = update.worded(updated)
        waiting = self.mailbox.waiting(topic)
        first = not heard.begun or (isinstance(waiting, Aged) and waiting.snapshot)
        heard.begun = True
        if first:
            if heard.known == update.seq:
                return
            message = message.as_snapshot(_skipped(heard.known, update.seq))
        self._hub.overtaken += self.mailbox.put(topic, message.overtaking(waiting))

    def _failed(self, topic: Topic, heard: Heard, update: Failed) -> None:
        for id_ in heard.ids:
            self.mailbox.put((topic, id_), Fixed(_problem(update.error, id_, topic.name)))
        if update.final:
            del self._topics[topic]
            for id_ in heard.ids:
                del self._ids[id_][topic]
                if not self._ids[id_]:
                    del self._ids[id_]

    def _reply(self, kind: str, **fields: object) -> None:
        self.mailbox.reply(text_of({"type": kind, **fields}))


def _skipped(known: int | None, seq: int) -> int | None:
    """The changes between what the client had and this one, where that can be told."""
    return None if known is None or known > seq else seq - known - 1


def _document(text: str) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise InvalidQuery("a message is one JSON object") from None
    if not isinstance(document, dict):
        raise InvalidQuery("a message is one JSON object")
    return document


def _said(document: dict[str, Any]) -> Said:
    try:
        return msgspec.convert(document, Said)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        raise InvalidQuery(reason[:1].lower() + reason[1:200], field=path.strip(".`")[:60]) from None


def _texts(params: Mapping[str, Any]) -> dict[str, list[str]]:
    """Parameters as a URL spells them."""
    return {
        name[:60]: [_text(name, one) for one in (value if isinstance(value, list) else [value])]
        for name, value in params.items()
        if value is not None
    }


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float)):
        return str(value)
    raise InvalidQuery("is a text, a number, or a list of them", field=name[:60])


def _problem(error: FeedmuxError, id_: str, topic: str = "") -> str:
    where = {name: text for name, text in (("id", id_), ("topic", topic)) if text}
    return _worded(problem_of(error, PATH), where)


def _worded(problem: Problem, where: Mapping[str, str]) -> str:
    """The fields of problem details, its `type` as `problem`: `type` is the message's own."""
    fields = msgspec.to_builtins(problem)
    return text_of({"type": "error", **where, "problem": fields.pop("type"), **fields})
