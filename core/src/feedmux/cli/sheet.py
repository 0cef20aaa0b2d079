"""An answer in a terminal: a table that fits it, what is missing and why, whose data it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from feedmux.answer import SIMULATED, Answer
from feedmux.cell import Kind, printable, span
from feedmux.items import Item
from feedmux.table import Column, columns

WIDEST = 60
"""Characters that a text may take before it is broken into lines."""
GAP = 2


def print_answer(console: Console, answer: Answer[Any], now: datetime) -> None:
    """The whole answer; `now` is what ages are counted to."""
    if answer.sandbox:
        console.print(Text(f" {SIMULATED} ", "black on yellow"))
    once, varying = _folded([*_said(answer), _age(answer.items, now)])
    shown, left_out = _fitting(varying, console.width)
    if answer.items:
        console.print(_table(shown))
    else:
        console.print(Text("nothing found"))
    if once:
        console.print(Text(" · ".join(f"{column.name} {column.cells[0]}" for column in once), "dim"))
    for crossed in answer.crossed.values():
        if crossed.price is not None:
            console.print(Text(printable(str(crossed)), "dim"), soft_wrap=True)
    for element, why in answer.missing.items():
        again = f"; ask again in {span(why.retry_after)}" if why.retry_after is not None else ""
        told = f"{printable(element)} is missing: {printable(why.detail)}{again}"
        console.print(Text(told, "red"), soft_wrap=True)
    if left_out:
        names = ", ".join(column.name for column in left_out)
        console.print(Text(f"not shown: {names}; --json has everything", "dim"))
    for source in answer.attribution:
        console.print(Text(f"source: {printable(source)}", "dim"), soft_wrap=True)


def _said(answer: Answer[Any]) -> list[Column]:
    """The columns of the answer, but for staleness, which the age tells; of what is no series also without its times."""
    own_time = any(column.required and column.kind is Kind.INSTANT for column in columns(answer.items))
    hidden = {"stale"} if type(answer.query).series and not own_time else {"stale", "observed_at"}
    return [column for column in columns(answer.items) if column.name not in hidden]


def _age(items: Sequence[Item], now: datetime) -> Column:
    """How long ago each item was fetched; one that is stale says so."""
    ages = [
        span(max(0.0, round((now - item.fetched_at).total_seconds()))) if item.fetched_at else ""
        for item in items
    ]
    stale = [" STALE" if item.stale else "" for item in items]
    cells = ["0 s" + mark if age == "0 ms" else age + mark for age, mark in zip(ages, stale, strict=True)]
    return Column("age", Kind.PRICE, tuple(cells))


def _folded(every: Sequence[Column]) -> tuple[list[Column], list[Column]]:
    """What is the same for all of several items, said once, and what is not. Numbers and staleness stay."""
    once = [
        column
        for column in every
        if len(column.cells) > 1
        and len(set(column.cells)) == 1
        and (column.name == "age" or not column.kind.numeric)
        and "STALE" not in column.cells[0]
    ]
    return once, [column for column in every if column not in once]


def _fitting(every: Sequence[Column], width: int) -> tuple[list[Column], list[Column]]:
    """The columns that fit side by side, and those that do not: what the item is and whose it is goes first."""
    by_need = sorted(every, key=_need)
    room, shown = width, []
    for column in by_need:
        needs = min(WIDEST, max(len(text) for text in (column.name, *column.cells))) + GAP
        if needs <= room or column.required:
            shown.append(column)
            room -= needs
    return [c for c in every if c in shown], [c for c in every if c not in shown]


def _need(column: Column) -> int:
    if column.required:
        return 0
    if column.name in ("provider", "age", "observed_at"):
        return 1
    return 2 if column.kind.numeric or column.name == "vs" else 3


def _table(shown: Sequence[Column]) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold"
    )
    for column in shown:
        table.add_column(
            column.name,
            justify="right" if column.kind.numeric else "left",
            no_wrap=max(map(len, column.cells)) <= WIDEST,
            overflow="fold",
            max_width=WIDEST,
        )
    for line in zip(*(column.cells for column in shown), strict=True):
        table.add_row(*(_styled(column, text) for column, text in zip(shown, line, strict=True)))
    return table


def _styled(column: Column, text: str) -> Text:
    if "STALE" in text:
        return Text(text, "bold yellow")
    if column.kind in (Kind.PERCENT, Kind.CHANGE):
        return Text(text, {"+": "green", "-": "red"}.get(text[:1], ""))
    if column.name in ("provider", "age"):
        return Text(text, "dim")
    return Text(text, "bold" if column.required and column.kind is Kind.TEXT else "")
