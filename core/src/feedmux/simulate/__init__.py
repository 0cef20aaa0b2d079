"""The engine in virtual time against modelled upstreams: what a configuration would do on a day like that."""

from feedmux.simulate.outcome import Outcome
from feedmux.simulate.replay import replay
from feedmux.simulate.scenario import Scenario, read
from feedmux.simulate.trial import simulate

__all__ = ["Outcome", "Scenario", "read", "replay", "simulate"]
