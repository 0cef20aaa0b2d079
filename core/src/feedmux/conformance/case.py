"""A case: one question, the exchange that answers it, and what is expected of the two. One JSON file each."""

from __future__ import annotations

import base64
import enum
from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field
from msgspec.structs import replace

from feedmux import errors
from feedmux.errors import FeedmuxError

HEALTH, LISTING = "health", "listing"
"""What stands in the place of a capability where the exchange answers no question."""
ITEMS = "items"
INDEX = "index.json"


class Grade(enum.Enum):
    """Where a body comes from: the upstream itself, its documentation, or our own hand."""

    RECORDED = "recorded"
    DOCUMENTED = "documented"
    MADE = "made"


class Case(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One exchange with an upstream.

    `capability` and `parameters` are the question (or `health`, `listing`), `member` whom it goes to, `asked_at` when.
    `target` is the path and query below the host that the provider sends; empty: whatever it sends. `status`, `headers`
    and the body are the reply: `body` where it is UTF-8, `base64` where not, `file` where it stands beside the case.
    `expected` is `items`, also of a health check and a listing that succeed, or an error's slug, `retry_after` its
    seconds. `derived` names the fields of an item that the provider works out from others. A `recorded` or
    `documented` case says its `source`.
    """

    name: str = ""
    capability: str
    parameters: Mapping[str, list[str]] = field(default_factory=dict)
    member: str = ""
    asked_at: Annotated[datetime, Meta(tz=True)]
    target: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    base64: str = ""
    file: str = ""
    expected: str = ITEMS
    retry_after: float | None = None
    derived: tuple[str, ...] = ()
    grade: Grade
    source: str = ""

    def __post_init__(self) -> None:
        if self.grade is not Grade.MADE and not self.source:
            raise ValueError(f"source: a case that is {self.grade.value} says where from")
        if self.expected != ITEMS and self.expected not in SLUGS:
            raise ValueError(f"expected: {ITEMS} or one of {', '.join(sorted(SLUGS))}; got {self.expected}")
        if sum(map(bool, (self.body, self.base64, self.file))) > 1:
            raise ValueError("body: one of body, base64 and file")

    @property
    def content(self) -> bytes:
        """The body as it came, inflated."""
        return base64.b64decode(self.base64) if self.base64 else self.body.encode()

    def with_content(self, content: bytes) -> Case:
        """The same case with another body."""
        try:
            return replace(self, body=content.decode(), base64="", file="")
        except UnicodeDecodeError:
            return replace(self, body="", base64=base64.b64encode(content).decode(), file="")

    @property
    def is_question(self) -> bool:
        return self.capability not in (HEALTH, LISTING)

    @property
    def succeeds(self) -> bool:
        return self.expected == ITEMS


SLUGS = frozenset(
    kind.slug
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, FeedmuxError) and kind is not FeedmuxError
)


def encode(case: Case) -> bytes:
    """The case as its file holds it; the file's name is the case's."""
    return msgspec.json.format(msgspec.json.encode(replace(case, name="")), indent=2) + b"\n"


def packaged(directory: Traversable) -> list[Case]:
    """The cases of a package: every JSON file in its directory, by name. Raises ValueError naming the file."""
    if not directory.is_dir():
        return []
    files = sorted((f for f in directory.iterdir() if f.name.endswith(".json")), key=lambda file: file.name)
    return [_read(file, directory) for file in files]


def recorded(directory: Path) -> list[Case]:
    """The cases that a directory's `index.json` lists, their bodies in files beside it, unchanged."""
    try:
        listed = msgspec.json.decode((directory / INDEX).read_bytes(), type=list[Case])
    except msgspec.MsgspecError as error:
        raise ValueError(f"{directory / INDEX}: {error}") from None
    return [_filled(case, directory) for case in listed]


def _read(file: Traversable, directory: Traversable) -> Case:
    try:
        case = msgspec.json.decode(file.read_bytes(), type=Case)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{file.name}: {error}") from None
    return _filled(replace(case, name=file.name.removesuffix(".json")), directory)


def _filled(case: Case, directory: Traversable) -> Case:
    return case.with_content(directory.joinpath(case.file).read_bytes()) if case.file else case


def named(cases: Iterable[Case]) -> dict[str, Case]:
    """The cases by name; raises ValueError where two share one."""
    found: dict[str, Case] = {}
    for case in cases:
        if found.setdefault(case.name, case) is not case:
            raise ValueError(f"two cases are named {case.name!r}")
    return found
