"""What is left of a list: a rerun may adopt the items that are done, and do only the others (KERNEL P6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mainstay import events as e
from mainstay.kernel.forking import adopted_part, may_count_list
from mainstay.requests.acts import acts
from mainstay.runtime.names import fan_out_value
from mainstay.runtime.payloads import Payloads
from mainstay.values import merge_labels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstay.kernel.graph import Graph
    from mainstay.kernel.state import Plan, Slot
    from mainstay.requests.desk import Requests
    from mainstay.values import Value

_SAID_NO = frozenset({"rejected"})  # a person left it out: that is no failure


class _Item(NamedTuple):
    """An item of a list: the plan in whose history it stands, and its path there; none when it never began."""

    plan: Plan
    path: str
    slot: Slot | None


def left_of(desk: Requests, parent: Plan, graph: Graph, name: str) -> tuple[int, ...] | None:
    """Give the places, in the list as that plan ran it, of the items that are not done.

    None where it is no list of which a part is done; where it became another list in this version; and where an item
    that is not done left something in the world, which nobody may do twice unasked.
    """
    if not may_count_list(parent, graph, name):
        return None
    items = list(_items(desk, parent, name))
    left = [at for at, item in enumerate(items) if not _stays(desk, item)]
    if not left or len(left) == len(items) or any(_acted(desk, items[at]) for at in left):
        return None
    return tuple(left)


def adopted_rest(desk: Requests, parent: Plan, graph: Graph, plan: Plan, name: str) -> e.Adopted:
    """Take over the items of a list that are done; what is sealed in them stays sealed under the keys that it has."""
    left, slot = left_of(desk, parent, graph, name), parent.slots[name]
    assert left is not None
    recorded = Payloads(desk.payloads.raw)
    parts = msgspec.structs.replace(desk.engine.parts, payloads=recorded)
    before, labels = adopted_part(parent, name), slot.labels
    own: list[Value] = []
    for within in _plans(desk, parent, name):
        if name in within.slots:
            ended, more = fan_out_value(parts, _alone(within), name, within.slots[name])
            labels = merge_labels(labels, more)
            own.extend(ended)
        else:
            own.extend([None] * len(_given(recorded, within)))
    values = [None if at in set(left) else value for at, value in enumerate(own)]
    places = left
    if before is not None:
        whole = recorded.load(before.output)
        assert isinstance(whole, list)
        ran = dict(zip(before.places, values, strict=True))
        values = [ran.get(at, value) for at, value in enumerate(whole)]
        places = tuple(before.places[at] for at in left)
        labels = merge_labels(labels, before.labels)
    listed = recorded.load(slot.items)
    assert isinstance(listed, list)
    again = recorded.keep(desk.payloads.seal([listed[at] for at in left], plan=plan))
    output = recorded.keep(desk.payloads.seal(values, plan=plan))
    return e.Adopted(name, output, labels, status="partly", items=again, places=places)


def _plans(desk: Requests, parent: Plan, name: str) -> Iterator[Plan]:
    """Give the plans that a list's items stand in, in order: its own, or those of its parts."""
    slot = parent.slots[name]
    if slot.children:
        yield from map(desk.engine.load, slot.children)
    else:
        yield parent


def _alone(plan: Plan) -> Plan:
    """Give a plan as if it had adopted nothing: then the value of its list is that of its own items."""
    return msgspec.structs.replace(plan, adopted=())


def _items(desk: Requests, parent: Plan, name: str) -> Iterator[_Item]:
    for plan in _plans(desk, parent, name):
        slot = plan.slots.get(name)
        count = slot.count if slot is not None else len(_given(desk.payloads, plan))
        for at in range(count):
            path = f"{name}/{at}"
            yield _Item(plan, path, plan.slots.get(path))


def _given(payloads: Payloads, part: Plan) -> list[Value]:
    """Give the items of a part that never began."""
    listed = payloads.stored(part.given["items"]) if isinstance(part.given, dict) else None
    assert isinstance(listed, list)
    return listed


def _stays(desk: Requests, item: _Item) -> bool:
    """Whether an item counts as it is: it is done and stands, or a person left it out."""
    slot = item.slot
    if slot is None or slot.status not in {"done", *_SAID_NO}:
        return False
    back = item.plan.slots.get(f"~{item.path}")
    return (back is None or back.status != "done") and not _undone_inside(desk, slot)


def _undone_inside(desk: Requests, slot: Slot) -> bool:
    return any(desk.engine.load(child).status == "undone" for child in slot.children[-1:])


def _acted(desk: Requests, item: _Item) -> bool:
    """Whether an item, what its agent called, or a plan below it, did something outside that stands."""
    if item.slot is None:
        return False
    called = (path for path in item.plan.slots if path.startswith(f"{item.path}!"))
    return any(acts(desk, item.plan, (item.path, *called)))
