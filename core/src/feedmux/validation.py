"""Checks a struct's fields against its own annotations when it is made, not only when it is decoded."""

from __future__ import annotations

from functools import cache

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
    kind = msgspec.inspect.type_info(annotation)
    if isinstance(kind, msgspec.inspect.Metadata):
        kind = kind.type
    if isinstance(kind, msgspec.inspect.LiteralType):
        expected = "one of " + ", ".join(str(choice) for choice in kind.values)
    else:
        expected = str(error)[:1].lower() + str(error)[1:]
    return f"{expected}; got {str(value)[:40]!a}"
