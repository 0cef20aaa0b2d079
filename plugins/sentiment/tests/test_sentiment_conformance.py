"""What every provider promises, as far as it goes for one that asks nobody: there are no bodies."""

import pytest

pytest.importorskip("torch", reason="torch is not installed; make install-sentiment brings it")

from feedmux.conformance import Suite


class TestConformance(Suite):
    provider = "sentiment"
