"""A draft of a provider from one body of its upstream: what it says, and what of it is a quote or an item."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from feedmux.items import STAMPS
from feedmux.scaffold.shape import Field, Shape, Shapes

SYMBOLS = ("symbol", "ticker", "code", "asset", "coin", "base", "pair", "market", "instrument")
PRICES = (
    "price",
    "last",
    "lastprice",
    "last_price",
    "current_price",
    "close",
    "rate",
    "usd",
    "price_usd",
    "priceusd",
    "c",
)
_SYMBOL = re.compile(r"[A-Za-z0-9$._+-]{1,40}")
PLAIN = re.compile(r"(?:(?:int|float|str|bool)(?: \| )?)+(?:None)?")


class Rows(Struct, frozen=True):
    """Where in the body the things are that it tells of: the expression that lists them, and their struct."""

    expression: str
    shape: Shape
    symbol: str
    """The expression for a row's symbol, empty where it has none."""
    first: str
    """The first row's symbol."""


class Draft(Struct, frozen=True):
    """What goes into the templates."""

    structs: str
    body: str
    """The annotation of the whole."""
    lax: bool
    rows: Rows
    price: str
    """The field of a row that is its price, empty where none is."""

    @property
    def quotes(self) -> bool:
        """Whether it reads as quotes: rows with a symbol and a price."""
        return bool(self.price and self.rows.symbol)

    @property
    def plain(self) -> list[Field]:
        """The fields of a row that an item can take over."""
        return [one for one in self.rows.shape.fields if PLAIN.fullmatch(one.annotation)]


def drafted(sample: bytes) -> Draft:
    """The draft for a body. Raises ValueError where it is no JSON or tells of no things."""
    try:
        document = msgspec.json.decode(sample)
    except RecursionError:
        raise ValueError("the sample is nested too deeply") from None
    shapes = Shapes()
    whole = shapes.annotation([document], "body")
    rows = _rows(document, whole, shapes)
    price = next((one.name for wanted in PRICES for one in rows.shape.fields if _is_price(one, wanted)), "")
    structs = "\n\n\n".join(shape.source() for shape in shapes.structs)
    return Draft(structs, whole, shapes.lax, rows, price)


def item_name(field: Field) -> str:
    """What an item calls a field of its row: its name, unless every item has that."""
    return f"{field.name}_" if field.name in STAMPS else field.name


def item_type(field: Field) -> str:
    """The annotation of a field of an item; None where the upstream may leave it out."""
    kinds = [kind for kind in field.annotation.split(" | ") if kind != "None"]
    kinds = ["Number" if kind == "float" else kind for kind in kinds]
    return " | ".join([*kinds, "None"])


def _is_price(field: Field, wanted: str) -> bool:
    return field.key.lower() == wanted and field.annotation in ("float", "int", "float | None", "int | None")


def _rows(document: Any, whole: str, shapes: Shapes) -> Rows:
    """The first list or mapping of structs on the way down; else the first with a symbol; else the body itself."""
    structs = {shape.name: shape for shape in shapes.structs}
    for expression, annotation, value in _below(document, whole, "said", structs):
        kind, _, inner = annotation.partition("[")
        inner = inner.removesuffix("]").removeprefix("str, ")
        if kind == "list" and inner in structs:
            return _of_list(expression, structs[inner], value)
        if kind == "dict" and inner in structs:
            return _of_map(expression, structs[inner], value)
    singles = [
        _of_list(f"[{expression}]", structs[annotation], [value])
        for expression, annotation, value in _below(document, whole, "said", structs)
        if annotation in structs
    ]
    if singles:
        return next((rows for rows in singles if rows.symbol), singles[0])
    raise ValueError("the sample tells of no things: neither an object nor a list of them")


def _of_map(expression: str, shape: Shape, rows: dict[str, Any]) -> Rows:
    """By key where keys can be symbols, else by what the rows say themselves."""
    first = next(iter(rows), "")
    if _SYMBOL.fullmatch(first):
        return Rows(f"{expression}.items()", shape, "name", first)
    listed = _of_list(f"{expression}.values()", shape, list(rows.values()))
    return listed if listed.symbol else Rows(f"{expression}.items()", shape, "", "")


def _of_list(expression: str, shape: Shape, rows: list[Any]) -> Rows:
    for field in shape.fields:
        first = rows[0].get(field.key) if rows and isinstance(rows[0], Mapping) else None
        named = field.key.lower() in SYMBOLS and field.annotation == "str"
        if named and isinstance(first, str) and _SYMBOL.fullmatch(first):
            return Rows(expression, shape, f"row.{field.name}", first)
    return Rows(expression, shape, "", "")


def _below(
    value: Any, annotation: str, expression: str, structs: Mapping[str, Shape]
) -> Iterator[tuple[str, str, Any]]:
    """Every value that is reached by fields alone, outer ones first, with its expression and annotation."""
    waiting: list[tuple[str, str, Any]] = [(expression, annotation, value)]
    while waiting:
        expression, annotation, value = waiting.pop(0)
        yield expression, annotation, value
        if annotation in structs and isinstance(value, dict):
            waiting += _fields(value, expression, structs[annotation].fields)


def _fields(
    value: dict[str, Any], expression: str, fields: Iterable[Field]
) -> Iterator[tuple[str, str, Any]]:
    for one in fields:
        if one.key in value:
            yield f"{expression}.{one.name}", one.annotation, value[one.key]
