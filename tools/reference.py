"""Writes docs/hooks.md from the docstrings: `python tools/reference.py`, or with --check says whether it is up to date."""

from __future__ import annotations

import enum
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from feedmux.conformance import Case
from feedmux.endpoint import Endpoint, Key, ListingSource, Plan, UsedHeader
from feedmux.failure import Failure
from feedmux.hooks import ExtensionHooks, ProviderHooks
from feedmux.http import Http
from feedmux.limits import Backoff, Counts, Limits, Terms, Tier, Window
from feedmux.listing import Listed, Listing
from feedmux.provider import Member, Upstream
from feedmux.push import Push, Stream
from feedmux.request import Asked, Reply, Request
from feedmux.reset import ResetHeader

PAGE = Path(__file__).parent.parent / "docs" / "hooks.md"
HEAD = """\
# Hooks and declarations

All that a plugin and the engine can say to each other. Written by `tools/reference.py` from the docstrings; do not edit.
"""
DECLARED = (
    *(Limits, Window, Counts, Tier, Backoff, Terms, Endpoint, ListingSource, Listed, Listing),
    *(Failure, ResetHeader, Key, Plan, UsedHeader, Member, Upstream, Stream, Push),
)
GIVEN = (Asked, Request, Reply, Http)


def page() -> str:
    """The whole page."""
    parts = [
        HEAD,
        *_hooks("What a provider answers", ProviderHooks),
        *_hooks("What an extension may do", ExtensionHooks),
        *_section("What a provider declares", DECLARED),
        *_section("What it is given and gives back", GIVEN),
        *_section("What the conformance suite reads", (Case,)),
    ]
    return "\n".join(parts)


def _hooks(title: str, hooks: type) -> Iterator[str]:
    yield f"## {title}\n\n{inspect.getdoc(hooks)}\n"
    for name, hook in inspect.getmembers(hooks, inspect.isfunction):
        signature = str(inspect.signature(hook)).replace("self, ", "").replace("self", "").replace("'", "")
        yield f"### `{name}`\n\n```python\ndef {name}{signature}: ...\n```\n\n{inspect.getdoc(hook)}\n"


def _section(title: str, kinds: tuple[type, ...]) -> Iterator[str]:
    yield f"## {title}\n"
    for kind in kinds:
        yield f"### `{kind.__name__}`\n\n{inspect.getdoc(kind)}\n"
        if issubclass(kind, msgspec.Struct):
            yield from _fields(kind)
        else:
            yield from _members(kind)


def _fields(kind: type[msgspec.Struct]) -> Iterator[str]:
    rows = ["| field | type | by default |", "|---|---|---|"]
    for field in msgspec.structs.fields(kind):
        annotation = str(kind.__annotations__[field.name]).replace("|", "\\|")
        rows.append(f"| `{field.name}` | `{annotation}` | {_default(field)} |")
    yield "\n".join(rows) + "\n"


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.default_factory is not msgspec.NODEFAULT:
        return "empty"
    if field.default is msgspec.NODEFAULT:
        return ""
    if isinstance(field.default, enum.Enum):
        return f"`{field.default}`"
    return f"`{field.default!r}`" if field.default not in ("", (), frozenset()) else "empty"


def _members(kind: type) -> Iterator[str]:
    public = [
        (name, member)
        for name, member in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_") and member.__doc__ and name not in ("close",)
    ]
    for name, member in public:
        first = (inspect.getdoc(member) or "").partition("\n\n")[0].replace("\n", " ")
        yield f"- `{name}`: {first}"
    if public:
        yield ""


def main() -> int:
    """Write the page, or with --check say whether it is as it would be written."""
    if "--check" in sys.argv[1:]:
        return 0 if PAGE.read_text("utf-8") == page() else 1
    PAGE.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
