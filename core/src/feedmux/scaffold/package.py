"""The files of a new provider's package, as text: a page of code, a case made by hand, tests that pass."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from importlib import resources
from string import Template

from feedmux.conformance.case import HEALTH, Case, Grade, encode
from feedmux.query import BUILT_IN
from feedmux.scaffold.draft import Draft, item_name, item_type

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
EXAMPLE = b'[{"ticker": "BTC", "last": 91234.5}, {"ticker": "ETH", "last": 3056.78}]'


def files(
    name: str, licence: str, now: datetime, sample: bytes | None, draft: Draft | None
) -> dict[str, bytes]:
    """Path to content, below the package's directory. Raises ValueError for a name that no provider may have."""
    if not NAME.fullmatch(name):
        raise ValueError(f"a provider's name is lower-case letters, digits and _, got {name[:40]!a}")
    words = _words(name, licence, now) | (_drafted(name, draft) if draft else {})
    words["question"] = f"{words['capability']} {words['symbol']}".strip()
    source = "provider" if draft is None else "quotes" if draft.quotes else "items"
    package = f"src/feedmux_{name}"
    written = {
        "pyproject.toml": _filled("pyproject.toml", words),
        "README.md": _filled("README.md", words),
        "LICENSE": _filled(f"{licence}.txt", words),
        f"{package}/__init__.py": _filled(f"{source}.py", words),
        f"tests/test_{name}.py": _filled("test.py", words),
    }
    return {
        **{path: text.encode() for path, text in written.items()},
        f"{package}/py.typed": b"",
        f"{package}/cases/{words['capability']}.json": encode(_case(words, now, sample or EXAMPLE)),
        f"{package}/cases/health.json": encode(_health(now)),
    }


def _words(name: str, licence: str, now: datetime) -> dict[str, str]:
    """What the templates are filled with."""
    return {
        "name": name,
        "module": f"feedmux_{name}",
        "distribution": f"feedmux-{name.replace('_', '-')}",
        "title": name.replace("_", " ").title(),
        "licence": licence,
        "year": str(now.year),
        "capability": "quotes",
        "path": "/v1/prices",
        "symbol": "BTC",
    }


def _drafted(name: str, draft: Draft) -> dict[str, str]:
    rows = draft.rows
    lax = ", strict=False" if draft.lax else ""
    said = {"structs": draft.structs, "body": draft.body, "lax": lax, "price": draft.price}
    loop = "for name, row in" if rows.expression.endswith(".items()") else "for row in"
    common = {**said, "symbol_of": rows.symbol, "loop": f"{loop} {rows.expression}", "rows": rows.expression}
    if draft.quotes:
        return {**common, "symbol": rows.first.upper()}
    named = [("name", "str", "name")] if loop.startswith("for name") else []
    fields = [*named, *((item_name(one), item_type(one), f"row.{one.name}") for one in draft.plain)]
    fields = list({field: (field, kind, value) for field, kind, value in fields}.values())
    return {
        **common,
        "capability": f"{name}_items" if name in {query.capability for query in BUILT_IN} else name,
        "symbol": "",
        "kind": name.title().replace("_", ""),
        "fields": "\n".join(f"    {field}: {kind}" for field, kind, _ in fields),
        "values": "\n".join(f"            {field}={value}," for field, _, value in fields),
    }


def _case(words: Mapping[str, str], now: datetime, body: bytes) -> Case:
    symbol = words["symbol"]
    return Case(
        capability=words["capability"],
        parameters={"symbols": [symbol]} if symbol else {},
        asked_at=now,
        target=f"{words['path']}{f'?tickers={symbol}' if symbol else ''}",
        headers={"content-type": "application/json"},
        grade=Grade.MADE,
    ).with_content(body)


def _health(now: datetime) -> Case:
    return Case(capability=HEALTH, asked_at=now, target="/v1/ping", grade=Grade.MADE).with_content(b"{}")


def _filled(template: str, words: Mapping[str, str]) -> str:
    text = (
        resources.files("feedmux.scaffold").joinpath("templates", f"{template}.template").read_text("utf-8")
    )
    return Template(text).substitute(words)
