"""What every provider promises, checked against the packaged cases and the documented bodies."""

from pathlib import Path

from feedmux.conformance import Suite


class TestConformance(Suite):
    provider = "crypto_api_clean"
    recordings = Path(__file__).parent / "documented"


class TestConformanceOfTheShipped(Suite):
    provider = "crypto_api_clean_shipped"
    bodies = 250  # of each; `feedmux check-provider` takes 1,000
