"""[budgets] of mainstay.toml: what an entry means, and what is wrong with it.

[budgets]
"mail.send" = {per_day = 50}                                       # a name with a dot is an operation
bookings = {operations = ["books.record_payment"], per_day = "5000.00 EUR", per_month = ["50000.00 EUR", 400]}
models = {operations = ["model.*"], per_plan = "20000 tokens", cheaper = {draft = "classify"}}
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, get_args

import msgspec

from mainstay.governance.amounts import read_amounts
from mainstay.governance.periods import EVERY_DAY
from mainstay.governance.windows import read_window
from mainstay.kernel.budget import DOLLARS, MICRO_DIGITS, Cap, Period

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mainstay.contracts import Operation

MODELS = "model."
EVERYTHING = "everything"
_NAME = re.compile(r"[^\W_][\w .-]{0,59}")  # letters of any language


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One budget: what it counts, and the most of that in a day, a month and a plan."""

    per_day: int | str | tuple[int | str, ...] = ()  # 50, "500.00 EUR", "20000 tokens", or several of them
    per_month: int | str | tuple[int | str, ...] = ()
    per_plan: int | str | tuple[int | str, ...] = ()
    usd_per_day: float | None = None  # the same as "5.00 USD" per day
    operations: tuple[str, ...] = ()  # "mail.send", "mail.*", "model.draft"
    playbook: str = ""
    agent: str = ""
    cheaper: dict[str, str] = {}  # once 80 % is used: an operation, or a model's role, to what stands in for it
    batch: str = ""  # "22:00-06:00", or a name of [windows]: once 80 % is used, the rest is kept for these hours


def caps_of(name: str, entry: Entry) -> list[Cap]:
    """Give the caps of an entry, one for each kind of period; raises ValueError with a sentence that names it."""
    try:
        return _caps(name, entry)
    except ValueError as error:
        msg = f"budget '{name}': {error}"
        raise ValueError(msg) from None


def _caps(name: str, entry: Entry) -> list[Cap]:
    if not _NAME.fullmatch(name):
        msg = "its name has letters, digits, spaces, dots and dashes only"
        raise ValueError(msg)
    operations = entry.operations or ((name,) if "." in name else ())
    if not (operations or entry.playbook or entry.agent or name == EVERYTHING):
        msg = f'it says not what it counts; give operations = ["..."], playbook or agent, or call it "{EVERYTHING}"'
        raise ValueError(msg)
    found: list[Cap] = []
    cheaper = {_named(one): _named(instead) for one, instead in entry.cheaper.items()}
    for period in get_args(Period):
        given: int | str | tuple[int | str, ...] = getattr(entry, f"per_{period}")
        most = read_amounts(given if isinstance(given, tuple) else (given,))
        if period == "day" and entry.usd_per_day is not None:
            most = {DOLLARS: round(entry.usd_per_day * 10**MICRO_DIGITS), **most}
        if any(amount < 0 for amount in most.values()):
            msg = "nothing can be below nothing"
            raise ValueError(msg)
        if most:
            hours, days = _hours(entry.batch)
            found.append(Cap(name, period, most, operations, entry.playbook, entry.agent, cheaper, hours, days))
    if not found:
        msg = "it has no amount; give per_day, per_month or per_plan"
        raise ValueError(msg)
    return found


def _named(name: str) -> str:
    """Name an operation; a role of a model is one too."""
    return name if "." in name else f"{MODELS}{name}"


def _hours(text: str) -> tuple[tuple[int, int] | None, tuple[int, ...]]:
    """Read when what is left may leave: minutes of the day, and the days on which they begin, none for all."""
    if not text:
        return None, ()
    try:
        window = read_window("hours", text)
    except ValueError:
        msg = f"'{text}' are no hours such as '22:00-06:00', nor a name under [windows]"
        raise ValueError(msg) from None
    return window[:2], () if window.days == EVERY_DAY else tuple(sorted(window.days))


def check_names(
    caps: Iterable[Cap], operations: Mapping[str, Operation], agents: Iterable[str], playbooks: Iterable[str]
) -> None:
    """See that what caps count is there; raises ValueError: a name mistyped would let everything happen."""
    known = [*operations, MODELS + "*"]
    for cap in caps:
        for name in cap.operations:
            prefix = name.removesuffix("*")
            if not (any(one.startswith(prefix) for one in known) if name.endswith("*") else name in operations):
                _check(cap, name, "operation", operations, is_model=name.startswith(MODELS))
        _check(cap, cap.agent, "agent", agents)
        _check(cap, cap.playbook, "playbook", playbooks)
        for name, instead in cap.cheaper.items():
            _check_cheaper(cap, name, instead, operations)


def _check(cap: Cap, name: str, kind: str, known: Iterable[str], *, is_model: bool = False) -> None:
    names = list(known)
    if not name or name in names or is_model:
        return
    near = difflib.get_close_matches(name, names, 1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    msg = f"budget '{cap.name}': there is no {kind} '{name}'{hint}"
    raise ValueError(msg)


def _check_cheaper(cap: Cap, name: str, instead: str, operations: Mapping[str, Operation]) -> None:
    """What stands in for an operation takes and gives the same, and is no graver."""
    if name.startswith(MODELS) and instead.startswith(MODELS):
        return
    for one in (name, instead):
        _check(cap, one, "operation", operations)
    usual, other = operations[name], operations[instead]
    if (usual.input, usual.output, usual.effect) != (other.input, other.output, other.effect):
        msg = f"budget '{cap.name}': '{instead}' can't stand in for '{name}': it takes, gives or does something else"
        raise ValueError(msg)


def all_caps(entries: Mapping[str, Entry], windows: Mapping[str, str]) -> list[Cap]:
    """Give the caps of all entries, whose hours may be named in [windows]; raises ValueError."""
    found: list[Cap] = []
    for name, entry in entries.items():
        hours = windows.get(entry.batch, entry.batch)
        found += caps_of(name, msgspec.structs.replace(entry, batch=hours))
    return found
