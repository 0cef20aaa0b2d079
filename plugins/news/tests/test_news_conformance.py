"""What every provider promises, checked against the packaged cases: feeds of our own making."""

from feedmux.conformance import Suite


class TestConformance(Suite):
    provider = "news"
    bodies = 250  # of each; `feedmux check-provider` takes 1,000
