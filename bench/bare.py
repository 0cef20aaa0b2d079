"""A bare Litestar handler that returns given bytes with given headers, on the same granian with the same flags."""

from __future__ import annotations

import json
import sys

from litestar import Litestar, Response, get

from feedmux_server.listener import Address
from feedmux_server.runner import run
from feedmux_server.traffic import Traffic


def bare(path: str, body: bytes, headers: dict[str, str]) -> Litestar:
    """The application; `media_type` carries the content type, Litestar adds the length."""

    @get(path)
    async def handler() -> Response[bytes]:
        return Response(body, headers=headers, media_type="application/json")

    app = Litestar([handler], openapi_config=None, logging_config=None)
    app.state.traffic = Traffic()
    return app


def main() -> None:
    """Serve what standard input describes: path, body, headers, port; until SIGTERM."""
    told = json.loads(sys.stdin.readline())
    app = bare(told["path"], told["body"].encode(), told["headers"])
    run(app, Address("127.0.0.1", told["port"]), lambda _: print("ready", flush=True))


if __name__ == "__main__":
    main()
