"""The log: one line an entry, JSON where no terminal reads it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from feedmux.settings import LogForm
from feedmux_server import log
from feedmux_server.edge import request_id


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Whatever a test configures ends with it."""
    handlers, level = logging.root.handlers, logging.root.level
    yield
    logging.root.handlers, logging.root.level = handlers, level
    structlog.reset_defaults()


def entry(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    found: dict[str, object] = json.loads(written)
    return found


def test_an_entry_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    structlog.get_logger("feedmux.x").warning("something", provider="alpha")
    found = entry(capsys)
    assert (found["event"], found["level"], found["provider"]) == ("something", "warning", "alpha")
    assert str(found["timestamp"]).endswith("Z")


def test_control_characters_do_not_reach_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    structlog.get_logger("feedmux.x").warning("said", text="a\r\nb\x1b[31m\u2028c")
    assert entry(capsys)["text"] == "a??b?[31m?c"


def test_what_libraries_log_takes_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    logging.getLogger("some.library").warning("a\nb")
    assert entry(capsys)["event"] == "a?b"


@pytest.mark.parametrize("name", ["httpx", "httpcore", "_granian", "granian.access"])
def test_libraries_that_say_whole_urls_are_quiet(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    logging.getLogger(name).info("GET /?api_key=SECRET")
    assert capsys.readouterr().err == ""


def test_an_entry_names_the_request_it_belongs_to(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    token = request_id.set("r-1")
    structlog.get_logger("feedmux.x").error("failed", exc_info=ValueError("why"))
    request_id.reset(token)
    found = entry(capsys)
    assert found["id"] == "r-1"
    assert "ValueError: why" in str(found["exception"])


def test_a_person_s_form_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(LogForm.TEXT)
    structlog.get_logger("feedmux.x").warning("something", provider="alpha")
    written = capsys.readouterr().err
    assert "something" in written
    assert "provider=alpha" in written
    assert not written.startswith("{")
    assert "\x1b" not in written


@pytest.mark.anyio
async def test_what_the_engine_says_of_a_question_names_its_request(
    client: Any, wire: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(LogForm.JSON)
    structlog.configure(cache_logger_on_first_use=False)  # the modules' loggers outlive this test
    wire.body = b"no json"
    await client.get("/v1/quotes?symbols=BTC", headers={"x-request-id": "mine-1"})
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["id"] for line in lines if line["event"] == "bad payload"] == ["mine-1"]
