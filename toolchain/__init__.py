"""Firmware build and signing toolchain for Nano apps.

Files in this package are nouns, folders are stages; ``docs/architecture.md`` has the map.
"""

__version__ = "0.1.0"
