"""Every capability as a tool, with its arguments' JSON Schema: those of third parties need no line here. Knows no protocol."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from feedmux import FeedmuxError, InvalidQuery, Query
from feedmux.event import Trace
from feedmux_server import parameters, question
from feedmux_server.desk import Desk
from feedmux_server.problem import problem_of
from feedmux_server.reply import brief

PROVIDERS = "providers"
EXPLAIN = "explain_"
DRY = (
    "How a question would be, or was, answered: who was considered, who was passed over and why, who was asked and "
    "what came. "
)


class Tool(Struct, frozen=True):
    """What an assistant is told of a tool; `schema` is JSON Schema of an object."""

    name: str
    description: str
    schema: Mapping[str, Any]


class Told(Struct, frozen=True):
    """What a tool says: a text for reading, the same as JSON, and whether it is an error."""

    text: str
    document: Any
    failed: bool = False


class Toolbox:
    """The tools of one engine."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def tools(self) -> list[Tool]:
        """Two for each capability, one to ask and one to explain, and one that lists the providers."""
        made = [tool for kind in self._desk.mux.queries.values() for tool in _of(kind)]
        listed = Tool(
            PROVIDERS,
            "Every provider: what it serves, its state and why, what is left of its quota.",
            {"type": "object", "properties": {}, "additionalProperties": False},
        )
        return [*made, listed]

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Told | None:
        """What the tool says; None where there is none of that name. A question that fails is told, not raised."""
        try:
            if name == PROVIDERS:
                return self._providers()
            kind = self._desk.mux.queries.get(name.removeprefix(EXPLAIN))
            if kind is None:
                return None
            asked = question.read(kind, _texts(arguments))
            return await (self._explained(asked) if name.startswith(EXPLAIN) else self._answered(asked))
        except FeedmuxError as error:
            return _refused(error, name)

    async def _answered(self, asked: question.Question) -> Told:
        answer = self._desk.at_hand(asked) or await self._desk.ask(asked)
        return Told(str(answer), msgspec.to_builtins(answer.document()))

    async def _explained(self, asked: question.Question) -> Told:
        try:
            trace = (await self._desk.explain(asked)).trace
        except InvalidQuery:
            raise
        except FeedmuxError as error:
            if not isinstance(error.trace, Trace) or not error.trace.events:
                raise
            trace = error.trace
        return Told(brief(trace), {"trace": msgspec.to_builtins(trace.events)})

    def _providers(self) -> Told:
        document = msgspec.to_builtins(self._desk.mux.providers())
        return Told(json.dumps(document, indent=1), {"providers": document})


def _of(kind: type[Query]) -> tuple[Tool, Tool]:
    about = (kind.__doc__ or kind.__name__).strip()
    return (
        Tool(kind.capability, about, _schema(kind)),
        Tool(EXPLAIN + kind.capability, DRY + about, _schema(kind)),
    )


def _schema(kind: type[Query]) -> dict[str, Any]:
    taken = question.common(kind)
    common = (one for one in parameters.described(question.How) if one.name in taken)
    described = [*parameters.described(kind), *common]
    return {
        "type": "object",
        "properties": {one.name: {**one.schema, "description": one.description} for one in described},
        "required": [one.name for one in described if one.required],
        "additionalProperties": False,
    }


def _texts(arguments: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    """The arguments as a URL would spell them; None is as good as not given."""
    return {
        name: [_text(one) for one in value] if isinstance(value, list) else [_text(value)]
        for name, value in arguments.items()
        if value is not None
    }


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _refused(error: FeedmuxError, name: str) -> Told:
    problem = problem_of(error, name)
    wait = f" Ask again in {problem.retry_after} s." if problem.retry_after else ""
    return Told(f"{problem.title}: {problem.detail}.{wait}", msgspec.to_builtins(problem), failed=True)
