"""Text as an attacker writes it, and how many examples of it a test draws."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

MANY = int(os.environ.get("FEEDMUX_EXAMPLES", "0"))
TRICKS = (
    "BTC\r\nX-Evil: 1",
    "BTC\n2026-01-01T00:00:00Z [error] forged provider=other",
    "x level=error provider=other",
    'x" level="error',
    "x' level='error",
    '","level":"error","a":"',
    "\x1b[2J\x1b[31m",
    "\u202ebitcoin\u2028next",
    "..",
    ".",
    "./..",
    "../../etc/passwd",
    "%2e%2e/%2e%2e",
    "%2F..%2f",
    "a/b",
    "//evil.example/",
    "@evil.example",
    "\\evil.example",
    "?a=1",
    "x&limit=9&apikey=z",
    "x;y=1",
    "x#fragment",
    "%00",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></svg><script>",
    "{{7*7}}",
    "{% raw %}",
    "&lt;b&gt;",
    "<!--",
    "]]>",
)
"""What has worked somewhere."""
HOSTILE = st.one_of(
    st.sampled_from(TRICKS),
    st.text(max_size=60),
    st.from_regex(r"[A-Za-z0-9$._+:-]{1,50}", fullmatch=True),
    st.lists(st.sampled_from(TRICKS), min_size=2, max_size=3).map("".join),
)


def examples(number: int) -> settings:
    """So many examples, the same in every run; or as FEEDMUX_EXAMPLES says, drawn anew."""
    return settings(
        max_examples=MANY or number,
        derandomize=not MANY,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
