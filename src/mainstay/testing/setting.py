"""What a seed's workspace says, and what befalls its machine."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from mainstay.governance.rules import Rule
from mainstay.governance.throttles import Share, Throttle
from mainstay.governance.windows import Window, read_window
from mainstay.kernel.budget import COUNT, Cap
from mainstay.testing.disk import Faults
from mainstay.testing.world import Outage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.kernel.graph import Definition
    from mainstay.testing.chance import Chance

_NONE: Mapping[str, int] = MappingProxyType({})
_NO_HOURS: Mapping[str, Window] = MappingProxyType({})
_BEGINS = MappingProxyType({"UTC": 0, "Europe/Berlin": 60, "Pacific/Auckland": 780})  # a run: minutes of the day there
_HOUR_S, _DAY_S = 3600.0, 86_400.0
_SETS_S = (-_DAY_S, -_HOUR_S, -200.0, 200.0, _HOUR_S, 30 * _DAY_S)  # a back of a day and a month forward: FAULTS F10
_SOON_S = 200.0  # the clock is set, or the machine sleeps, within so long


class Setting(NamedTuple):
    """What mainstay.toml would say, and the policies."""

    caps: tuple[Cap, ...] = ()
    limits: Mapping[str, int] = _NONE
    delays: Mapping[str, int] = _NONE
    timezone: str = "UTC"
    windows: Mapping[str, Window] = _NO_HOURS
    throttles: tuple[Rule, ...] = ()
    tells: int | None = None  # so many messages a day; None: nobody is told anything unasked

    def lets_wait(self, definition: Definition) -> bool:
        """Whether an action of a playbook waits for a time: what a dead machine slept through then comes too early."""
        waits = {*self.delays, *self.windows}
        return any(step.delay_s is not None or step.target in waits for step in definition.steps)

    def throttle_of(self, playbook: str) -> Throttle | None:
        """Give what bounds a playbook."""
        throttles = (rule.throttle for rule in self.throttles if rule.throttle is not None)
        return next((throttle for throttle in throttles if throttle.playbook == playbook), None)


class Machine(NamedTuple):
    """What befalls the machine: faults of the disk, and the clock's jumps and naps as (when, by how much), seconds."""

    faults: Faults
    jumps: tuple[tuple[float, float], ...] = ()
    naps: tuple[tuple[float, float], ...] = ()


def setting_of(chance: Chance) -> Setting:
    """Make a workspace up. Time decides how a plan ends by a cap, a throttle that takes back or ends, or what waits."""
    limited = [name for name in ("store.reserve", "store.pick", "bank.pay", "errand") if chance.happens(0.15, name)]
    delays = {"mail.send": chance.whole(1, 300, "delay")} if chance.happens(0.15, "delayed") else _NONE
    zone = chance.pick(tuple(_BEGINS), "zone")
    return Setting(
        _caps(chance),
        {name: chance.whole(1, 2, "limit", name) for name in limited},
        delays,
        zone,
        _windows(chance, _BEGINS[zone]) if chance.happens(0.08, "hours") else _NO_HOURS,
        tuple(_throttle(chance, name) for name in ("p0", "p1") if chance.happens(0.08, "throttled", name)),
        chance.whole(0, 3, "tells") if chance.happens(0.05, "told") else None,
    )


def _caps(chance: Chance) -> tuple[Cap, ...]:
    """Make budgets up: of an operation a day; of a playbook's plans, or of each plan, where most of it warns."""
    if chance.happens(0.06, "capped"):
        return (Cap("store.reserve", "day", {COUNT: chance.whole(1, 3, "cap")}, ("store.reserve",)),)
    if not chance.happens(0.08, "capped more"):
        return ()
    period = chance.pick(("plan", "day", "month"), "period")
    most = {COUNT: chance.whole(2, 6, "cap")}
    cheaper = {"store.reserve": "store.mark"} if chance.happens(0.3, "cheaper") else {}
    batch = (0, 12 * 60) if chance.happens(0.2, "batch") else None
    return (
        Cap("actions", period, most, ("store.*", "bank.*"), chance.pick(("", "p0", "p1"), "of"), "", cheaper, batch),
        Cap("posts", "day", {COUNT: chance.whole(3, 6, "posts")}, ("mail.send",)),
    )


def _windows(chance: Chance, begins: int) -> dict[str, Window]:
    """Make the hours up in which one operation leaves; they open soon after a run begins, or have been open."""
    name = chance.pick(("mail.send", "store.pick", "bank.pay"), "in hours")
    opens = begins + chance.whole(-60, 90, "opens")
    closes = opens + chance.whole(5, 240, "lasts")
    days = chance.pick(("", "", "", "mon,wed-sun "), "days")
    return {name: read_window("hours", f"{days}{_clock(opens)}-{_clock(closes)}")}


def _clock(minute: int) -> str:
    hours, minutes = divmod(minute % 1440, 60)
    return f"{hours:02}:{minutes:02}"


def _throttle(chance: Chance, playbook: str) -> Rule:
    bound = chance.pick(("failed", "rejected", "share"), "bound", playbook)
    few = chance.whole(1, 2, "few", playbook)
    mails = chance.pick(("", "", "few", "share"), "mails", playbook)
    throttle = Throttle(
        playbook,
        chance.pick((600, 3600, 86_400), "within", playbook),
        failed=few if bound == "failed" else 0,
        share=Share(30, 2) if bound == "share" else None,
        rejected=few if bound == "rejected" else 0,
        undo=chance.happens(0.2, "takes back", playbook),
        bounced=few if mails == "few" else 0,
        bounced_share=Share(30, 2) if mails == "share" else None,
    )
    return Rule("enough", "It is enough.", throttle=throttle)


def machine_of(chance: Chance) -> Machine:
    """Make up what befalls a machine in one run."""
    faults = Faults(failing=0.05, full=0.02) if chance.happens(0.3, "faults") else Faults()
    jumps = ((chance.draw("set at") * _SOON_S, chance.pick(_SETS_S, "set by")),) if chance.happens(0.1, "set") else ()
    naps = ((chance.draw("nap at") * _SOON_S, chance.draw("nap") ** 2 * _DAY_S),) if chance.happens(0.1, "naps") else ()
    return Machine(faults, jumps, naps)


def outages_of(chance: Chance) -> tuple[Outage, ...]:
    """Make up when nobody can be reached: now and then no network, more rarely one connector that is down for long."""
    found: list[Outage] = []
    for connector, share, at_most_s in (("", 0.1, 900.0), ("store", 0.03, 3600.0), ("bank", 0.03, 3600.0)):
        if chance.happens(share, "out", connector):
            begins_s = chance.draw("out at", connector) * _SOON_S
            found.append(Outage(connector, begins_s, begins_s + chance.draw("out for", connector) * at_most_s))
    return tuple(found)
