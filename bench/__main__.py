"""`python -m bench`: all of it, one line a result."""

from __future__ import annotations

import os
import platform

from bench import cached, failover, memory, miss, route, stream

print(f"python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores")
for part in (route, miss, failover, cached, memory, stream):
    part.main()
