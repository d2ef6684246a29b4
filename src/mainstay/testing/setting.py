"""What a seed's workspace says, and what befalls its machine."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from mainstay.kernel.budget import COUNT, Cap
from mainstay.testing.disk import Faults
from mainstay.testing.world import Outage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.testing.chance import Chance

_NONE: Mapping[str, int] = MappingProxyType({})
_HOUR_S, _DAY_S = 3600.0, 86_400.0
_SETS_S = (-_DAY_S, -_HOUR_S, -200.0, 200.0, _HOUR_S, 30 * _DAY_S)  # a back of a day and a month forward: FAULTS F10
_SOON_S = 200.0  # the clock is set, or the machine sleeps, within so long


class Setting(NamedTuple):
    """What mainstay.toml would say."""

    caps: tuple[Cap, ...] = ()
    limits: Mapping[str, int] = _NONE
    delays: Mapping[str, int] = _NONE
    timezone: str = "UTC"


class Machine(NamedTuple):
    """What befalls the machine: faults of the disk, and the clock's jumps and naps as (when, by how much), seconds."""

    faults: Faults
    jumps: tuple[tuple[float, float], ...] = ()
    naps: tuple[tuple[float, float], ...] = ()


def setting_of(chance: Chance) -> Setting:
    """Make a workspace up. Only a cap lets time decide how a plan ends."""
    limited = [name for name in ("store.reserve", "store.pick", "bank.pay", "errand") if chance.happens(0.15, name)]
    delays = {"post.send": chance.whole(1, 300, "delay")} if chance.happens(0.15, "delayed") else _NONE
    zone = chance.pick(("UTC", "Europe/Berlin", "Pacific/Auckland"), "zone")
    caps = (_capped(chance.whole(1, 3, "cap")),) if chance.happens(0.08, "capped") else ()
    return Setting(caps, {name: chance.whole(1, 2, "limit", name) for name in limited}, delays, zone)


def _capped(most: int) -> Cap:
    return Cap("store.reserve", "day", {COUNT: most}, ("store.reserve",))


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
