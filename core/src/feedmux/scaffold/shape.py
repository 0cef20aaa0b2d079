"""The shape of a JSON document: the annotation of each value and the structs that they need, as source text."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct, field

_DATA_KEY = re.compile(r"[0-9].*|[A-Z0-9/_:.-]{2,}")
"""A key that is data (a symbol, an id), not a word of the upstream's."""

_COUNT = re.compile(r"(?i)(^|_)(id|count|rank|limit|decimals|number|n)$|time|date|stamp|_at$|At$")
"""A name of whole numbers; any other number may one day have a fraction."""


class Field(Struct):
    """A field of a struct: its name in Python and in the body, its annotation, and whether it is always there."""

    name: str
    key: str
    annotation: str
    always: bool


class Shape(Struct):
    """A struct: what an object (or a list of fixed columns) of the body becomes."""

    name: str
    fields: list[Field]
    columns: bool = False

    def source(self) -> str:
        """The class statement."""
        ordered = self.fields if self.columns else sorted(self.fields, key=lambda one: not one.always)
        renamed = {one.name: one.key for one in ordered if one.name != one.key and not self.columns}
        options = ", array_like=True" if self.columns else f", rename={renamed!r}" if renamed else ""
        lines = [f"class {self.name}(Struct{options}):"]
        for one in ordered:
            optional = not one.always and not self.columns
            annotation = (
                one.annotation if "None" in one.annotation or not optional else f"{one.annotation} | None"
            )
            lines.append(f"    {one.name}: {annotation}{' = None' if optional else ''}")
        return "\n".join(lines if ordered else [*lines, "    pass"])


class Shapes(Struct):
    """Every struct of a document, inner ones first, and whether numbers arrive as text."""

    structs: list[Shape] = field(default_factory=list)
    lax: bool = False

    def annotation(self, values: Sequence[Any], name: str) -> str:
        """What holds all these values, seen at one place."""
        parts = list(dict.fromkeys(self._parts(values, name)))
        if "float" in parts and "int" in parts:
            parts.remove("int")
        return " | ".join(parts) if parts != ["None"] and parts else "object"

    def _parts(self, values: Sequence[Any], name: str) -> Iterable[str]:
        if objects := [value for value in values if isinstance(value, dict)]:
            yield self._object(objects, name)
        if lists := [value for value in values if isinstance(value, list)]:
            yield self._list(lists, name)
        yield from self._texts([value for value in values if isinstance(value, str)], name)
        if any(isinstance(value, bool) for value in values):
            yield "bool"
        numbers = [
            value for value in values if isinstance(value, int | float) and not isinstance(value, bool)
        ]
        if numbers:
            yield "int" if all(isinstance(one, int) for one in numbers) and _COUNT.search(name) else "float"
        if any(value is None for value in values):
            yield "None"

    def _texts(self, texts: Sequence[str], name: str) -> Iterable[str]:
        if texts and all(map(_is_number, texts)):
            self.lax = True
            yield "int" if all(text.isdigit() for text in texts) and _COUNT.search(name) else "float"
        elif texts:
            yield "str"

    def _object(self, objects: Sequence[dict[str, Any]], name: str) -> str:
        if _is_map(objects):
            return f"dict[str, {self.annotation([v for one in objects for v in one.values()], name)}]"
        keys = dict.fromkeys(key for one in objects for key in one)
        fields: list[Field] = []
        for key in keys:
            seen = [one[key] for one in objects if key in one]
            inner = self.annotation(seen, _singular(key))
            fields.append(Field(_identifier(key, fields), key, inner, always=len(seen) == len(objects)))
        return self._named(Shape(_class_name(name), fields))

    def _list(self, lists: Sequence[list[Any]], name: str) -> str:
        if _is_row(lists):
            columns = [
                Field(f"column_{at}", "", self.annotation([one[at] for one in lists], f"{name}_{at}"), True)
                for at in range(len(lists[0]))
            ]
            return self._named(Shape(_class_name(name), columns, columns=True))
        return f"list[{self.annotation([value for one in lists for value in one], name)}]"

    def _named(self, shape: Shape) -> str:
        """The struct's name; another's that is the same, and a number behind it where the name is taken."""
        for number in range(1, len(self.structs) + 2):
            name = shape.name if number == 1 else f"{shape.name}{number}"
            taken = next((one for one in self.structs if one.name == name), None)
            if taken is None:
                shape.name = name
                self.structs.append(shape)
                return name
            if taken.fields == shape.fields:
                return name
        raise AssertionError("one of the names is free")


def _is_map(objects: Sequence[dict[str, Any]]) -> bool:
    """Whether the keys are data: symbols or ids, each with a value of the same kind."""
    keys = {key for one in objects for key in one}
    values = [value for one in objects for value in one.values()]
    if len(keys) < 2 or len({type(value) for value in values}) != 1:
        return False
    if all(_DATA_KEY.fullmatch(key) for key in keys):
        return True
    inner = {frozenset(value) for value in values if isinstance(value, dict)}
    return len(inner) == 1 and inner != {frozenset()}


def _is_row(lists: Sequence[list[Any]]) -> bool:
    """Whether each list is a row of fixed columns: as long as every other, plain values of several kinds."""
    first = lists[0]
    plain = all(not isinstance(value, dict | list) for one in lists for value in one)
    same = len({len(one) for one in lists}) == 1 and len(first) > 2
    return plain and same and len(lists) > 1 and len({type(value) for value in first}) > 1


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and text == text.strip() and "_" not in text
    except ValueError:
        return False


def _identifier(key: str, taken: Sequence[Field]) -> str:
    name = re.sub(r"\W", "_", key, flags=re.ASCII).lstrip("_") or "field"
    name = f"n{name}" if name[0].isdigit() else name
    name = f"{name}_" if keyword.iskeyword(name) else name
    while any(one.name == name for one in taken):
        name += "_"
    return name


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word


def _class_name(word: str) -> str:
    pieces = re.split(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])", word)
    name = "".join(piece[:1].upper() + piece[1:] for piece in pieces if piece)
    return f"_{name}" if name[:1].isalpha() else f"_N{name}"
