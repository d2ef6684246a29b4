"""What an operator can look at: plans, questions, history. Reads only, takes no lock, needs no owner.

Every function gives plain data (dicts and lists), the same for screens and for --json.
"""

from __future__ import annotations

from mainstay.views.actions import Actions
from mainstay.views.budgets import Budgets
from mainstay.views.connectors import Connectors
from mainstay.views.history import History
from mainstay.views.review import Review
from mainstay.views.steps import Steps
from mainstay.views.throttles import Throttles

__all__ = ["Views"]


class Views(Steps, Actions, Budgets, Review, Connectors, Throttles, History):
    """Reads one workspace: opened in `opening`, seen plan by plan, question by question, or as a whole."""
