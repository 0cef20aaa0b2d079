"""HTML from the package's templates. Everything put into one is escaped: upstream text is data."""

from __future__ import annotations

from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined

UNKNOWN = "–"


def price(value: float | None) -> str:
    """A price with as many digits as it deserves."""
    if value is None:
        return UNKNOWN
    if value >= 100:
        return f"{value:,.2f}"
    return f"{value:,.4f}" if value >= 1 else f"{value:.6g}"


def percent(value: float | None) -> str:
    """A change with its sign."""
    return UNKNOWN if value is None else f"{value:+.2f} %"


def share(value: float | None) -> str:
    """A share as a percentage."""
    return UNKNOWN if value is None else f"{value * 100:.0f} %"


def milliseconds(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else f"{seconds * 1000:,.0f} ms"


def clock(at: datetime | None) -> str:
    """The time of day, in UTC."""
    return UNKNOWN if at is None else at.strftime("%H:%M:%S UTC")


_environment = Environment(
    loader=PackageLoader("feedmux_server"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {
    "price": price,
    "percent": percent,
    "share": share,
    "milliseconds": milliseconds,
    "clock": clock,
}


def render(name: str, **values: object) -> str:
    """A page."""
    return _environment.get_template(name).render(values)
