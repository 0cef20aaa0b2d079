"""The older service's indicators: `/api/indicators/*`."""

from feedmux_server.compat.indicators.routes import routes

__all__ = ["routes"]
