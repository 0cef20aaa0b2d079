"""How a question went, as a person reads it: one line for each recorded event, made of that event alone."""

from __future__ import annotations

from functools import singledispatch

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.text import Text

from feedmux import event
from feedmux.cell import printable, span
from feedmux.event import Event, Result, Trace

LABEL = 9


class Line(Struct, frozen=True):
    """A word for what happened, and what did."""

    label: str
    text: str
    style: str = ""


def print_trace(console: Console, trace: Trace) -> None:
    """The events in the order they happened."""
    for happened in trace.events:
        told = line(happened)
        console.print(
            Text.assemble((f"{told.label:<{LABEL}} ", f"bold {told.style}"), printable(told.text)),
            soft_wrap=True,
        )


@singledispatch
def line(happened: Event) -> Line:
    """What an event says. One without a sentence of its own is told by its fields."""
    fields = msgspec.to_builtins(happened)
    label = fields.pop("event", type(happened).__name__.lower())
    return Line(label, ", ".join(f"{k} {v}" for k, v in fields.items() if k != "at" and v not in (None, "")))


@line.register
def _(happened: event.Cached) -> Line:
    if happened.age is None:
        return Line("cache", f"{happened.what}: nothing kept")
    kept = f"{happened.what}: {span(happened.age)} old, from {happened.provider}"
    return Line(
        "cache",
        f"{kept}, fresh enough" if happened.state == "hit" else f"{kept}, too old to serve before asking",
    )


@line.register
def _(happened: event.Joined) -> Line:
    return Line(
        "joined", f"{happened.what}: somebody had asked already, their answer serves this question too"
    )


@line.register
def _(happened: event.Skipped) -> Line:
    detail = f" ({happened.detail})" if happened.detail else ""
    wait = "" if happened.wait is None else f", for {span(happened.wait)} more"
    return Line("skipped", f"{happened.member}: {happened.reason.value}{detail}{wait}", "yellow")


@line.register
def _(happened: event.Considered) -> Line:
    if not happened.members:
        return Line("order", "nobody is left to ask", "red")
    slow = {name: f" (slow, last for {span(wait)} more)" for name, wait in happened.slow.items()}
    return Line("order", ", then ".join(name + slow.get(name, "") for name in happened.members))


@line.register
def _(happened: event.Tried) -> Line:
    came = f"{happened.got} of {happened.asked} came" if happened.asked > 1 else ""
    calls = f"{happened.requests} requests" if happened.requests != 1 else ""
    told = ", ".join(filter(None, (happened.result.value, came, calls)))
    detail = f": {happened.detail}" if happened.detail else ""
    style = "green" if happened.result in (Result.ANSWERED, Result.PARTIAL) else "red"
    return Line("asked", f"{happened.member}, {span(happened.seconds)}: {told}{detail}", style)


@line.register
def _(happened: event.Held) -> Line:
    return Line("held back", f"{happened.what} from {happened.member}: {happened.detail}", "yellow")


@line.register
def _(happened: event.Compared) -> Line:
    said = ", ".join(
        f"{member} {price:.10g}{' (apart)' if member in happened.apart else ''}"
        for member, price in happened.said.items()
    )
    if happened.price is None:
        return Line("compared", f"{happened.what}: no consensus, {said}", "red")
    style = "yellow" if happened.apart or len(happened.said) == 1 else "green"
    return Line(
        "compared", f"{happened.what}: {happened.price:.10g}, {happened.spread:.2%} apart, {said}", style
    )


@line.register
def _(happened: event.Hedged) -> Line:
    told = f"{happened.member}: {happened.beside} takes longer than {span(happened.after)}"
    return Line("hedged", told, "yellow")


@line.register
def _(happened: event.Waited) -> Line:
    return Line("waited", f"{span(happened.seconds)} until {happened.member} reopened", "yellow")


@line.register
def _(happened: event.StreamOpened) -> Line:
    return Line("stream", f"{happened.member} pushes {happened.what}", "green")


@line.register
def _(happened: event.StreamLost) -> Line:
    return Line("stream", f"{happened.member} pushes {happened.what} no more: {happened.reason}", "red")


@line.register
def _(happened: event.StreamResumed) -> Line:
    quiet = span(happened.seconds)
    return Line("stream", f"{happened.member} pushes {happened.what} again after {quiet} of silence", "green")


@line.register
def _(happened: event.ServedStale) -> Line:
    return Line(
        "stale", f"{happened.what}: served {span(happened.age)} old, from {happened.provider}", "yellow"
    )


@line.register
def _(happened: event.Answered) -> Line:
    if not happened.items:
        return Line("ended", f"{happened.capability}: no items, after {span(happened.seconds)}", "red")
    items = "1 item" if happened.items == 1 else f"{happened.items} items"
    whence = "from the cache" if happened.source == "cache" else f"in {span(happened.seconds)}"
    return Line(
        "answered",
        f"{happened.capability}: {items} {whence}{', some STALE' if happened.stale else ''}",
        "green",
    )


@line.register
def _(happened: event.Changed) -> Line:
    cause = f": {happened.cause}" if happened.cause else ""
    wait = "" if happened.wait is None else f", for {span(happened.wait)}"
    return Line("state", f"{happened.member} is {happened.state.value}{wait}{cause}", "yellow")


@line.register
def _(happened: event.Misbehaved) -> Line:
    return Line("plugin", f"{happened.member}: {happened.detail}", "red")
