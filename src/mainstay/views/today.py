"""Today: what is stuck, what is held and why, what is under way, what is due next, what was spent, what is wrong."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from mainstay.playbooks.starting import coming
from mainstay.requests.stuck import grouped
from mainstay.runtime.engine import THROTTLE
from mainstay.sentences import say_actor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mainstay.kernel.budget import Cap
    from mainstay.kernel.graph import Definition
    from mainstay.ports import Catalogue
    from mainstay.views import Views
    from mainstay.views.opening import Row

MOST = 20  # of a list
LOOKED_AT = 60  # open plans, the newest


def today(
    views: Views,
    caps: Iterable[Cap],
    now_us: int,
    hours: Mapping[str, str],
    catalogue: Catalogue,
    starting: Iterable[Definition] = (),
) -> Row:
    """Give it; `hours` are those in which operations leave whose delay names some, as mainstay.toml writes them.

    `starting` are the playbooks that begin by themselves: those with a schedule are due, too.
    """
    leaving = views.headed(views.leaving(limit=MOST), catalogue)
    opened = views.plans(limit=LOOKED_AT, open_only=True)
    still = [row for row in opened if not row["questions"] and not row["paused"]]
    return {
        "waiting": views.waiting() - views.put_off()["count"],
        "stuck": list(_stuck(views.stuck(MOST))),
        "throttled": views.throttled(),
        "paused": list(islice(_paused(views, (row for row in opened if row["paused"])), MOST)),
        "running": [row for row in still if not row["waits"]][:MOST],
        "due": [row for row in still if row["waits"]][:MOST],
        "scheduled": [
            {"playbook": name, "at": views.time(at_us)} for at_us, name in coming(starting, now_us, views.timezone)
        ][:MOST],
        "put_off": views.put_off_first(MOST),
        "leaving": [row | {"hours": hours.get(row["does"], "")} for row in leaving],
        "budgets": views.budgets(caps, now_us),
        "wrong": list(_wrong(views)),
    }


def _stuck(rows: list[Row]) -> Iterator[Row]:
    """Give what is stuck; what one budget stopped is one row."""
    groups = {group["group"]: group for group in grouped(rows)}
    for row in rows:
        group = groups.get(row["group"])
        if group is None:
            continue
        many = len(group["stuck"])
        if group["budget"] and many > 1:
            del groups[row["group"]]
            yield row | {"action": f"{many} actions.", "message": group["says"]}
        else:
            yield row


def _paused(views: Views, rows: Iterable[Row]) -> Iterator[Row]:
    """Give the plans that somebody paused: since when, who, and why; those of a throttle stand with it."""
    for row in rows:
        paused = views.paused(row["plan"])
        if paused is not None and paused["by"] != THROTTLE:
            yield {"plan": row["plan"], "title": row["title"], **paused, "by": say_actor(paused["by"])}


def _wrong(views: Views) -> Iterator[str]:
    """Say what is not as it should be, as far as the history knows."""
    if held := views.held():
        yield f"All work is stopped: {held}."
    if (offline := views.offline()) is not None:
        yield f"No network since {offline['since'][11:16]}; {offline['says']}."
    if clock := views.clock_set():
        yield f"{clock}."
