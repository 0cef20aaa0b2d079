"""What every provider promises, checked against the packaged cases and the recorded bodies."""

from pathlib import Path

from feedmux.conformance import Suite


class TestConformance(Suite):
    provider = "coingecko"
    recordings = Path(__file__).parent / "recorded"
    bodies = 100  # of each of many cases; `feedmux check-provider` takes 1,000
