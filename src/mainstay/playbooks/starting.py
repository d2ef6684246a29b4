"""The playbooks that start by themselves: those of the operator's own that are active and say `on:`."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from mainstay.errors import MainstayError
from mainstay.playbooks.shelf import open_to_run
from mainstay.playbooks.versions import OwnPlaybooks
from mainstay.runtime.cron import next_due

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from mainstay.kernel.graph import Definition
    from mainstay.playbooks.activation import Activation
    from mainstay.playbooks.versions import Versions
    from mainstay.ports import Catalogue


class Starting:
    """Compiles them anew when something was activated; one that does not compile is said once, and starts nothing."""

    def __init__(self, activation: Activation, root: Path, contracts: Catalogue, say: Callable[[str], None]) -> None:
        """Take what is active, the workspace's folder, what playbooks may call, and who is told."""
        self._activation = activation
        self._root = root
        self._contracts = contracts
        self._say = say
        self._seen: tuple[tuple[str, str, str], ...] | None = None
        self._found: tuple[Definition, ...] = ()

    def playbooks(self) -> Sequence[Definition]:
        """Give those that events start."""
        versions = self._activation.versions
        active = [(kind, name, versions.active(kind, name)) for kind, name in versions.known()]
        seen = tuple((kind, name, one.digest) for kind, name, one in active if one is not None)
        if seen != self._seen:
            self._seen = seen
            found = [self._opened(name) for kind, name, _ in seen if kind == "playbook"]
            self._found = tuple(definition for definition in found if definition is not None and definition.on)
        return self._found

    def _opened(self, name: str) -> Definition | None:
        try:
            return open_to_run(self._root, name, self._contracts, self._activation.playbooks)
        except MainstayError as error:
            self._say(f"The playbook {name} starts nothing by itself: {error.message}")
            return None


def scheduled(versions: Versions, root: Path, contracts: Catalogue) -> Iterator[Definition]:
    """Give the active playbooks with a schedule, read from the history; what can't be compiled starts nothing."""
    own = OwnPlaybooks(versions, root)
    for kind, name in versions.known():
        active = versions.active(kind, name)
        if kind != "playbook" or active is None:
            continue
        with suppress(MainstayError):
            if any(b"cron" in content for content in versions.content(active).values()):
                yield open_to_run(root, name, contracts, own)


def coming(definitions: Iterable[Definition], now_us: int, timezone: str) -> list[tuple[int, str]]:
    """Name when each playbook's schedule is due next, in microseconds, and its name: the soonest first."""
    found: list[tuple[int, str]] = []
    for one in definitions:
        due = [slot.at_us for on in one.on if on.cron and (slot := next_due(on.cron, now_us, timezone))]
        found += [(min(due), one.name)] if due else []
    return sorted(found)
