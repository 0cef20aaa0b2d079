"""Tests that are coroutines run on a real loop: the servers here are processes of their own."""

from __future__ import annotations

from tests.system.conftest import anyio_backend, clock, upstream

__all__ = ["anyio_backend", "clock", "upstream"]
