"""What is stuck, grouped by its cause, and remedies for one or many at once (requirement K10); and what waits to leave.

Each remedy is a ruling of its own: what one plan refuses keeps none of the others from being taken.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay import commands as c
from mainstay.errors import CommandRefusedError, InputError
from mainstay.kernel.state import caller_of, step_name
from mainstay.requests.alike import answer_many
from mainstay.sentences import say_many
from mainstay.values import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mainstay.kernel.state import Plan
    from mainstay.requests.desk import Method, Params, Requests
    from mainstay.runtime.intake import Emit

Row: TypeAlias = dict[str, Any]
_GROUP_CHARS = 4
_BLANKED = re.compile(
    r"'[^']*'|\"[^\"]*\""  # what is quoted: names, values
    r"|\S*[/\\@]\S*"  # paths and addresses
    r"|\S*\d\S*"  # numbers, dates, ids
)


def cause_of(message: str) -> str:
    """Give a message without what differs from case to case: "No customer 17 in a.csv" and "... 18 ..." are one."""
    return _BLANKED.sub("…", message)


def group_of(kind: str, does: str, error_class: str, message: str) -> str:
    """Name the group of what has the same cause: short, and the same every time."""
    return "g" + digest_of(*(part.encode() for part in (kind, does, error_class, cause_of(message))))[:_GROUP_CHARS]


def grouped(rows: Iterable[Row]) -> list[Row]:
    """Group what is stuck by its cause, the largest group first; `rows` as `Views.stuck` gives them."""
    found: dict[str, Row] = {}
    for row in rows:
        group = found.setdefault(
            row["group"],
            {
                "group": row["group"],
                "kind": row["kind"],
                "does": row["does"],
                "class": row["class"],
                "says": row["message"],
                "what": "",
                "budget": row["budget"],
                "remedy": row["remedy"],
                "options": row["options"],
                "since": row["asked_at"],
                "plans": [],
                "stuck": [],
            },
        )
        group["stuck"].append(row)
        group["plans"] += [row["plan"]] if row["plan"] not in group["plans"] else []
        group["options"] = [option for option in group["options"] if option in row["options"]]
        group["since"] = min(group["since"], row["asked_at"])
    for group in found.values():
        many, alike = len(group["stuck"]), len({row["does"] for row in group["stuck"]}) == 1
        group["what"] = say_many(group["does"], many) if alike else f"{many} actions"
        if group["budget"] and many > 1:
            stands = group["stuck"][0]["stands"]
            group["says"] = f"Budget '{group['budget']}' stopped {group['what']}: {stands}."
    return sorted(found.values(), key=lambda group: (-len(group["stuck"]), group["since"], group["group"]))


def chosen(rows: Sequence[Row], names: Sequence[str]) -> list[Row]:
    """Give the rows that are named: a group, a question, a plan, or PLAN.STEP. Raises InputError for a name of none."""
    picked: dict[str, Row] = {}
    for name in names:
        found = [row for row in rows if _is_named(row, name)]
        if not found:
            raise InputError(f"Nothing that is stuck is called '{name}'.", remedy="`mainstay stuck` lists all of it.")
        picked |= {row["decision"]: row for row in found}
    return list(picked.values())


def _is_named(row: Row, name: str) -> bool:
    plan: str = row["plan"]
    if name in (row["group"], row["decision"], plan, plan.partition("-")[0]):
        return True
    of, _, step = name.rpartition(".")
    return bool(of) and plan.startswith(of) and step == step_name(row["path"])


def does_of(plan: Plan, path: str) -> str:
    """Say what a step of a plan does: its operation, or the agent or kind of step it is."""
    step = plan.step(path)
    return plan.slots[path].operation or (f"agent {step.target}" if step.kind == "agent" else step.target or step.kind)


async def _remedy(desk: Requests, params: Params, emit: Emit) -> Params:
    """Apply one remedy to many questions, and say what became of each."""
    return await answer_many(desk, [(decision, params) for decision in params["decisions"]], emit)


async def _recall(desk: Requests, params: Params, emit: Emit) -> Params:
    """Call back what is approved and has not left yet: all of a step, or one item of its list (counted from 1)."""
    why = "you called it back" + (f": {params['reason']}" if params.get("reason") else "")
    now_us = desk.clock.now_us()
    called = await _of_delayed(desk, params, lambda path: c.RecallEffect(now_us=now_us, path=path, why=why))
    return await desk.taken(params["plan"].partition("-")[0], emit) | {"called_back": called}


async def _hasten(desk: Requests, params: Params, emit: Emit) -> Params:
    """Let leave now what is approved and waits for its time or its hours; named as for `_recall`."""
    now_us = desk.clock.now_us()
    leaving = await _of_delayed(desk, params, lambda path: c.DispatchEffect(now_us=now_us, path=path, by="operator"))
    return await desk.taken(params["plan"].partition("-")[0], emit) | {"leaving_now": leaving}


async def _of_delayed(desk: Requests, params: Params, command: Callable[[str], c.PlanCommand]) -> int:
    """Ask the same of all that waits to leave of a step, or of one item of its list; gives of how many."""
    plan_id, step, item = params["plan"], params["step"], params.get("item")
    requests: list[tuple[str, c.PlanCommand]] = []
    for plan in _family(desk, desk.engine.load(plan_id)):
        requests += [(plan.id, command(path)) for path in _delayed(plan, step, item)]
    if not requests:
        what = f"'{step}'" + (f", item {item}," if item else "")
        raise CommandRefusedError(
            f"Plan {plan_id}: nothing of {what} waits to leave; it has left, or never was to.",
            remedy=f"See where it stands: mainstay show {plan_id}",
        )
    await desk.engine.submit_all(requests, actor="operator")
    return len(requests)


def _family(desk: Requests, plan: Plan) -> list[Plan]:
    children = [child for slot in plan.slots.values() for child in slot.children]
    return [plan, *(each for child in children for each in _family(desk, desk.engine.load(child)))]


def _delayed(plan: Plan, step: str, item: int | None) -> list[str]:
    first = int(str(plan.given.get("index", 0))) if isinstance(plan.given, dict) else 0
    found = [
        path
        for path, slot in plan.slots.items()
        if slot.delayed and slot.status in ("delayed", "prepared") and step_name(path) == step
    ]
    return [path for path in found if item is None or caller_of(path).endswith(f"/{item - 1 - first}")]


METHODS: Mapping[str, Method] = {"remedy": _remedy, "recall": _recall, "hasten": _hasten}
