"""Opening a workspace to look at it: reads only, takes no lock, needs no owner."""

from __future__ import annotations

from collections import OrderedDict
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
from mainstay.runtime.kept import Kept
from mainstay.runtime.names import local_time
from mainstay.runtime.payloads import Payloads
from mainstay.runtime.sealing import Opener
from mainstay.sentences import say_bounce
from mainstay.values import BlobRef
from mainstay.views.naming import with_names

if TYPE_CHECKING:
    from mainstay.kernel.state import Plan
    from mainstay.values import Value
    from mainstay.workspace import Workspace

Row: TypeAlias = dict[str, Any]


LARGE_KEPT = 4  # values that are blobs, decoded
KEPT = 8  # plans that are kept as they were read: what is said of one is said of it in many places
KEPT_FACTS = 20_000  # more of them are, while all they hold is no more than this: a list of thousands is many plans


class _Read:
    """The facts of one plan, and what they fold to once that was asked for."""

    def __init__(self, recorded: list[e.Recorded]) -> None:
        self.recorded = recorded
        self.plan: Plan | None = None


class Opened:
    """A workspace that is looked at; what can be seen of it stands in the files beside this one."""

    def __init__(self, workspace: Workspace) -> None:
        """Open read-only; raises WrongKeyError or LedgerError."""
        keys = ledger_keys.load(workspace.state)
        self._reader = SqliteReader(workspace.ledger, keys.database)
        self._people = PersonKeys(self._reader.rows, keys.people)
        self._opener = Opener(self._people.open, screen=True)
        self._payloads = Payloads(FileBlobs(workspace.blobs, keys.blobs), self._opener)
        self._large: OrderedDict[str, Value] = OrderedDict()
        self._zone = workspace.config.company.timezone
        self._id, self._path = keys.workspace, workspace.ledger
        self._signing = keys.receipts
        self._graphs: dict[str, Graph] = {}  # by the digest of their definition: many plans have one
        self._read: Kept[_Read] = Kept(KEPT_FACTS, least=KEPT)  # the plans that were looked at last
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
        known = self._read.get(plan_id)
        if known is None or known.recorded is not recorded:
            return fold(plan_id, self.graph(recorded[0]), recorded)
        if known.plan is None:
            known.plan = fold(plan_id, self.graph(recorded[0]), recorded)
        return known.plan

    def graph(self, proposed: e.Recorded) -> Graph:
        """Give the steps a plan started with; many plans have one definition, which is read once."""
        assert isinstance(proposed.fact, e.PlanProposed)
        digest = proposed.fact.definition.digest
        if digest not in self._graphs:
            self._graphs[digest] = Graph(self.definition(proposed))
        return self._graphs[digest]

    def graph_of(self, plan_id: str) -> Graph | None:
        """Give the same by its id: only the plan's first fact is read. None for a plan that there is not."""
        found = self._reader.first(f"plan:{plan_id}")
        return None if found is None else self.graph(found)

    def definition(self, proposed: e.Recorded) -> Definition:
        """Give the definition a plan started with."""
        assert isinstance(proposed.fact, e.PlanProposed)
        return msgspec.msgpack.decode(self._payloads.blobs.get(proposed.fact.definition), type=Definition)

    def recorded(self, plan_id: str) -> list[e.Recorded]:
        """Give a plan's facts; what is read of one that was looked at before is what came since."""
        known = self._read.get(plan_id)
        if known is None:
            known = _Read(self._reader.read(f"plan:{plan_id}"))
        elif known.recorded and (new := self._reader.read(f"plan:{plan_id}", known.recorded[-1].sequence)):
            known = _Read([*known.recorded, *new])
        if known.recorded:
            self._read.put(plan_id, known, len(known.recorded))
        return known.recorded

    def bounced(self, plan: Plan) -> list[Row]:
        """List mails of a plan and its child plans that came back or are delayed, the first told first."""
        last: dict[tuple[str, str], Row] = {}  # a delay may have become a failure
        own = f"{BOUNCES}{plan.id}"
        parts = self._reader.rows(queries.STREAMS_BETWEEN, (f"{own}-", f"{own}."))
        for event in (event for name in (own, *(row[0] for row in parts)) for event in self._reader.read(name)):
            assert isinstance(event.fact, e.MailBounced)
            of, path, final = event.stream.removeprefix(BOUNCES), event.fact.path, event.fact.final
            row = {"plan": of, "path": path, "action": say_path(path), "final": final}
            last[of, path] = row | {"says": say_bounce(event.fact), "at": self.time(event.recorded_at_us)}
        return sorted(last.values(), key=lambda one: one["at"])

    def opened(self, value: Value) -> Value:
        """Give a value of a fact as it is shown: opened, what was forgotten as "[forgotten]"."""
        return self._payloads.load(value)

    def content(self, ref: BlobRef) -> bytes:
        """Give a file as it was kept. Raises LedgerError when it is gone or altered."""
        return self._payloads.blobs.get(ref)

    def stored(self, value: Value) -> Value:
        """Give a value of a fact as it is recorded, what is personal in it sealed; large ones are kept for a while."""
        if not isinstance(value, BlobRef):
            return value
        found = self._large.pop(value.digest) if value.digest in self._large else self._payloads.stored(value)
        self._large[value.digest] = found
        if len(self._large) > LARGE_KEPT:
            self._large.popitem(last=False)
        return found

    def named(self, said: str, plan: Plan, path: str) -> str:
        """Give a recorded sentence about a unit of work with the names that stand in what it was given."""
        slot = plan.slots.get(path)
        return said if slot is None else with_names(said, lambda: self._payloads.stored(slot.arguments), self.opened)

    def time(self, at_us: int | None) -> str:
        """Give a time as the operator's clock shows it, ISO 8601."""
        return "" if at_us is None else local_time(at_us, self._zone).isoformat(timespec="seconds")
