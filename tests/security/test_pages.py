"""Whatever providers, upstreams and questions say: a page keeps the elements and attributes that it has."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given

from feedmux import Quote, UpstreamDown
from feedmux.answer import Missing
from feedmux.breaker import State
from feedmux.clock import SystemClock
from feedmux.limits import Tier
from feedmux.status import MemberStatus, ProviderStatus
from feedmux_server.badge import drawn
from feedmux_server.operation import Operation
from feedmux_server.page import ICONS, SECTIONS
from feedmux_server.parameters import Parameter
from feedmux_server.template import render

from .drawn import HOSTILE, TRICKS, examples

HARMLESS = "plain"


class Markup(HTMLParser):
    """The elements of a page with the names of their attributes, in order; `said` is its text and its values."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.said = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "wbr" or attrs:  # the page itself allows a break after each _
            self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.said += " ".join(value or "" for _, value in attrs)

    def handle_endtag(self, tag: str) -> None:
        self.tags.append((f"/{tag}", ()))

    def handle_data(self, data: str) -> None:
        self.said += data

    def handle_comment(self, data: str) -> None:
        self.tags.append(("<!--", ()))

    def handle_decl(self, decl: str) -> None:
        self.tags.append(("<!", ()))

    def unknown_decl(self, data: str) -> None:
        self.tags.append(("<![", ()))

    def handle_pi(self, data: str) -> None:
        self.tags.append(("<?", ()))


def page(said: str) -> str:
    """The first page, where every text that comes from elsewhere is this one."""
    quote = Quote(symbol=said or "x", price=1.0, name=said)
    told: Any = dict.fromkeys(("distribution", "version", "cause", "last_error", "attribution", "docs"), said)
    states = (State.OPEN, State.QUARANTINED)
    providers = [
        ProviderStatus(
            name=said, state=one, tier=Tier.EMERGENCY, members=(MemberStatus(name=said, state=one),), **told
        )
        for one in states
    ]
    return render(
        "page.html",
        symbols=(said, "ETH"),
        quotes={said: quote},
        missing={"ETH": Missing(said, said)},
        attribution=(said, said),
        trouble=UpstreamDown(said),
        providers=providers,
        icons={state.value: icon for state, icon in ICONS.items()},
        sandbox=False,
        chart=True,
        sections=SECTIONS,
        offers=[said],
        capabilities=[said],
        intervals=[said],
        now=SystemClock().now(),
        version=said,
    )


def reference(said: str) -> str:
    """The page of routes, where a plugin's question is described so."""
    shown = Parameter(
        name=said,
        where="query",
        required=True,
        schema={"type": "string", "enum": [said], "default": said or "x", "minimum": said, "maximum": said},
        description=said,
    )
    operation = Operation(tag=said, summary=f"{said}.", parameters=(shown,))
    return render("reference.html", groups=[(said, [(f"/v1/{said}", operation)])])


@pytest.mark.parametrize("made", [page, reference])
@examples(40)
@given(said=HOSTILE)
def test_no_text_from_elsewhere_becomes_an_element_or_an_attribute(made: Any, said: str) -> None:
    assert Markup(made(said)).tags == Markup(made(HARMLESS)).tags


@pytest.mark.parametrize("said", TRICKS)
def test_what_is_shown_is_what_was_said(said: str) -> None:
    lines = said.replace("\r\n", "\n")
    assert Markup(page(said)).said.replace("\r\n", "\n").count(lines) >= 10


@examples(40)
@given(said=HOSTILE)
def test_a_badge_keeps_its_elements(said: str) -> None:
    badge = ElementTree.fromstring(drawn(said, State.OPEN))
    plain = ElementTree.fromstring(drawn(HARMLESS, State.OPEN))
    assert [(one.tag, sorted(one.attrib)) for one in badge.iter()] == [
        (one.tag, sorted(one.attrib)) for one in plain.iter()
    ]
