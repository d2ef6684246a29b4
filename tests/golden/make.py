"""Write a golden history: `python tests/golden/make.py`, before each release, and when there are new facts.

Random plans of the kernel's own machine test are lived until no new kind of fact comes up any more, and go into a
ledger as an owner would write them, followed by one fact of every kind that there is. What stands there is exported
to `NAME.jsonl`; what it adds up to goes beside it, into `NAME.json`. Both are kept for ever, and
tests/ledger/test_golden.py imports and replays them with every later release. Nothing that lies there is ever made
anew: this writes another one beside it. All data is invented.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

import msgspec

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "kernel"), str(HERE.parent / "ledger")]

import kernel_scene  # noqa: E402 - it lies beside the tests of the kernel
import test_machine as machine  # noqa: E402
from golden_files import keep, next_name  # noqa: E402

from mainstay import events as e  # noqa: E402
from mainstay.kernel.graph import Graph  # noqa: E402
from mainstay.kernel.plan import fold  # noqa: E402
from mainstay.kernel.replay import replay  # noqa: E402
from mainstay.ledger.blobs import FileBlobs  # noqa: E402
from mainstay.ledger.codec import KINDS  # noqa: E402
from mainstay.ledger.exporting import Opened, export  # noqa: E402
from mainstay.ledger.people import PersonKeyring  # noqa: E402
from mainstay.ledger.sqlite import SqliteLedger  # noqa: E402
from mainstay.ledger.views import VIEWS  # noqa: E402
from mainstay.values import BlobRef, Sealed  # noqa: E402
from mainstay.version import VERSION  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = bytes(range(32))
SEEDS = 300
MOVES = 100
MOST_PLANS = 20
SAMPLES = "samples"  # the stream with one fact of every kind; no plan


class Standing(msgspec.Struct):
    """What a plan adds up to."""

    status: str
    slots: dict[str, str]
    questions: list[str]
    facts: int
    sequence: int


class Golden(msgspec.Struct):
    """What a golden history adds up to."""

    position: int
    digest: str
    plans: dict[str, Standing]


def standing(plan_id: str, graph: Graph, recorded: list[e.Recorded]) -> Standing:
    """Fold and replay one plan."""
    plan = fold(plan_id, graph, recorded)
    found = replay(plan_id, graph, recorded)
    assert found.same, f"{plan_id}: {found.position}: {found.difference}"
    slots = {path: slot.status for path, slot in sorted(plan.slots.items())}
    return Standing(plan.status, slots, sorted(plan.questions), found.facts, plan.sequence)


def lives() -> Iterator[tuple[str, kernel_scene.Scene]]:
    """Give lives, each with a kind of fact that those before had not."""
    seen: set[str] = set()
    for seed in range(SEEDS):
        plan_id = f"golden{seed}"
        machine.Scene = partial(kernel_scene.Scene, plan_id=plan_id)
        random = Random(seed)
        life = machine.Life(random)
        for move in random.choices(list(machine.MOVES), list(machine.MOVES.values()), k=MOVES):
            move(life, random)
        kinds = {type(fact).__name__ for fact, _ in life.scene.history}
        if kinds - seen:
            seen |= kinds
            yield plan_id, life.scene


def appends(plan_id: str, scene: kernel_scene.Scene, definition: BlobRef) -> Iterator[e.Append]:
    """Give a life as its owner wrote it, one append for each command."""
    for start, end in zip(scene.turns, scene.turns[1:], strict=False):
        drafts = []
        for index, (fact, at_us) in enumerate(scene.history[start:end]):
            told = msgspec.structs.replace(fact, definition=definition) if isinstance(fact, e.PlanProposed) else fact
            cause = f"plan:{plan_id}@{start + (1 if index else 0)}" if start else ""
            drafts.append(e.Draft(told, at_us, "mainstay" if index else "operator", cause, plan_id))
        if drafts:
            yield e.Append(f"plan:{plan_id}", start, tuple(drafts))


def sample(hint: Any, sealed: Sealed, blob: BlobRef) -> Any:
    """Make a value of a type, with something in every field."""
    if hint is Any:
        return {"text": "Straße", "list": [1, -2.5, None, True, 2**63], "blob": blob, "sealed": sealed, "$odd": {}}
    if hint in (BlobRef, Sealed):
        return blob if hint is BlobRef else sealed
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        hints = get_type_hints(hint)
        return hint(**{f.name: sample(hints[f.name], sealed, blob) for f in msgspec.structs.fields(hint)})
    if get_origin(hint) is not None:
        return sample_of_many(get_origin(hint), get_args(hint), sealed, blob)
    return {str: "text", int: 7, float: 0.5, bool: True, bytes: b"\x00\xff"}[hint]


def sample_of_many(origin: Any, args: tuple[Any, ...], sealed: Sealed, blob: BlobRef) -> Any:
    """Make a value of a type that is made of others."""
    if origin is Literal:
        return args[0]
    inner = [sample(part, sealed, blob) for part in args if part not in (Ellipsis, type(None))]
    if origin is dict:
        return {"key": inner[1]}
    return tuple(inner) if origin is tuple else inner if origin is list else inner[0]


async def fill(ledger: SqliteLedger, blobs: FileBlobs, people: PersonKeyring) -> None:
    """Write the history."""
    created = e.WorkspaceCreated("Example Ltd", VERSION)
    await ledger.append([e.Append("workspace", 0, (e.Draft(created, kernel_scene.NOW_US, "operator"),))])
    for count, (plan_id, scene) in enumerate(lives()):
        if count < MOST_PLANS:
            definition = blobs.put(msgspec.msgpack.encode(scene.plan.graph.definition), name="demo")
            for append in appends(plan_id, scene, definition):
                await ledger.append([append])
    anna = people.find([("name", "Anna Example"), ("mail", "anna@example.com")])
    people.flush()
    sealed, blob = (
        people.seal(anna, b"Anna Example"),
        blobs.put(b"date,amount\n" * 400, name="statement.csv", media="text/csv"),
    )
    facts = [sample(kind, sealed, blob) for _, kind in sorted(KINDS.items())]
    drafts = tuple(e.Draft(fact, kernel_scene.NOW_US, "mainstay", "workspace@1") for fact in facts)
    await ledger.append([e.Append(SAMPLES, 0, drafts)])


def main() -> None:
    """Write both files under the next free name."""
    name, lines = next_name(".jsonl"), list[bytes]()
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / ".mainstay"
        blobs = FileBlobs(state / "blobs", KEY)
        with SqliteLedger(state / "ledger.db", KEY, projected=(VIEWS,)) as ledger:
            with PersonKeyring(state / "ledger.db", KEY, KEY) as people:
                asyncio.run(fill(ledger, blobs, people))
            plans: dict[str, Standing] = {}
            for (plan_id,) in ledger.rows("SELECT id FROM plan WHERE id GLOB 'golden*' ORDER BY id"):
                recorded = ledger.read(f"plan:{plan_id}")
                definition = blobs.get(recorded[0].fact.definition)
                plans[plan_id] = standing(
                    plan_id, Graph(msgspec.msgpack.decode(definition, type=machine.Definition)), recorded
                )
            golden = Golden(*ledger.head(), plans)
        export(Opened(state / "ledger.db", KEY, KEY, blobs, VERSION), lines.append)
    keep(f"{name}.jsonl", b"".join(lines))
    keep(f"{name}.json", msgspec.json.format(msgspec.json.encode(golden), indent=1) + b"\n")


if __name__ == "__main__":
    main()
