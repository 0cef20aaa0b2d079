"""How a question is to be asked, as `Mux.get` takes it."""

from __future__ import annotations

from msgspec import Struct


class How(Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds, and names of providers."""

    max_age: float | None = None
    deadline: float | None = None
    only: tuple[str, ...] = ()
    prefer: tuple[str, ...] = ()
    cross_check: bool = False
