"""The server as a process of its own, on a free port of loopback."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.request import urlopen

import pytest

from feedmux.clock import SystemClock

FEEDMUX = [sys.executable, "-c", "from feedmux.cli import main; main()"]
PATIENCE = 20.0
Start = Callable[..., "Running"]


class Running:
    """A process that was started, and what it says."""

    def __init__(self, command: list[str], folder: Path) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("FEEDMUX_")}
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**environment, "FEEDMUX_ALPHA_API_KEY": "CANARY-KEY"},
        )
        self.said: list[str] = []
        self.logged: list[str] = []
        self._readers = [
            Thread(target=_read, args=(stream, lines), daemon=True)
            for stream, lines in ((self.process.stdout, self.said), (self.process.stderr, self.logged))
        ]
        for reader in self._readers:
            reader.start()

    def until_said(self, text: str) -> str:
        """The line that holds the text, once it is there."""
        return wait_for(lambda: next((line for line in [*self.said] if text in line), None), self)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        code = self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        return code


def _read(stream: Any, lines: list[str]) -> None:
    with stream:
        for line in stream:
            lines.append(line.rstrip("\n"))


def wait_for(found: Callable[[], Any], running: Running) -> Any:
    """What `found` finds, asked again and again for a while."""
    clock, pause = SystemClock(), Event()
    until = clock.monotonic() + PATIENCE
    while clock.monotonic() < until:
        if (value := found()) is not None:
            return value
        assert running.process.poll() is None, running.logged
        pause.wait(0.02)
    raise AssertionError(f"not in time: {running.said} {running.logged[-20:]}")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts processes, ends those that are left."""
    started: list[Running] = []

    def run(*command: str) -> Running:
        started.append(Running(list(command), tmp_path))
        return started[-1]

    yield run
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.ended()


@pytest.fixture
def port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        found: int = trial.getsockname()[1]
    return found


def get(port: int, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers=headers)
        reply = connection.getresponse()
        return reply.status, {k.lower(): v for k, v in reply.headers.items()}, reply.read()
    finally:
        connection.close()


def test_serve_answers_from_the_sandbox_and_ends_with_zero_on_sigterm(start: Start, port: int) -> None:
    server = start(*FEEDMUX, "serve", "--sandbox", "on", "--port", str(port))
    assert server.until_said("listens") == f"Feedmux listens on http://127.0.0.1:{port}"
    status, headers, body = get(port, "/v1/quotes?symbols=BTC,ETH")
    assert status == 200
    assert headers["x-feedmux-sandbox"] == "true"
    assert [item["symbol"] for item in json.loads(body)["items"]] == ["BTC", "ETH"]
    price = json.loads(get(port, "/api/market/price?symbol=BTC")[2])
    assert price["sandbox"] is True
    assert b"Sandbox" in get(port, "/")[2]
    assert server.stop() == 0
    assert server.said == [f"Feedmux listens on http://127.0.0.1:{port}"]
    told = "\n".join(server.logged)
    assert "SANDBOX" in told
    assert "CANARY" not in told
    lines = [json.loads(line) for line in server.logged if line.startswith("{")]
    assert [line["route"] for line in lines if line["event"] == "request"] == [
        "/v1/quotes",
        "/api/market/price",
        "/",
    ]


def test_sigint_ends_it_with_zero_too(start: Start, port: int) -> None:
    server = start(*FEEDMUX, "serve", "--sandbox", "on", "--port", str(port))
    server.until_said("listens")
    assert server.stop(signal.SIGINT) == 0


def test_a_second_server_on_the_port_is_refused(start: Start, port: int) -> None:
    first = start(*FEEDMUX, "serve", "--sandbox", "on", "--port", str(port))
    first.until_said("listens")
    second = start(*FEEDMUX, "serve", "--sandbox", "on", "--port", str(port))
    assert second.ended() == 2
    assert second.said == []
    assert f"port {port} of 127.0.0.1 is taken" in "\n".join(second.logged)
    assert get(port, "/api/health")[0] == 200
    assert first.stop() == 0


def test_port_0_takes_a_free_one_and_says_which(start: Start) -> None:
    server = start(*FEEDMUX, "serve", "--sandbox", "on", "--port", "0")
    url = server.until_said("listens").split()[-1]
    with urlopen(f"{url}/api/health", timeout=PATIENCE) as reply:
        assert reply.status == 200


def test_a_broken_configuration_is_told_before_anything_listens(start: Start, tmp_path: Path) -> None:
    config = tmp_path / "wrong.toml"
    config.write_text("[server]\nprot = 1\n")
    server = start(*FEEDMUX, "serve", "--config", str(config))
    assert server.ended() == 2
    assert "did you mean port" in "\n".join(server.logged)
    assert "Traceback" not in "\n".join(server.logged)


