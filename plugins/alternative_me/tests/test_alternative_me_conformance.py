"""What every provider promises, checked against the packaged cases and the recorded bodies."""

from pathlib import Path

from feedmux.conformance import Suite


class TestConformance(Suite):
    provider = "alternative_me"
    recordings = Path(__file__).parent / "recorded"
    bodies = 250  # of each; `feedmux check-provider` takes 1,000
