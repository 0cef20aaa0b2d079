"""What the process and the machine use, in the older service's words."""

from __future__ import annotations

import os

import psutil  # type: ignore[import-untyped]
from msgspec import Struct

MEGABYTE = 1024 * 1024


class Resources(Struct, frozen=True, kw_only=True):
    """Percentages of the machine; `cpu_percent` since the last time it was read; `load_avg` over 1, 5, 15 minutes."""

    cpu_percent: float
    memory_percent: float
    memory_used_mb: float
    memory_total_mb: float
    uptime_seconds: float
    load_avg: list[float]


def begin() -> None:
    """Start measuring the processor: the first reading counts from here."""
    psutil.cpu_percent()


def resources(uptime: float) -> Resources:
    """What is used now."""
    memory = psutil.virtual_memory()
    return Resources(
        cpu_percent=psutil.cpu_percent(),
        memory_percent=memory.percent,
        memory_used_mb=round(memory.used / MEGABYTE, 1),
        memory_total_mb=round(memory.total / MEGABYTE, 1),
        uptime_seconds=round(uptime, 3),
        load_avg=[round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else [],
    )
