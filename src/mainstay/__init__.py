"""Mainstay: an operating system for a one-person company."""

from mainstay.version import VERSION as __version__

__all__ = ["__version__"]
