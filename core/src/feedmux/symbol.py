"""Symbols: what a caller may call an asset."""

from __future__ import annotations

import re
from typing import NamedTuple

from feedmux.errors import InvalidQuery

_NO_STEP = r"(?!\.\Z)(?!.*\.\.)"
"""What would be a step in a path, should a provider put it there, is no name."""
_SYMBOL = re.compile(_NO_STEP + r"[A-Z0-9$._+-]{1,40}")
_EXACT = re.compile(r"([a-z][a-z0-9_]{0,39}):" + _NO_STEP + r"([A-Za-z0-9._-]{1,80})")


class Exact(NamedTuple):
    """One asset as one provider knows it: `provider:id`."""

    provider: str
    id: str


def canonical(text: str, *, field: str = "symbol") -> str:
    """The symbol upper-cased, or an exact asset as it is; raises InvalidQuery naming `field`."""
    if not isinstance(text, str):
        raise InvalidQuery(f"a symbol is text such as BTC, not {type(text).__name__}", field=field)
    stripped = text.strip()
    if _EXACT.fullmatch(stripped):
        return stripped
    upper = stripped.upper()
    if stripped.isascii() and _SYMBOL.fullmatch(upper):
        return upper
    raise InvalidQuery(
        f"{stripped[:60]!a} is no symbol: 1 to 40 of A-Z 0-9 $ . _ + - such as BTC, "
        "or provider:id, an installed provider and its own id",
        field=field,
    )


def exact(symbol: str) -> Exact | None:
    """The provider and its id where a canonical symbol names an exact asset."""
    provider, colon, id_ = symbol.partition(":")
    return Exact(provider, id_) if colon else None
