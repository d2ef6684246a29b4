"""Mainstay: an operating system for a one-person company."""

from mainstay.version import VERSION

__version__ = VERSION
