"""Marks the tests that take long: `make test` leaves them out, `make test-long` runs them alone."""

from __future__ import annotations

import pytest

# They kill owners again and again, or drive many real commands; each file takes from half a minute to minutes.
LONG = {
    "test_act_kills.py",
    "test_backup_commands.py",
    "test_effect_crashes.py",
    "test_every_line.py",
    "test_exam_cadence.py",
    "test_exam_productised.py",
    "test_family_crashes.py",
    "test_hard.py",
    "test_journal_crashes.py",
    "test_keeping.py",
    "test_ledger_kills.py",
    "test_receipt_commands.py",
    "test_rerun_crashes.py",
    "test_service_intake.py",
    "test_stuck.py",
    "test_sub_plans_run.py",
    "test_try.py",
    "test_versions_cli.py",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.name in LONG:
            item.add_marker(pytest.mark.long)
