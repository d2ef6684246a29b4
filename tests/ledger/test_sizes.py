"""L8: the size of everything is visible."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ledger_samples import KEY, append, appended, completed, proposed

from mainstay import events as e
from mainstay.ledger.archive import archive
from mainstay.ledger.blobs import FileBlobs
from mainstay.ledger.sizes import Part, Sizes, sizes

if TYPE_CHECKING:
    from pathlib import Path

    from mainstay.ledger.sqlite import SqliteLedger


@pytest.fixture
def blobs(folder: Path) -> FileBlobs:
    return FileBlobs(folder / "blobs", KEY)


def measured(ledger: SqliteLedger, folder: Path, blobs: FileBlobs) -> Sizes:
    return sizes(ledger.reader, folder / "ledger.db", blobs)


def test_l8_everything_is_counted(ledger, folder, blobs):
    blobs.put(b"x" * 5000)
    append(ledger, appended("plan:a", 0, proposed(), e.PlanStarted(1), completed("a", "y" * 3000), e.PlanCompleted()))
    append(ledger, appended("plan:b", 0, proposed(), e.PlanStarted(1)))
    found = measured(ledger, folder, blobs)
    assert (found.records, found.archived_records) == (6, 0)
    assert found.blobs == Part("blobs", 1, 5028)
    assert found.bodies > 3000
    assert found.total == found.database + found.waiting + found.blobs.size + found.segments.size
    assert (found.kinds[0].name, found.kinds[0].count) == ("StepCompleted", 1)
    assert [(part.name, part.plans, part.count) for part in found.playbooks] == [("reconcile", 2, 6)]
    assert {"event", "plan", "decision"} <= {part.name for part in found.tables}
    assert 0 < found.views < sum(part.size for part in found.tables)


def test_l8_what_is_archived_is_counted_where_it_lies(ledger, folder, blobs):
    append(ledger, appended("plan:a", 0, proposed(), e.PlanStarted(1), completed("a", "y" * 3000), e.PlanCompleted()))
    before = measured(ledger, folder, blobs)
    archive(ledger, 2**62)
    after = measured(ledger, folder, blobs)
    assert after.bodies < before.bodies - 3000
    assert after.archived_records == 2
    assert after.segments.count == 1
    assert after.segments.size > 0


def test_l8_an_empty_history_has_a_size(ledger, folder, blobs):
    found = measured(ledger, folder, blobs)
    assert (found.records, found.bodies, found.kinds, found.playbooks) == (0, 0, (), ())
