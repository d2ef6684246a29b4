"""Opening a workspace to look at it: reads only, takes no lock, needs no owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeAlias

import msgspec

from mainstay import events as e
from mainstay.errors import UnknownNameError
from mainstay.kernel.graph import Definition, Graph
from mainstay.kernel.plan import fold
from mainstay.kernel.words import say_path
from mainstay.ledger import keys as ledger_keys
from mainstay.ledger import queries
from mainstay.ledger.blobs import FileBlobs
from mainstay.ledger.people import PersonKeys
from mainstay.ledger.reader import SqliteReader
from mainstay.runtime.bounces import PREFIX as BOUNCES
from mainstay.runtime.names import local_time
from mainstay.runtime.payloads import Payloads
from mainstay.runtime.sealing import Opener
from mainstay.sentences import say_bounce
from mainstay.views.naming import with_names

if TYPE_CHECKING:
    from mainstay.kernel.state import Plan
    from mainstay.values import BlobRef, Value
    from mainstay.workspace import Workspace

Row: TypeAlias = dict[str, Any]


class Opened:
    """A workspace that is looked at; what can be seen of it stands in the files beside this one."""

    def __init__(self, workspace: Workspace) -> None:
        """Open read-only; raises WrongKeyError or LedgerError."""
        keys = ledger_keys.load(workspace.state)
        self._reader = SqliteReader(workspace.ledger, keys.database)
        self._people = PersonKeys(self._reader.rows, keys.people)
        self._opener = Opener(self._people.open, screen=True)
        self._payloads = Payloads(FileBlobs(workspace.blobs, keys.blobs), self._opener)
        self._zone = workspace.config.company.timezone
        self._id, self._path = keys.workspace, workspace.ledger
        self._signing = keys.receipts
        self._graphs: dict[str, Graph] = {}  # by the digest of their definition: many plans have one
        self._witness = ledger_keys.witness_file(workspace.state)

    @property
    def timezone(self) -> str:
        """The company's time zone, in which all times are given."""
        return self._zone

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def plan_id(self, prefix: str) -> str:
        """Give the id that begins so; raises UnknownNameError when there is none, or more than one."""
        rows = self._reader.rows(queries.PLANS_BY_PREFIX, (prefix, prefix)) if prefix else []
        exact = [row[0] for row in rows if row[0] == prefix]
        if exact or len(rows) == 1:
            return exact[0] if exact else rows[0][0]
        if rows:
            raise UnknownNameError(f"More than one plan begins with '{prefix}'.", remedy="Give more of its id.")
        raise UnknownNameError(f"There is no plan '{prefix}'.", remedy="`mainstay plans` lists them.")

    def plan(self, plan_id: str) -> Plan:
        """Fold a plan."""
        recorded = self.recorded(plan_id)
        if not recorded:
            raise UnknownNameError(f"There is no plan '{plan_id}'.", remedy="`mainstay plans` lists them.")
        return self._folded(plan_id, recorded)

    def _folded(self, plan_id: str, recorded: list[e.Recorded]) -> Plan:
        return fold(plan_id, self.graph(recorded[0]), recorded)

    def graph(self, proposed: e.Recorded) -> Graph:
        """Give the steps a plan started with; many plans have one definition, which is read once."""
        assert isinstance(proposed.fact, e.PlanProposed)
        digest = proposed.fact.definition.digest
        if digest not in self._graphs:
            self._graphs[digest] = Graph(self.definition(proposed))
        return self._graphs[digest]

    def definition(self, proposed: e.Recorded) -> Definition:
        """Give the definition a plan started with."""
        assert isinstance(proposed.fact, e.PlanProposed)
        return msgspec.msgpack.decode(self._payloads.blobs.get(proposed.fact.definition), type=Definition)

    def recorded(self, plan_id: str) -> list[e.Recorded]:
        """Give a plan's facts."""
        return self._reader.read(f"plan:{plan_id}")

    def bounced(self, plan: Plan) -> list[Row]:
        """List mails of a plan and its child plans that came back or are delayed, the first told first."""
        last: dict[str, Row] = {}  # a delay may have become a failure
        for event in self._reader.read(f"{BOUNCES}{plan.id}"):
            assert isinstance(event.fact, e.MailBounced)
            action, final = say_path(event.fact.path), event.fact.final
            row = {"plan": plan.id, "path": event.fact.path, "action": action, "final": final}
            last[event.fact.path] = row | {"says": say_bounce(event.fact), "at": self.time(event.recorded_at_us)}
        children = [child for slot in plan.slots.values() for child in slot.children]
        found = [*last.values(), *(row for child in children for row in self.bounced(self.plan(child)))]
        return sorted(found, key=lambda one: one["at"])

    def opened(self, value: Value) -> Value:
        """Give a value of a fact as it is shown: opened, what was forgotten as "[forgotten]"."""
        return self._payloads.load(value)

    def content(self, ref: BlobRef) -> bytes:
        """Give a file as it was kept. Raises LedgerError when it is gone or altered."""
        return self._payloads.blobs.get(ref)

    def named(self, said: str, plan: Plan, path: str) -> str:
        """Give a recorded sentence about a unit of work with the names that stand in what it was given."""
        slot = plan.slots.get(path)
        return said if slot is None else with_names(said, lambda: self._payloads.stored(slot.arguments), self.opened)

    def time(self, at_us: int | None) -> str:
        """Give a time as the operator's clock shows it, ISO 8601."""
        return "" if at_us is None else local_time(at_us, self._zone).isoformat(timespec="seconds")
