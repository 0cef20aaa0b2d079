"""The native routes of every capability, made from its Query class: those of third parties need no line here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from typing import Any

import msgspec
import structlog
from litestar.handlers import HTTPRouteHandler

from feedmux import Answer, Query
from feedmux_server import parameters, question
from feedmux_server.answers import AnswerRoute, encode
from feedmux_server.desk import Desk
from feedmux_server.document import answer_type, explanation_type
from feedmux_server.explain import Dry, ExplainRoute
from feedmux_server.operation import ASKING, Operation, route

_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~-]+|\{[a-z][a-z0-9_]*\}))+")
_BRACED = re.compile(r"\{([a-z0-9_]+)\}")
OWN = ("/providers", "/quota")
_log = structlog.get_logger("feedmux.server")


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """Two routes to ask and one to explain, for each capability; the path of its own only where it can have it."""
    made: list[HTTPRouteHandler] = []
    taken = {_shape(path) for path in OWN}
    for kind in desk.mux.queries.values():
        answers = AnswerRoute(desk, partial(question.read, kind), document)
        explains = ExplainRoute(desk, kind)
        if _has_path(kind, taken):
            taken.add(_shape(kind.path))
            made.append(answers.route("/v1" + _typed(kind.path), _asking(kind, kind.path)))
        made.append(answers.route(f"/v1/query/{kind.capability}", _asking(kind, "")))
        made.append(route(f"/v1/explain/{kind.capability}", _explaining(kind), explains.serve))
    return made


def document(answer: Answer[Any]) -> bytes:
    """An answer's body."""
    return encode(answer.document())


def _has_path(kind: type[Query], taken: Iterable[str]) -> bool:
    """Whether its path is one, names its own required fields and is nobody else's; said in the log where not."""
    required = {field.name for field in kind.words()}
    ok = _PATH.fullmatch(kind.path) is not None and required.issuperset(_BRACED.findall(kind.path))
    ok = (
        ok and _shape(kind.path) not in taken and kind.path.split("/")[1] not in ("query", "explain", "admin")
    )
    if not ok:
        _log.warning("a path cannot be served", path=kind.path[:100], instead=f"/query/{kind.capability}")
    return ok


def _shape(path: str) -> str:
    return _BRACED.sub("{}", path)


def _typed(path: str) -> str:
    return _BRACED.sub(r"{\1:str}", path)


def _common(kind: type[Query]) -> tuple[parameters.Parameter, ...]:
    taken = question.common(kind)
    return tuple(one for one in parameters.described(question.How) if one.name in taken)


def _asking(kind: type[Query], path: str) -> Operation:
    return Operation(
        tag="questions",
        summary=_first_line(kind),
        parameters=(*parameters.described(kind, path), *_common(kind)),
        gives=answer_type(kind),
        answers=True,
        errors=ASKING,
    )


def _explaining(kind: type[Query]) -> Operation:
    dry = [one for one in parameters.described(Dry) if one.name not in kind.__struct_fields__]
    return Operation(
        tag="explanations",
        summary=f"How this comes about: {_first_line(kind)}",
        parameters=(*parameters.described(kind), *_common(kind), *dry),
        gives=explanation_type(kind),
        errors=(400, 503),
    )


def _first_line(kind: type[msgspec.Struct]) -> str:
    return (kind.__doc__ or kind.__name__).strip().splitlines()[0]
