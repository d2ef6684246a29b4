"""Refuses what looks like a secret: it has no place in a playbook, whose text is kept for ever and shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mainstay.playbooks.format import Listing, Mapping, Node, Scalar

if TYPE_CHECKING:
    from mainstay.playbooks.format import Report

MESSAGE = "this looks like a secret; keep it out of the playbook, and name the account that uses it (account: name)"
# Keys, passwords and tokens whose makers gave them a shape.
_SHAPES = re.compile(
    r"\b(?:sk|rk)_(?:live|test)_\w{8,}|\bwhsec_\w{8,}|\bsk-[\w-]{16,}|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}"
    r"|\bglpat-[\w-]{16,}|\bxox[abprs]-[\w-]{10,}|\bAKIA[0-9A-Z]{16}\b|\bAIza[\w-]{30,}|\bSG\.[\w-]{16,}\.[\w-]{16,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.|://[^/\s:@{}]+:[^/\s:@{}]+@"
)
_NAMES = re.compile(r"(?:.*_)?(?:password|passwd|passphrase|secret|api_?key|access_?key|private_?key|auth_?token|pin)")
_VALUE = re.compile(r"\S{6,}")


def refuse_secrets(node: Node, report: Report) -> None:
    """Look through a whole playbook; findings never repeat the value."""
    match node:
        case Scalar():
            if looks_secret(node.text):
                report.add(node.place, MESSAGE)
        case Listing(items=items):
            for item in items:
                refuse_secrets(item, report)
        case Mapping(values=values):
            for name, value in values.items():
                if _is_named_secret(name, value):
                    report.add(value.place, MESSAGE)
                else:
                    refuse_secrets(value, report)


def looks_secret(text: str) -> bool:
    """Whether a text has the shape of a key or token."""
    return _SHAPES.search(text) is not None


def _is_named_secret(name: str, value: Node) -> bool:
    if not isinstance(value, Scalar) or _NAMES.fullmatch(name.lower()) is None:
        return False
    text = value.text
    return _VALUE.fullmatch(text) is not None and not text.startswith("=") and "{{" not in text
