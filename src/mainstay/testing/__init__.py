"""Tests against a simulated machine: `run`, `every`, and `Simulation` with what it gives, `Played` (docs/testing.md).

What they need is loaded when one of them is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mainstay.testing.simulate import Played, Simulation, every, run

__all__ = ["Played", "Simulation", "every", "run"]


def __getattr__(name: str) -> object:
    """Load a public name; raises AttributeError for any other."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mainstay.testing import simulate

    return getattr(simulate, name)
