"""A yes to a question as it is shown: of each row that can be read in several ways, the one that was proposed."""

from mainstay.requests.picking import as_proposed
from mainstay.views import Views
from mainstay.workspace import Workspace

DEMO_PICK = ("--pick", "2=1")  # the same at a terminal: the demo's second payment fits two invoices alike


def yes(owner, decision):
    """Give the answer, as `requests.rule` takes it."""
    with Views(Workspace(owner.requests.root)) as views:
        rows = views.question(decision)["card"].get("rows") or ()
    return {"choice": "approve", "picks": as_proposed(rows)}
