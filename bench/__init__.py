"""Measurements of this project beside the tools that it replaces (docs/bench.md)."""
