"""What may stand in the place of a value, or of a whole body, where something went wrong."""

from __future__ import annotations

from typing import Any

from msgspec import Raw

from feedmux.clock import Random

DEEP = 100_000
HOSTILE: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        "",
        "nan",
        "inf",
        "-1",
        "1,234.5",
        "0x10",
        "1e999",
        "\u0000",
        "<script>",
        "x" * 5000,
    ),
    *(-1, 0, -0.0, 1e308, 1e-320, 2**64 - 1, -(2**63), "1970-01-01", "9999-12-31T23:59:59Z"),
    *([], {}, [[]], {"a": {}}, Raw(b"NaN"), Raw(b"-Infinity"), Raw(b"1e999"), Raw(b"1" + b"0" * 400)),
    Raw(b"[" * DEEP + b"]" * DEEP),
)
WHOLE: tuple[tuple[str, bytes], ...] = (
    ("empty", b""),
    ("white", b" \n"),
    ("HTML", b"<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>"),
    ("null", b"null"),
    ("an empty list", b"[]"),
    ("an empty object", b"{}"),
    ("a number", b"0"),
    ("NaN", b"NaN"),
    ("open brackets", b"[" * DEEP),
    ("open tags", b"<a>" * DEEP),
    ("no UTF-8", b"\xff\xfe\x00"),
)


def junk(chance: Random) -> Any:
    """A number of any size, or a text that may look like one."""
    kind = chance.randrange(4)
    if kind == 0:
        return chance.uniform(-1, 1) * 10.0 ** chance.randrange(-320, 308)
    if kind == 1:
        return Raw(str(chance.getrandbits(chance.randrange(1, 400))).encode())
    if kind == 2:
        return f"{chance.uniform(-1e6, 1e6):.{chance.randrange(12)}f}"
    return "".join(chance.choice("0123456789.,-+eE xX_٣∞%$") for _ in range(chance.randrange(1, 12)))
