"""Feedmux: one question, many providers."""
