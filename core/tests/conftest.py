"""Tests that are coroutines run in virtual time; drawn examples are the same in every run."""

from hypothesis import HealthCheck, settings
from simulated.engine import pytest_pyfunc_call

__all__ = ["pytest_pyfunc_call"]

settings.register_profile(
    "steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")
