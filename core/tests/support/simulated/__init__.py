"""A small world for tests: upstreams that count for themselves, providers that speak to them, an engine between."""
