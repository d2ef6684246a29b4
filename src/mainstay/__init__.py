"""Mainstay: an operating system for a one-person company."""

__version__ = "0.1.0"
