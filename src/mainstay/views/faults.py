"""What a walk through the history found, in sentences: what is wrong and what to do, and how far it is anchored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.said import when

if TYPE_CHECKING:
    from mainstay.views.opening import Row

# Tables that can't be made anew from the records.
_KEPT = frozenset("meta stream event projection person_key person_name person_receipt".split()) | {"its own lists"}
_FORGED = "Hold it against an anchor you kept elsewhere, and find out who can write where this one lay."
_REBUILD = "Let Mainstay make them anew from the records: mainstay history rebuild"
_RESTORE = "Restore the workspace from a backup."


def faults(found: Row) -> list[tuple[str, str]]:
    """Say what a walk through the history found wrong, and what to do about each; nothing where all is in order."""
    said: list[tuple[str, str]] = []
    if found["bad"] is not None:
        before = f"The {found['records']:,} records before it are as they were written."
        said.append((f"The history is damaged at record {found['bad']:,}: {found['why']}. {before}", _RESTORE))
    elif found["damaged"]:
        told = f"All {found['records']:,} records are as they were written, but other parts of the history's file are"
        remedy = _RESTORE if _KEPT.intersection(found["damaged"]) else _REBUILD
        said.append((f"{told} damaged on disk: {', '.join(found['damaged'])}.", remedy))
    for mark in found["against"]:
        if mark["found"] == "cut":
            says = f"The history ends at record {found['records']:,}, and {mark['name']} knows record "
            says += f"{mark['position']:,}: an older copy was put back, or its end was cut off."
            said.append((says, _RESTORE))
        elif mark["found"] == "other":
            says = f"Record {mark['position']:,} is not the one {mark['name']} knows: the history was computed anew."
            said.append((says, _RESTORE))
    for forged in found["forged"]:
        says = f"{forged['name']} for record {forged['position']:,} is not one of this workspace: {forged['why']}."
        said.append((f"{says[0].upper()}{says[1:]} It is forged, or the workspace's key was replaced.", _FORGED))
    said += [(f"{says}.", _FORGED) for says in found["broken"]]
    if found["other_key"]:
        says = f"The key of this workspace is {found['key']}, and not the one you named: it was replaced."
        said.append((says, _FORGED))
    return said + [(f"Plan {each['plan']}: {each['says']}", each["next"]) for each in found["files"]]


def say_held(found: Row) -> str:
    """Say why whoever goes on with this history will wait for the operator; empty where nothing is in the way."""
    return f"But {found['held']}. Nothing is done until you say so; see: mainstay doctor" if found["held"] else ""


def say_anchored(found: Row) -> str:
    """Say how far the history is anchored outside."""
    if found["kept"] is not None:
        return _say_kept(found["kept"], found["records"], found["key"])
    if found["anchored"] is None:
        return "It is not anchored outside. For a line to keep there: mainstay history anchor"
    record, at = found["anchored"]["record"], when(found["anchored"]["at"])
    return f"Anchored up to record {record:,} of {found['records']:,} ({at}); held against your own copy with --anchor."


def _say_kept(kept: Row, records: int, key: str) -> str:
    """Say how far the operator's own anchors reach."""
    count = "Your anchor holds" if kept["count"] == 1 else f"Your {kept['count']:,} anchors hold"
    after = records - kept["record"]
    rest = "none came after it" if not after else f"{after:,} came after it and are not anchored by it"
    signed = f"signed with key {key}" if not kept["unsigned"] else f"{kept['unsigned']:,} without a signature"
    return f"{count}, up to record {kept['record']:,} ({when(kept['at'])}), {signed}; {rest}."
