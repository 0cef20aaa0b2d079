"""Downloads, from a hub of our own on the loopback."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed; make install-sentiment brings it")

from feedmux_sentiment.known import KNOWN

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPO = KNOWN[0].repo
FIND = """
import sys
from pathlib import Path
from feedmux_sentiment.shelf import Shelf
folder = Shelf(cache=Path(sys.argv[1]), download=sys.argv[3] == "download").find(sys.argv[2])
print(*sorted(file.name for file in folder.iterdir()) if folder else ["nothing"])
"""


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as serves one repository's files."""

    def __init__(self, folder: Path, *connection: object) -> None:
        self.folder = folder
        super().__init__(*connection)  # type: ignore[arg-type]

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        file = self.folder / self.path.rpartition("/")[2]
        if self.path.startswith(f"/api/models/{REPO}/tree/"):
            body = json.dumps([_entry(one) for one in self.folder.iterdir()]).encode()
        elif self.path.startswith(f"/api/models/{REPO}"):
            body = json.dumps({"id": REPO, "sha": COMMIT, "siblings": []}).encode()
        elif self.path.startswith(f"/{REPO}/resolve/") and file.is_file():
            body = file.read_bytes()
        else:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.send_header("ETag", f'"{_digest(body)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _entry(file: Path) -> dict[str, str | int]:
    body = file.read_bytes()
    return {"type": "file", "path": file.name, "size": len(body), "oid": _digest(body)}


def _digest(body: bytes) -> str:
    return hashlib.sha1(body, usedforsecurity=False).hexdigest()


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A repository's files; what does not belong to a model must stay there."""
    folder = tmp_path / "repository"
    folder.mkdir()
    for name in ("config.json", "vocab.txt", "tf_model.h5", "run_me.py"):
        (folder / name).write_text("{}")
    return folder


@pytest.fixture
def find(published: Path, tmp_path: Path) -> Iterator[Callable[[str], list[str]]]:
    """Looks for the model in a process whose hub is ours; gives the files of the folder that was found."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Hub, published))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {
        **os.environ,
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HUB_OFFLINE": "0",
    }

    def found(how: str) -> list[str]:
        command = [sys.executable, "-c", FIND, str(tmp_path / "cache"), REPO, how]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout.split()

    yield found
    server.shutdown()
    server.server_close()


def test_a_download_brings_the_safe_weights_and_no_code(
    published: Path, find: Callable[[str], list[str]]
) -> None:
    (published / "model.safetensors").write_text("weights")
    (published / "pytorch_model.bin").write_text("weights")
    assert find("download") == ["config.json", "model.safetensors", "vocab.txt"]


def test_where_there_are_no_safe_weights_the_others_are_fetched(
    published: Path, find: Callable[[str], list[str]]
) -> None:
    (published / "pytorch_model.bin").write_text("weights")
    assert find("download") == ["config.json", "pytorch_model.bin", "vocab.txt"]


def test_without_leave_nothing_is_fetched_and_what_is_here_is_found(
    published: Path, find: Callable[[str], list[str]]
) -> None:
    (published / "model.safetensors").write_text("weights")
    assert find("only here") == ["nothing"]
    find("download")
    assert find("only here") == ["config.json", "model.safetensors", "vocab.txt"]
