"""Bodies, inflated under a cap: a truncated or exploding one is refused."""

from __future__ import annotations

import zlib

from feedmux.errors import BadPayload

CAP = 16 * 1024 * 1024
"""The largest body read, inflated, in bytes: an exchange's list of all its markets is several MB."""
STEP = 1024 * 1024
"""How much is inflated at once, in bytes: a body that explodes never takes much more memory than the cap."""


def inflated(raw: bytes, encoding: str, cap: int = CAP) -> bytes:
    """The body behind a Content-Encoding; raises BadPayload where it is cut, too large, or in another encoding."""
    encoding = encoding.strip().lower()
    if len(raw) > cap:
        raise BadPayload(f"the body is larger than {cap} bytes")
    if encoding in ("", "identity"):
        return raw
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise BadPayload(f"the body is encoded as {encoding[:20]!a}, which was not asked for")
    inflate, pieces, size = zlib.decompressobj(zlib.MAX_WBITS | 32), [], 0
    try:
        while not inflate.eof and (piece := inflate.decompress(raw, STEP)):
            pieces.append(piece)
            size += len(piece)
            if size > cap:
                raise BadPayload(f"the body inflates to more than {cap} bytes")
            raw = inflate.unconsumed_tail
    except zlib.error as error:
        raise BadPayload(f"the body is not {encoding}") from error
    if not inflate.eof:
        raise BadPayload("the body is cut short")
    return b"".join(pieces)
