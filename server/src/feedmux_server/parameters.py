"""A URL's parameters: decoded into structs whose annotations say what is right, and described from the same structs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import or_
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin
from urllib.parse import parse_qs

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo

from feedmux.errors import InvalidQuery
from feedmux.query import takes_many
from feedmux.settings import nearest
from feedmux.validation import choices, reason

S = TypeVar("S", bound=Struct)
MOST = 100
"""Parameters in one URL."""
SHOWN = 40


class Parameter(Struct, frozen=True, kw_only=True):
    """One parameter as a reader of the API is told of it; `schema` is JSON Schema."""

    name: str
    where: Literal["query", "path"]
    required: bool
    schema: Mapping[str, Any]
    description: str


def given(query_string: bytes) -> dict[str, list[str]]:
    """The parameters of a URL, in order; raises InvalidQuery where there are too many."""
    try:
        return parse_qs(query_string.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST)
    except ValueError:
        raise InvalidQuery(f"more than {MOST} parameters") from None


def refuse_unknown(names: Iterable[str], known: Sequence[str]) -> None:
    """Raise InvalidQuery for the first name that is not known, with the nearest that is."""
    for name in names:
        if name not in known:
            shown = "".join(c if c.isprintable() else "?" for c in name[:SHOWN])
            right = nearest(name, known) if known else "; there is none"
            raise InvalidQuery(f"is no parameter here{right}", field=shown)


def decoded(cls: type[S], texts: Mapping[str, Sequence[str]]) -> S:
    """The struct that these parameters spell, others ignored; raises InvalidQuery naming the parameter."""
    fields = {field.name: field for field in msgspec.structs.fields(cls)}
    for name, field in fields.items():
        if field.required and not any(texts.get(name, ())):
            raise InvalidQuery("is missing", field=name)
    return cls(**{name: _value(fields[name], found) for name, found in texts.items() if name in fields})


def _value(field: FieldInfo, texts: Sequence[str]) -> object:
    if takes_many(field):
        return tuple(word.strip() for text in texts for word in text.split(",") if word.strip())
    if len(texts) > 1:
        raise InvalidQuery("is given more than once", field=field.name)
    wanted = _given(field.type)
    try:
        value = msgspec.convert(texts[0], wanted, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidQuery(reason(error, wanted, texts[0]), field=field.name) from None
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidQuery("is a finite number", field=field.name)
    return value


def _given(annotation: Any) -> Any:
    """The annotation without None: what is not given is left out, no text spells it."""
    if get_origin(annotation) in (Union, UnionType):
        return reduce(or_, (one for one in get_args(annotation) if one is not NoneType))
    return annotation


def described(cls: type[Struct], path: str = "") -> tuple[Parameter, ...]:
    """The parameters that a struct's fields stand for; those that `path` holds in braces are part of it."""
    known = msgspec.json.schema(cls)["$defs"]
    properties = _inlined(known[cls.__name__]["properties"], known)
    return tuple(
        _parameter(field, properties[field.encode_name], path) for field in msgspec.structs.fields(cls)
    )


def _inlined(schema: Any, known: Mapping[str, Any]) -> Any:
    """The schema with what it refers to in the place of the reference."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inlined(known[schema["$ref"].rpartition("/")[2]], known)
        return {name: _inlined(inner, known) for name, inner in schema.items()}
    return [_inlined(inner, known) for inner in schema] if isinstance(schema, list) else schema


def _parameter(field: FieldInfo, found: Mapping[str, Any], path: str) -> Parameter:
    schema = dict(found)
    description = schema.pop("description", "")
    for choice in schema.pop("anyOf", ()):
        if choice != {"type": "null"}:
            schema |= choice
            description = schema.pop("description", description)
    if schema.get("default", "") in (None, (), []):
        del schema["default"]
    if ordered := choices(field.type):
        schema["enum"] = list(ordered)
    in_path = f"{{{field.name}}}" in path
    return Parameter(
        name=field.name,
        where="path" if in_path else "query",
        required=in_path or field.required,
        schema=schema,
        description=description,
    )
