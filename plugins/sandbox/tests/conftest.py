"""What the tests share: a fixed instant, and a way to ask a model without a transport."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pytest

from feedmux_sandbox.call import Call, Model
from feedmux_sandbox.transport import MODELS

NOW = 1_767_237_945.678
HERE = Path(__file__).parent
PREFIX = {"binance_dt": "/api/v3", "coingecko": "/api/v3", "alternative_me": ""}


class Ask(Protocol):
    def __call__(
        self, provider: str, path: str, at: float = NOW, status: int = 200, **params: str
    ) -> Any: ...


@pytest.fixture
def ask() -> Ask:
    """The decoded body that a fresh model answers with; checks the status."""

    def asked(provider: str, path: str, at: float = NOW, status: int = 200, **params: str) -> Any:
        model: Model = MODELS[provider]()
        incoming = model.answer(Call("upstream.example", PREFIX[provider] + path, at, params))
        assert incoming.status == status, incoming.body[:200]
        return msgspec.json.decode(incoming.body)

    return asked


@pytest.fixture
def recorded() -> Callable[[str], Any]:
    """A body that an upstream really gave."""
    return lambda name: msgspec.json.decode((HERE / "recorded" / name).read_bytes())


@pytest.fixture
def documented() -> Callable[[str], Any]:
    """A body as the upstream's documentation shows it."""
    return lambda name: msgspec.json.decode((HERE / "documented" / name).read_bytes())
