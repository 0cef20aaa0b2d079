"""Answers for the upstreams in-process, obeying each one's limits and errors; every answer is marked."""

from __future__ import annotations

from feedmux.clock import Clock
from feedmux.hooks import hookimpl
from feedmux.settings import Sandbox, Settings
from feedmux.transport import Transport
from feedmux_sandbox.transport import transport_for

__all__ = ["extension"]


class Extension:
    """Takes the place of the network for every provider, or for none."""

    @hookimpl
    def feedmux_transport(self, provider: str, settings: Settings, clock: Clock) -> Transport | None:
        """None where the sandbox is off; else a simulated transport, whoever the provider is."""
        if settings.engine.sandbox is not Sandbox.ON:
            return None
        return transport_for(provider, clock)


extension = Extension()
