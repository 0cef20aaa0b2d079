"""Whole-system tests: the engine, the installed plugins and real sockets on loopback."""
