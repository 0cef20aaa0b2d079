"""Tests that are coroutines run in virtual time, whole days in seconds."""

from simulated.engine import pytest_pyfunc_call

__all__ = ["pytest_pyfunc_call"]
