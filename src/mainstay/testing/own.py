"""The playbook of the simulated operator's own, which mail starts, and the folder it lies in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NAME = "own"
FIRST = """
playbook: own
title: "Take note of an answer"
on: {event: mail.received, where: "= event.in_reply_to != ''", with: {about: "= event.in_reply_to"}}
inputs:
  about: {type: text}
steps:
  note: {do: store.reserve, with: {unit: "own.{{inputs.about}}"}}
"""
SECOND = FIRST.replace("store.reserve", "store.pick")
UNSAVED = FIRST.replace("Take note", "Take no note")


def write(root: Path, text: str) -> None:
    """Write it into a workspace's folder, or take it away."""
    at = root / "playbooks" / f"{NAME}.yaml"
    if text:
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(text)
    else:
        at.unlink(missing_ok=True)
