"""The log: one line an entry, JSON where no terminal reads it."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import structlog

from feedmux.settings import LogForm
from feedmux_server import log
from feedmux_server.edge import request_id
from feedmux_server.flood import MORE

pytestmark = pytest.mark.usefixtures("restored_log")


def written_by(begun: log.Log, capfd: pytest.CaptureFixture[str]) -> str:
    """What stood on stderr once the log was closed."""
    begun.close()
    return capfd.readouterr().err


def entry(begun: log.Log, capfd: pytest.CaptureFixture[str]) -> dict[str, object]:
    written = written_by(begun, capfd)
    assert written.count("\n") == 1
    found: dict[str, object] = json.loads(written)
    return found


def test_an_entry_is_one_line_of_json(capfd: pytest.CaptureFixture[str]) -> None:
    begun = log.configure()
    structlog.get_logger("feedmux.x").warning("something", provider="alpha")
    found = entry(begun, capfd)
    assert (found["event"], found["level"], found["provider"]) == ("something", "warning", "alpha")
    assert str(found["timestamp"]).endswith("Z")


def test_control_characters_do_not_reach_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    begun = log.configure()
    structlog.get_logger("feedmux.x").warning("said", text="a\r\nb\x1b[31m\u2028c")
    assert entry(begun, capfd)["text"] == "a??b?[31m?c"


def test_what_libraries_log_takes_the_same_form(capfd: pytest.CaptureFixture[str]) -> None:
    begun = log.configure()
    logging.getLogger("some.library").warning("a\nb")
    assert entry(begun, capfd)["event"] == "a?b"


@pytest.mark.parametrize("name", ["httpx", "httpcore", "_granian", "granian.access"])
def test_libraries_that_say_whole_urls_are_quiet(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    begun = log.configure()
    logging.getLogger(name).info("GET /?api_key=SECRET")
    assert written_by(begun, capfd) == ""


def test_an_entry_names_the_request_it_belongs_to(capfd: pytest.CaptureFixture[str]) -> None:
    begun = log.configure()
    token = request_id.set("r-1")
    structlog.get_logger("feedmux.x").error("failed", exc_info=ValueError("why"))
    request_id.reset(token)
    found = entry(begun, capfd)
    assert found["id"] == "r-1"
    assert "ValueError: why" in str(found["exception"])


def test_a_person_s_form_can_be_chosen(capfd: pytest.CaptureFixture[str]) -> None:
    begun = log.configure(LogForm.TEXT)
    structlog.get_logger("feedmux.x").warning("something", provider="alpha")
    written = written_by(begun, capfd)
    assert "something" in written
    assert "provider=alpha" in written
    assert not written.startswith("{")
    assert "\x1b" not in written


@pytest.mark.anyio
async def test_what_the_engine_says_of_a_question_names_its_request(
    client: Any, wire: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    begun = log.configure(LogForm.JSON)
    structlog.configure(cache_logger_on_first_use=False)  # the modules' loggers outlive this test
    wire.body = b"no json"
    await client.get("/v1/quotes?symbols=BTC", headers={"x-request-id": "mine-1"})
    lines = [json.loads(line) for line in written_by(begun, capfd).splitlines()]
    assert [line["id"] for line in lines if line["event"] == "bad payload"] == ["mine-1"]


def test_a_flood_of_one_warning_is_ten_lines_and_one_that_says_how_many_more(
    capfd: pytest.CaptureFixture[str],
) -> None:
    begun = log.configure()
    for _ in range(100):
        structlog.get_logger("feedmux.x").warning("again", provider="alpha")
        logging.getLogger("some.library").warning("and again")
    *lines, first, second = map(json.loads, written_by(begun, capfd).splitlines())
    assert [line["event"] for line in lines] == ["again", "and again"] * 10
    assert (first["line"], first["times"]) == ("again: alpha", 90)
    assert (second["line"], second["times"]) == ("some.library: and again", 90)


def raised(text: str) -> ValueError:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


def test_no_traceback_in_the_form_for_a_person_steers_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    begun = log.configure(LogForm.TEXT)
    error = raised("".join(("a", chr(0x1B), "[2Jb", chr(0x2028), "c", chr(0x85), "d", chr(13), "e")))
    structlog.get_logger("feedmux.x").error("failed", exc_info=error)
    logging.getLogger("some.library").error("failed", exc_info=error)
    written = written_by(begun, capfd)
    assert written.count("ValueError: a?[2Jb?c?d?e\n") == 2
    assert written.replace("\n", "").isprintable()


def test_an_entry_is_one_line_of_json_whatever_its_parts_hold(capfd: pytest.CaptureFixture[str]) -> None:
    begun = log.configure()
    text = "".join(map(chr, (0x2028, 0x2029, 0x85, 0x9B, 0xDC80)))
    structlog.get_logger("feedmux.x").error("said " + text, parts=[text], exc_info=raised(text))
    written = written_by(begun, capfd)
    found = json.loads(written)
    assert written.removesuffix("\n").isprintable()
    assert (found["event"], found["parts"]) == ("said ?????", [text])
    assert str(found["exception"]).endswith(f"ValueError: {text}")


def test_what_was_held_back_is_told_of_no_one_request() -> None:
    token = request_id.set("r-1")
    told = [log.with_request_id(None, "warning", {"event": event}) for event in ("again", MORE)]
    request_id.reset(token)
    assert told == [{"event": "again", "id": "r-1"}, {"event": MORE}]
