"""What other modules count at this moment, read when it is asked for: each registers how to read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "feedmux_stream_clients": "WebSockets that are connected",
        "feedmux_stream_topics": "Questions that are watched for them",
        "feedmux_log_lines_dropped": "Lines of the log that could not be written",
    }
)
"""Every gauge that can be registered, with what it says: 0 where nobody registers it."""


class Gauges:
    """Readings by name, added up where several are registered for one name."""

    def __init__(self) -> None:
        self._readings: dict[str, list[Callable[[], float]]] = {name: [] for name in NAMES}

    def add(self, name: str, read: Callable[[], float]) -> None:
        """Register a reading, called on the event loop; raises KeyError for a name that is not in NAMES."""
        self._readings[name].append(read)

    def values(self) -> dict[str, float]:
        """Every gauge as it reads now."""
        return {name: float(sum(read() for read in readings)) for name, readings in self._readings.items()}