def test_a_plan_that_is_not_known_is_told_like_any_wrong_setting(start: Start, tmp_path: Path) -> None:
    config = tmp_path / "wrong.toml"
    config.write_text('[providers.coingecko]\nplan = "demon"\n')
    server = start(*FEEDMUX, "serve", "--sandbox", "on", "--config", str(config), "--port", "0")
    assert server.ended() == 2
    told = "\n".join(server.logged)
    assert "providers.coingecko.plan: is not known; did you mean demo?" in told
    assert "Traceback" not in told


def test_it_listens_where_a_name_leads(start: Start, port: int) -> None:
    server = start(*FEEDMUX, "serve", "--sandbox", "on", "--host", "localhost", "--port", str(port))
    assert server.until_said("listens") == f"Feedmux listens on http://127.0.0.1:{port}"
    assert get(port, "/api/health", Host=f"localhost:{port}")[0] == 200
    assert server.stop() == 0
    assert "reached by other machines" not in "\n".join(server.logged)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "." * 300])
def test_a_name_that_leads_nowhere_is_told(start: Start, host: str) -> None:
    server = start(*FEEDMUX, "serve", "--sandbox", "on", "--host", host, "--port", "0")
    assert server.ended() == 2
    assert server.logged == [f"feedmux serve: {host} is no address of this machine: choose another --host"]


def test_listening_for_others_is_warned_of(start: Start, port: int) -> None:
    server = start(*FEEDMUX, "serve", "--sandbox", "on", "--host", "0.0.0.0", "--port", str(port))
    server.until_said("listens")
    assert get(port, "/api/health", Host=f"10.0.0.7:{port}")[0] == 200
    assert get(port, "/api/health", Host="evil.example")[0] == 400
    assert server.stop() == 0
    assert "reached by other machines" in "\n".join(server.logged)


def test_a_request_under_way_is_finished_after_sigterm(start: Start, port: int) -> None:
    server = start(sys.executable, str(Path(__file__).with_name("slow.py")), str(port), "1.0")
    server.until_said("listens")
    replies: list[int] = []
    asking = Thread(target=lambda: replies.append(get(port, "/v1/fear-greed")[0]))
    asking.start()
    server.until_said("asked")
    assert server.stop() == 0
    asking.join(PATIENCE)
    assert replies == [200]


def test_a_request_that_does_not_end_is_cut_off_within_ten_seconds(start: Start, port: int) -> None:
    server = start(sys.executable, str(Path(__file__).with_name("slow.py")), str(port), "50")
    server.until_said("listens")
    asking = Thread(target=_asked_in_vain, args=(port,), daemon=True)
    asking.start()
    server.until_said("asked")
    clock = SystemClock()
    began = clock.monotonic()
    assert server.stop() == 0
    assert clock.monotonic() - began < 10.5


def _asked_in_vain(port: int) -> None:
    try:
        get(port, "/v1/fear-greed")
    except (OSError, http.client.HTTPException):
        pass


def test_idle_connections_do_not_hold_the_server(start: Start, port: int) -> None:
    server = start(*FEEDMUX, "serve", "--sandbox", "on", "--port", str(port))
    server.until_said("listens")
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    idle[0].sendall(b"GET /api/health HTTP/1.1\r\n")
    clock = SystemClock()
    began = clock.monotonic()
    assert server.stop() == 0
    assert clock.monotonic() - began < 10
    for one in idle:
        one.close()


def test_sighup_and_feedmux_reload_read_the_settings_anew(start: Start, port: int, tmp_path: Path) -> None:
    file, mine = tmp_path / "feedmux.toml", '[server]\nadmin_token = "TOKEN-OF-MINE"\n'
    file.write_text(mine)
    server = start(*FEEDMUX, "serve", "--sandbox", "on", "--port", str(port))
    server.until_said("listens")
    file.write_text(f"{mine}port = {port}\n[engine]\ndeadline = 0\n")
    server.process.send_signal(signal.SIGHUP)
    refused = wait_for(lambda: next((one for one in [*server.logged] if "not reloaded" in one), None), server)
    assert "engine.deadline" in refused
    file.write_text(f"{mine}port = {port}\n[engine]\ndeadline = 2\n")
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: next((one for one in [*server.logged] if '"reloaded"' in one), None), server)
    asked = start(*FEEDMUX, "reload")
    assert asked.ended() == 0, asked.logged
    assert asked.said == ["reloaded"]
    assert get(port, "/readyz")[0] == 200
    assert "TOKEN-OF-MINE" not in "".join([*server.logged, *asked.logged])
    assert server.stop() == 0
