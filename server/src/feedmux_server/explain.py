"""Why an answer came out as it did: the question asked, or with `dry` only planned, and every step on the way."""

from __future__ import annotations

from typing import Annotated

from litestar import Response
from litestar.types import Scope
from msgspec import Meta, Struct

from feedmux import FeedmuxError, InvalidQuery, Query
from feedmux.event import Trace
from feedmux_server import parameters, question
from feedmux_server.answers import encode, texts_of
from feedmux_server.desk import Desk, Overloaded
from feedmux_server.problem import problem_of


class Dry(Struct, frozen=True):
    """Whether it is only planned."""

    dry: Annotated[bool, Meta(description="plan only: no upstream is asked and no turn is taken")] = False


class ExplainRoute:
    """Explains one kind of question."""

    def __init__(self, desk: Desk, kind: type[Query]) -> None:
        self._desk = desk
        self._kind = kind

    async def serve(self, scope: Scope) -> Response[bytes]:
        """`{answer, error, trace}`: a question that fails is explained too, one that is not valid is refused."""
        texts = texts_of(scope)
        dry = {} if "dry" in self._kind.__struct_fields__ else {"dry": texts.pop("dry", ["false"])}
        planned = parameters.decoded(Dry, dry).dry
        asked = question.read(self._kind, texts)
        if planned:
            return _explained(None, None, self._desk.plan(asked))
        try:
            answer = await self._desk.explain(asked)
        except (InvalidQuery, Overloaded):
            raise
        except FeedmuxError as error:
            trace = error.trace if isinstance(error.trace, Trace) else Trace.EMPTY
            return _explained(None, problem_of(error, scope["path"]), trace)
        return _explained(answer.document(), None, answer.trace)


def _explained(answer: object, error: object, trace: Trace) -> Response[bytes]:
    body = encode({"answer": answer, "error": error, "trace": trace.events})
    return Response(body, media_type="application/json")
