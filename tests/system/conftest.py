"""Fixtures that several system tests share."""

from tests.system.engine import builder, engine, engine_url

__all__ = ["builder", "engine", "engine_url"]
