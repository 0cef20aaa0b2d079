"""An outcome as one HTML page with pictures in it: nothing is loaded from anywhere, the same outcome gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from feedmux.simulate.outcome import Outcome, Side
from feedmux.simulate.table import clock, left_out, quotas, rows, summary

WIDTH, HEIGHT, LEFT, BOTTOM = 960, 220, 84, 22
COLOURS = ("#2f6fde", "#e08a1e", "#2f9e6e", "#b04fc4", "#c9433f", "#4aa7c9", "#8a7a35", "#6b6f7a")
LOST, STALE = "#c9433f", "#9aa0aa"
STYLE = """
:root{color-scheme:light dark;--ink:#1b2430;--dim:#5b6675;--line:#d9dee6;--back:#fff;--band:#c9433f22}
@media(prefers-color-scheme:dark){:root{--ink:#e7ebf1;--dim:#9aa6b6;--line:#333c49;--back:#12161c;--band:#c9433f33}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);max-width:1000px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}p{color:var(--dim);margin:.3rem 0}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:.5rem 0;width:100%}
th,td{padding:.25rem .7rem;border-bottom:1px solid var(--line);text-align:right}th:first-child,td:first-child{text-align:left}
th{color:var(--dim);font-weight:600}svg{width:100%;height:auto;display:block}text{fill:var(--dim);font-size:11px}
.key{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin:0 .4em 0 1em;vertical-align:-1px}
.wrap{overflow-x:auto}
"""


def page(outcome: Outcome) -> str:
    """The page."""
    sides = [(f"{name[:1].upper()}{name[1:]}", side) for name, side in outcome.sides.items()]
    names = dict.fromkeys(share.provider for _, side in sides for share in side.providers)
    colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names)}
    parts = [_side(title, side, outcome, colours) for title, side in sides]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(outcome.name)}</title><style>{STYLE}</style>"
        f"<h1>{escape(outcome.name)}</h1><p>{escape(outcome.about)}</p>"
        f"<p>{clock(outcome.seconds)} simulated, seed {outcome.seed}</p>"
        f"{_table(('', *(title for title, _ in sides)), summary([side for _, side in sides]))}"
        f"{_list('Quotas at their fullest', quotas(outcome))}"
        f"{_list('What to know', [*left_out(outcome), *outcome.notes])}{_faults(outcome)}{''.join(parts)}</html>\n"
    )


def _side(title: str, side: Side, outcome: Outcome, colours: Mapping[str, str]) -> str:
    keys = "".join(
        f'<span class="key" style="background:{colour}"></span>{escape(name)}'
        for name, colour in (*colours.items(), ("stale", STALE), ("lost", LOST))
    )
    heads, body = rows(side)
    return (
        f"<h2>{escape(title)}</h2><p>Who answered, over time{keys}</p>{_columns(side, outcome, colours)}"
        f"<p>Half of the waiting times, in milliseconds</p>{_line(side, outcome)}{_table(heads, body)}"
    )


def _list(title: str, lines: Sequence[str]) -> str:
    if not lines:
        return ""
    return f"<h2>{title}</h2>" + "".join(f"<p>{escape(line)}</p>" for line in lines)


def _faults(outcome: Outcome) -> str:
    if not outcome.faults:
        return ""
    body = [
        (f.kind, f.provider, clock(f.begins), clock(f.ends - f.begins), f"{f.value:g}")
        for f in outcome.faults
    ]
    return "<h2>What goes wrong</h2>" + _table(("what", "where", "from", "for", "how much"), body)


def _table(heads: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    lines = "".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in body)
    return f'<div class="wrap"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'


def _columns(side: Side, outcome: Outcome, colours: Mapping[str, str]) -> str:
    """Stacked columns: what each provider gave, and what was lost."""
    most = max((sum(m.given.values()) + m.lost for m in side.moments), default=0) or 1
    width = (WIDTH - LEFT) / len(side.moments)
    drawn = []
    for place, moment in enumerate(side.moments):
        at, base = LEFT + place * width, float(HEIGHT - BOTTOM)
        stacked = [(colours[name], moment.given.get(name, 0)) for name in colours]
        for colour, count in (*stacked, (LOST, moment.lost)):
            if count:
                tall = count / most * (HEIGHT - BOTTOM - 8)
                base -= tall
                drawn.append(_box(at, base, width - 0.6, tall, colour))
        if moment.stale:
            drawn.append(_box(at, HEIGHT - BOTTOM + 1, width - 0.6, 4, STALE))
    return _frame(outcome, "".join(drawn), f"{most} answers", "Answers by provider over time")


def _line(side: Side, outcome: Outcome) -> str:
    known = [(place, m.median_ms) for place, m in enumerate(side.moments) if m.median_ms is not None]
    most = max((value for _, value in known), default=0.0) or 1.0
    width = (WIDTH - LEFT) / len(side.moments)
    points = " ".join(
        f"{LEFT + (place + 0.5) * width:.1f},{HEIGHT - BOTTOM - value / most * (HEIGHT - BOTTOM - 8):.1f}"
        for place, value in known
    )
    drawn = f'<polyline points="{points}" fill="none" stroke="{COLOURS[0]}" stroke-width="1.5"/>'
    return _frame(outcome, drawn, f"{most:.0f} ms", "Median waiting time over time")


def _frame(outcome: Outcome, drawn: str, top: str, label: str) -> str:
    """Axes, the bands of what goes wrong, and what is drawn in them."""
    scale = (WIDTH - LEFT) / outcome.seconds
    bands = "".join(
        f'<rect x="{LEFT + f.begins * scale:.1f}" y="0" width="{max(1.5, (f.ends - f.begins) * scale):.1f}" '
        f'height="{HEIGHT - BOTTOM}" fill="var(--band)"/>'
        for f in outcome.faults
    )
    ticks = "".join(
        f'<text x="{LEFT + share * (WIDTH - LEFT):.0f}" y="{HEIGHT - 4}" text-anchor="{anchor}">'
        f"{clock(share * outcome.seconds)}</text>"
        for share, anchor in ((0, "start"), (0.25, "middle"), (0.5, "middle"), (0.75, "middle"), (1, "end"))
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{bands}{drawn}'
        f'<line x1="{LEFT}" y1="{HEIGHT - BOTTOM}" x2="{WIDTH}" y2="{HEIGHT - BOTTOM}" stroke="var(--line)"/>'
        f'<text x="{LEFT - 6}" y="12" text-anchor="end">{escape(top)}</text>{ticks}</svg>'
    )


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'
