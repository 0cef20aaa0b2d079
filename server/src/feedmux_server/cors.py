"""Which pages of other origins may read the answers: those the operator lists, by default none.

At the edge, so that refusals carry the headers too: a page that may not read a 429 cannot obey it.
"""

from __future__ import annotations

from collections.abc import Iterable

EVERYONE = "*"
KEPT_FOR = 600
"""Seconds for which a browser need not ask again."""
EXPOSED = (
    "age, link, retry-after, ratelimit-policy, ratelimit-limit, ratelimit-remaining, ratelimit-reset, x-request-id, "
    "x-feedmux-cache, x-feedmux-source, x-feedmux-trace, x-feedmux-sandbox"
)
Headers = list[tuple[bytes, bytes]]


class Cors:
    """Origins that are allowed. Never with credentials: nothing here is anybody's in particular."""

    def __init__(self, origins: Iterable[str]) -> None:
        allowed = frozenset(origin.lower() for origin in origins)
        self._everyone = EVERYONE in allowed
        self._allowed = frozenset(origin.encode() for origin in allowed)
        self.active = bool(allowed)

    def headers(self, origin: bytes) -> Headers:
        """What goes with any answer where origins are allowed; `origin` is empty where the request names none."""
        vary = [] if self._everyone else [(b"vary", b"origin")]
        if not self._allows(origin):
            return vary
        return [*self._to(origin), *vary, (b"access-control-expose-headers", EXPOSED.encode())]

    def preflight(self, origin: bytes) -> Headers:
        """What a browser is told that asks first. Admin routes are not for pages: `authorization` is not allowed."""
        if not self._allows(origin):
            return [(b"vary", b"origin")]
        return [
            *self._to(origin),
            (b"vary", b"origin"),
            (b"access-control-allow-methods", b"GET, HEAD, POST"),
            (b"access-control-allow-headers", b"content-type, x-request-id"),
            (b"access-control-max-age", str(KEPT_FOR).encode()),
        ]

    def _allows(self, origin: bytes) -> bool:
        return bool(origin) and (self._everyone or origin.lower() in self._allowed)

    def _to(self, origin: bytes) -> Headers:
        return [(b"access-control-allow-origin", EVERYONE.encode() if self._everyone else origin)]
