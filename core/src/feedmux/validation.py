"""Checks a struct's fields against its own annotations when it is made, not only when it is decoded."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Literal, get_args, get_origin

import msgspec


class WrongField(ValueError):
    """A field does not hold what its annotation promises."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@cache
def _annotated(cls: type[msgspec.Struct]) -> tuple[tuple[str, object, object], ...]:
    return tuple((f.name, f.type, f.default) for f in msgspec.structs.fields(cls))


def check_fields(struct: msgspec.Struct) -> None:
    """Raise WrongField for the first field whose value its annotation does not allow (NaN, inf, range, type)."""
    for name, annotation, default in _annotated(type(struct)):
        value = getattr(struct, name)
        if value is default:
            continue
        try:
            converted = msgspec.convert(value, annotation)
        except msgspec.ValidationError as error:
            raise WrongField(name, reason(error, annotation, value)) from None
        if type(value) is int and type(converted) is float:
            msgspec.structs.force_setattr(struct, name, converted)


def reason(error: msgspec.ValidationError, annotation: object, value: object) -> str:
    """One clause that says what would be right: for a Literal its choices, else what msgspec expected."""
    if allowed := choices(annotation):
        expected = "one of " + ", ".join(map(str, allowed))
    else:
        expected = str(error)[:1].lower() + str(error)[1:]
    return f"{expected}; got {str(value)[:40]!a}"


def choices(annotation: object) -> tuple[object, ...]:
    """What a Literal allows, in the order it is written; empty for any other annotation."""
    if get_origin(annotation) is Annotated:
        return choices(get_args(annotation)[0])
    return get_args(annotation) if get_origin(annotation) is Literal else ()
