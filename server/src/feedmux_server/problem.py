"""Every error that leaves the server: RFC 9457 problem details, and nothing of what is inside."""

from __future__ import annotations

import difflib
import math
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, NotFoundException
from litestar.routes import HTTPRoute
from litestar.types import Send
from msgspec import Struct

from feedmux import FeedmuxError, InvalidQuery

MEDIA_TYPE = "application/problem+json"
LONGEST_WAIT = 86_400
CLOSE = 0.85
"""How alike, of 1, a path must be to be named."""
BOTH_WORDS = "/api/indicators/"
"""Below this path a problem is told in the older service's words, too."""
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
CHALLENGE = 'Bearer realm="feedmux"'
_DETAILS = {
    HTTPStatus.UNAUTHORIZED: "this wants the server's admin token as a bearer token, and is closed where none is set",
    HTTPStatus.NOT_FOUND: "there is nothing at this path; /docs lists what there is",
    HTTPStatus.METHOD_NOT_ALLOWED: "this path does not take that method",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is larger than 64 kB",
    HTTPStatus.REQUEST_URI_TOO_LONG: "the URL is longer than 8 kB",
    HTTPStatus.INTERNAL_SERVER_ERROR: "something went wrong here; the log has it under the request's id",
}
_log = structlog.get_logger("feedmux.server")


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`field` is the parameter that is wrong, `retry_after` the whole seconds after which asking again may help.

    `error` and `message` are what clients of the older service look at, under its paths that had them.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    field: str | None = None
    retry_after: int | None = None
    error: bool = False
    message: str = ""

    def __post_init__(self) -> None:
        if self.instance.startswith(BOTH_WORDS):
            msgspec.structs.force_setattr(self, "error", True)
            msgspec.structs.force_setattr(self, "message", self.detail)

    def headers(self) -> dict[str, str]:
        """The headers that go with it."""
        return {} if self.retry_after is None else {"retry-after": str(self.retry_after)}


def problem_of(error: Exception, instance: str) -> Problem:
    """What the caller is told of an error; `instance` is the path, without the query string."""
    if isinstance(error, FeedmuxError):
        return Problem(
            type=f"urn:feedmux:problem:{error.slug}",
            title=error.title,
            status=error.status,
            detail=error.detail,
            instance=instance,
            field=error.field or None if isinstance(error, InvalidQuery) else None,
            retry_after=_wait(error),
        )
    return of_status(error.status_code if isinstance(error, HTTPException) else 500, instance)


def of_status(code: int, instance: str, detail: str = "") -> Problem:
    """A problem that HTTP itself has a word for."""
    status = HTTPStatus(code)
    return Problem(
        type=f"urn:feedmux:problem:{status.phrase.lower().replace(' ', '-')}",
        title=status.phrase,
        status=code,
        detail=detail or _DETAILS.get(status, status.description.lower() or status.phrase.lower()),
        instance=instance,
    )


def over_limit(instance: str, limit: int, wait: float) -> Problem:
    """The caller is over its own limit, which has nothing to do with any provider's."""
    return msgspec.structs.replace(
        of_status(429, instance, f"{limit} requests a minute are allowed to one client"),
        retry_after=max(1, math.ceil(wait)),
    )


def respond(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Litestar's one exception handler."""
    problem = problem_of(error, request.scope["path"])
    if isinstance(error, NotFoundException):
        problem = msgspec.structs.replace(problem, detail=problem.detail + _meant(request))
    if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("a request failed", exc_info=error)
    headers = problem.headers()
    if problem.status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["allow"] = ", ".join(_allowed(request))
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = CHALLENGE
    return Response(
        msgspec.json.encode(problem), status_code=problem.status, media_type=MEDIA_TYPE, headers=headers
    )


async def send_problem(problem: Problem, send: Send) -> None:
    """Answer with a problem where no route has been looked for."""
    body = msgspec.json.encode(problem)
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    headers += [(name.encode(), value.encode()) for name, value in problem.headers().items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _wait(error: FeedmuxError) -> int | None:
    """Whole seconds, rounded up, at least one; every 503 and 429 has them."""
    if error.retry_after is not None and math.isfinite(error.retry_after):
        return min(LONGEST_WAIT, max(1, math.ceil(error.retry_after)))
    return 1 if error.status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS) else None


def _meant(request: Request[Any, Any, Any]) -> str:
    """A clause that names the path that was probably meant, where one is close; never what was asked for."""
    known = [route.path_format for route in request.app.routes if isinstance(route, HTTPRoute)]
    close = difflib.get_close_matches(request.scope["path"][:100], known, n=1, cutoff=CLOSE)
    return f"; did you mean {close[0]}?" if close else ""


def _allowed(request: Request[Any, Any, Any]) -> list[str]:
    """The methods that a path takes."""
    found = []
    for method in METHODS:
        try:
            request.app.asgi_router.handle_routing(path=request.scope["path"], method=method)
        except HTTPException:
            continue
        found.append(method)
    return [*found, "HEAD"] if "GET" in found and "HEAD" not in found else found
