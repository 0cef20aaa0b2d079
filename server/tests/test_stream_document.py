"""What the pages for users and operators say of the streams is what the code knows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec

from feedmux.settings import ServerSettings
from feedmux_server.stream import connection, mailbox, native
from feedmux_server.stream.native import Said

DOCS = Path(__file__).parents[2] / "docs"


def table(heading: str) -> dict[str, str]:
    """The second column of a table of the users' page by its first."""
    _, _, rest = (DOCS / "users.md").read_text("utf-8").partition(f"\n| {heading} |")
    rows = [line.split("|") for line in rest.split("\n\n")[0].splitlines()[2:]]
    return {row[1].strip(" `"): row[2] for row in rows}


def test_the_messages_that_are_documented_are_those_that_are_sent() -> None:
    source = "".join(path.read_text("utf-8") for path in Path(native.__file__).parent.glob("*.py"))
    sent = {*re.findall(r'_reply\(\s*"(\w+)"', source), *re.findall(r'"type": ?"(\w+)"', source)}
    sent |= set(re.findall(r'"type":"(\w+)"', source))
    assert set(table("it sends")) == sent


def test_the_examples_are_messages_that_are_understood() -> None:
    section = (DOCS / "users.md").read_text("utf-8").partition("## Live prices")[2].partition("\n## ")[0]
    examples = re.findall(r"^```json\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert {msgspec.convert(json.loads(one), Said).type for one in examples} == {"subscribe"}
    assert set(table("you send")) == {"subscribe", "unsubscribe", "ping"}


def test_the_limits_are_told_as_they_are() -> None:
    told = (DOCS / "operators.md").read_text("utf-8")
    for name in ("stream_clients", "stream_symbols", "stream_messages"):
        assert re.search(rf"# {name} = {getattr(ServerSettings(), name)} ", told)
    assert f"takes {connection.PATIENCE:.0f} s to be sent, or {mailbox.MOST_REPLIES} replies wait" in told
    assert f"| {connection.LONGEST // 1024} KiB in a message |" in told
