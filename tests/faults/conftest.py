"""Tests that are coroutines and no anyio tests run in virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest
from simulated.engine import pytest_pyfunc_call as in_virtual_time
from tests.system.conftest import anyio_backend, clock, engine, upstream

__all__ = ["anyio_backend", "clock", "engine", "upstream"]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Coroutines run in virtual time, but for those that are marked anyio and for other folders' tests."""
    if pyfuncitem.get_closest_marker("anyio") or Path(__file__).parent not in pyfuncitem.path.parents:
        return None
    return in_virtual_time(pyfuncitem)
