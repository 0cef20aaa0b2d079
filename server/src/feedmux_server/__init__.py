"""Feedmux over REST: `create_app()` makes the application, `feedmux serve` runs it."""

from feedmux_server.app import create_app

__all__ = ["create_app"]
