"""Writes a new provider's package: from templates, and where there is a sample of a body, from its shape."""

from feedmux.scaffold.draft import Draft, drafted
from feedmux.scaffold.package import files

__all__ = ["Draft", "drafted", "files"]
