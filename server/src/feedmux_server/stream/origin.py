"""Which pages may open a WebSocket: browsers let any page try, and only the server can tell them apart."""

from __future__ import annotations

from collections.abc import Collection, Iterable

_DEFAULT_PORTS = ((b"http://", b":80"), (b"https://", b":443"))


def welcome(headers: Iterable[tuple[bytes, bytes]], allowed: Collection[str]) -> bool:
    """Whether the caller is no browser, a page of this server, or of an origin in `allowed`; `*` there is any page."""
    named = list(headers)
    origins = [value for name, value in named if name == b"origin"]
    if not origins or "*" in allowed:
        return True
    hosts = [value for name, value in named if name == b"host"]
    if len(origins) != 1 or len(hosts) != 1:
        return False
    origin = origins[0].lower().rstrip(b"/")
    if origin.decode("latin-1") in {one.lower().rstrip("/") for one in allowed}:
        return True
    return any(
        origin.startswith(scheme)
        and _plain(origin.removeprefix(scheme), port) == _plain(hosts[0].lower(), port)
        for scheme, port in _DEFAULT_PORTS
    )


def _plain(authority: bytes, port: bytes) -> bytes:
    """Without the scheme's own port."""
    return authority.removesuffix(port)
