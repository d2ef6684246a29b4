"""What a trial says, refuses and leaves behind: nothing."""

import asyncio
import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import starter

from mainstay.app import create_workspace
from mainstay.errors import FileError
from mainstay.playbooks.shelf import LIBRARY
from mainstay.requests.files import file_content
from mainstay.tryout import try_reconciliation
from mainstay.workspace import Workspace

ROOT = Path(__file__).parents[2]
STATEMENT, INVOICES = LIBRARY / "demo/statement.xml", LIBRARY / "demo/invoices.csv"
SAMPLES = ROOT.parent / "shared/samples/camt/viafintech__camt_parser/spec/fixtures/053"
READABLE = ("valid_example.xml", "valid_example_with_datetime.xml")
REFUSED = ("valid_example_v8.xml", "valid_example_with_batch.xml", "valid_namespace.xml")  # made up: they don't add up


@pytest.fixture
def place(tmp_path):
    for name in ("tmp", "config", "here"):
        (tmp_path / name).mkdir()
    return tmp_path


def environment(place):
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "TMPDIR": str(place / "tmp"),
        "XDG_CONFIG_HOME": str(place / "config"),
        "HOME": str(place / "here"),
        "COLUMNS": "120",
    }


def try_out(place, *arguments):
    done = starter.run(["mainstay", "try", *arguments], folder=place / "here", env=environment(place))
    assert "Traceback" not in done.stderr
    assert left(place) == []
    return done


def begun(place):
    """Begin a trial as an operator does, with all that it takes to start."""
    command = [sys.executable, "-m", "mainstay.cli", "try", STATEMENT, INVOICES]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=place / "here", env=environment(place), stdout=pipe, stderr=pipe)


def left(place):
    return sorted(
        str(path.relative_to(place)) for name in ("tmp", "config", "here") for path in (place / name).iterdir()
    )


def found(place, *arguments):
    done = try_out(place, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def write(place, name, text, encoding="utf-8"):
    path = place / name
    path.write_bytes(text.encode(encoding))
    return path


def part(place, name, keep, month="2026-10"):
    """Write a statement with some of the demo's entries, without balances."""
    head, *entries = STATEMENT.read_text(encoding="utf-8").split("      <Ntry>\n")
    entries[-1], tail = entries[-1].split("    </Stmt>")
    head = head[: head.index("      <Bal>")]
    text = head + "".join(f"      <Ntry>\n{entry}" for entry in entries if keep(entry)) + "    </Stmt>" + tail
    return write(place, name, text.replace("2026-10", month) if month != "2026-10" else text)


def test_the_demos_month_in_one_line(place):
    done = try_out(place, STATEMENT, INVOICES)
    lines = done.stdout.splitlines()
    assert lines[0] == "Matched 31 of 39 payments, 4 invoices late, 4,210.00 EUR owed, 1 paid twice.", done.stderr
    for title in ("Would have asked you about", "Came in and fits no open invoice", "Pays an invoice that is paid"):
        assert f"{title}:" in lines
    assert "Next best: 2026-119 of the same customer, the same amount." in done.stdout
    assert "60 lines; the balances add up" in done.stdout
    assert "Nothing was sent, booked or kept." in done.stdout


def test_as_json_it_says_what_it_would_have_asked(place):
    trial = found(place, STATEMENT, INVOICES)
    assert [len(trial[pile]) for pile in ("unsure", "unmatched", "paid_twice", "late")] == [5, 2, 1, 4]
    assert [asked["question"] for asked in trial["would_ask"]][-2:] == [
        "Payments that need your eye: 5",
        "Send a mail: 8 in one go",
    ]
    assert trial["statements"][0]["balance"] == "checked"


@pytest.mark.long
def test_what_one_statement_settles_is_not_open_in_the_next_whatever_their_order(place):
    early = part(place, "early.xml", lambda entry: "<BookgDt><Dt>2026-10-0" in entry)
    late = part(place, "late.xml", lambda entry: "<BookgDt><Dt>2026-10-0" not in entry)
    whole, parts, turned = (found(place, *files, INVOICES) for files in ([STATEMENT], [early, late], [late, early]))
    for name in ("incoming", "matched", "owed", "owed_if_none"):
        assert whole[name] == parts[name] == turned[name]
    assert [one["name"] for one in turned["statements"]] == ["early.xml", "late.xml"]
    assert parts["statements"][0]["balance"] == "absent"


@pytest.mark.long
def test_a_line_of_two_overlapping_statements_counts_once(place):
    again = part(place, "z-again.xml", lambda entry: "<BookgDt><Dt>2026-10-1" in entry)
    once, twice = found(place, STATEMENT, INVOICES), found(place, STATEMENT, again, INVOICES)
    for name in ("incoming", "matched", "owed"):
        assert once[name] == twice[name]
    assert [len(twice[pile]) for pile in ("unsure", "unmatched", "paid_twice")] == [5, 2, 1]


@pytest.mark.long
def test_it_goes_on_with_the_statements_that_can_be_read(place):
    broken = write(place, "broken.xml", STATEMENT.read_text(encoding="utf-8")[:3000])
    done = try_out(place, broken, STATEMENT, INVOICES)
    assert done.returncode == 2
    assert done.stdout.startswith("Matched 31 of 39 payments")
    assert "Could not be read, and was left out:" in done.stdout
    assert "broken.xml" in done.stdout


def text_of_statement():
    return STATEMENT.read_text(encoding="utf-8")


BAD = {
    "missing": (lambda place: (place / "no.xml", INVOICES), "no.xml"),
    "no invoices": (lambda place: (STATEMENT, place / "no.csv"), "no.csv"),
    "an empty folder": (lambda place: (place / "here", INVOICES), "is empty"),
    "no statement": (
        lambda place: (
            write(place, "i.csv", "number;customer;open;due;issued;currency\nR1;A;1,00;2026-01-01;2026-01-01;EUR\n"),
            INVOICES,
        ),
        "There is no bank statement among the files",
    ),
    "no invoices at all": (lambda place: (STATEMENT,), "There is no file of open invoices among the files"),
    "empty": (lambda place: (write(place, "s.xml", ""), INVOICES), "is empty"),
    "cut": (lambda place: (write(place, "s.xml", text_of_statement()[:9000]), INVOICES), "s.xml, line "),
    "other encoding": (
        lambda place: (write(place, "s.xml", text_of_statement(), "utf-16"), write(place, "i.csv", "a;b\n1;2\n")),
        "i.csv",
    ),
    "unbalanced": (
        lambda place: (write(place, "s.xml", text_of_statement().replace("53943.91", "53943.92")), INVOICES),
        "s.xml",
    ),
    "entities": (
        lambda place: (
            write(
                place,
                "s.xml",
                text_of_statement().replace("<Document", '<!DOCTYPE x [<!ENTITY a "aaaa">]>\n<Document', 1),
            ),
            INVOICES,
        ),
        "s.xml",
    ),
    "random bytes": (lambda place: (write(place, "s.xml", "\x00\x01\x02<\xff" * 50, "latin-1"), INVOICES), "s.xml"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_clear_error(name, place):
    make, says = BAD[name]
    done = try_out(place, *make(place))
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.startswith("Error: ")
    assert "\nNext:  " in done.stderr
    assert done.stdout == ""


@pytest.mark.long
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after_s", [0.25, 0.5, 0.75])
def test_stopped_it_leaves_nothing_behind(stop, after_s, place):
    running = begun(place)
    time.sleep(after_s)
    running.send_signal(stop)
    running.communicate(timeout=30)
    assert left(place) == []


@pytest.mark.long
@pytest.mark.parametrize("sample", READABLE)
def test_real_statements_against_invoices_that_they_pay(sample, place):
    path = SAMPLES / sample
    if not path.is_file():
        pytest.skip(f"the sample {sample} is not there")
    from mainstay.connectors.bank.read import ReadStatement, read_statement
    from mainstay.records import File
    from mainstay.values import BlobRef

    content = path.read_bytes()
    lines = read_statement(ReadStatement(File(path.name, BlobRef("d", len(content)))), {"d": content}).lines
    came = [line for line in lines if line.amount.minor > 0 and not line.pending]
    invoices = place / "invoices.csv"
    with invoices.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow("number customer issued_on due_on amount open currency email".split())
        for at, line in enumerate(came):
            due = line.booked_on
            amount = [line.amount.decimal, line.amount.decimal, line.amount.currency]
            table.writerow([f"R-{at:04d}-77", line.counterparty or "Unknown", due, due, *amount, "a@acme.example"])
        table.writerow(
            ["R-9999-77", "Nobody", "2014-01-01", "2014-01-31", "12.34", "12.34", lines[0].amount.currency, ""]
        )
    trial = found(place, path, invoices)
    assert trial["incoming"] == len({line.id for line in lines if line.amount.minor > 0})
    assert trial["incoming"] == trial["matched"] + sum(
        len(match["line_ids"]) for pile in ("unsure", "unmatched", "paid_twice") for match in trial[pile]
    )
    assert "R-9999-77" in {invoice["number"] for invoice in trial["late"]}


@pytest.mark.parametrize("sample", REFUSED)
def test_a_statement_that_does_not_add_up_is_refused_by_its_name(sample, place):
    path = SAMPLES / sample
    if not path.is_file():
        pytest.skip(f"the sample {sample} is not there")
    done = try_out(place, path, INVOICES)
    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: {sample}, line ")


OWN = "Beleg;Kundschaft;Summe;Vom;Bis\n7;Acme;12,50;2026-03-01;2026-03-31\n"


def test_inside_a_workspace_files_are_read_as_its_settings_say(tmp_path):
    invoices = write(tmp_path, "own.csv", OWN)
    workspace = create_workspace(tmp_path / "work", name="Nordlicht")
    lines = 'number = "Beleg"\ncustomer = "Kundschaft"\namount = "Summe"\nissued_on = "Vom"\ndue_on = "Bis"\n'
    settings = workspace.root / "mainstay.toml"
    settings.write_text(settings.read_text() + f'[invoices.columns]\n{lines}currency_code = "EUR"\n')
    trial = asyncio.run(try_reconciliation([STATEMENT, invoices], Workspace(workspace.root)))
    assert (trial.invoices, trial.owed) == (1, "12.50 EUR")
    with pytest.raises(FileError, match="no header was found"):
        asyncio.run(try_reconciliation([STATEMENT, invoices]))


def test_an_unknown_column_setting_is_refused_with_the_nearest(tmp_path):
    workspace = create_workspace(tmp_path / "work", name="Nordlicht")
    settings = workspace.root / "mainstay.toml"
    settings.write_text(settings.read_text() + '[bank.columns]\nboked_on = "Tag"\n')
    with pytest.raises(FileError, match="did you mean 'booked_on'"):
        Workspace(workspace.root)


def read_alike(match):
    """Give what a match says, without the ids of its lines: those are each workspace's own."""
    said = ("kind", "booked_on", "amount", "counterparty", "text", "invoice_numbers", "why", "runner_up")
    return {name: match.get(name) for name in said}


@pytest.mark.long
def test_each_file_is_what_it_can_be_read_as_in_whatever_order(place):
    folder = place / "mixed"
    (folder / "deep").mkdir(parents=True)
    (folder / ".hidden").write_text("no file of the owner's")
    (folder / "notes.txt").write_text("Call Tessa about the lamp.")
    (folder / "statement.xml").write_bytes(STATEMENT.read_bytes())
    (folder / "deep" / "open.csv").write_bytes(INVOICES.read_bytes())
    expected = found(place, STATEMENT, INVOICES)
    turned, mixed = found(place, INVOICES, STATEMENT), try_out(place, "--json", folder)
    assert mixed.returncode == 0, "a note in a folder is no mistake"
    for trial in (turned, json.loads(mixed.stdout)):
        for name in ("incoming", "matched", "owed", "late"):
            assert trial[name] == expected[name]
        assert [read_alike(match) for match in trial["unsure"]] == [read_alike(match) for match in expected["unsure"]]
    assert [one["name"] for one in json.loads(mixed.stdout)["unread"]] == ["notes.txt"]
    assert [one["name"] for one in json.loads(mixed.stdout)["invoice_files"]] == ["deep/open.csv"]


@pytest.mark.long
def test_statements_in_another_currency_than_all_invoices_are_remarked_on(place):
    dollars = write(place, "usd.csv", INVOICES.read_text(encoding="utf-8").replace(",EUR,", ",USD,"))
    done = try_out(place, STATEMENT, dollars)
    assert done.returncode == 0
    assert "The statements are in EUR and the open invoices in USD" in done.stdout
    assert found(place, STATEMENT, INVOICES)["remark"] == ""


@pytest.mark.long
def test_a_list_without_a_currency_is_read_in_that_of_the_statements(place):
    bare = write(
        place, "bare.csv", "Number;Customer;Date;Due;Amount\n2026-101;Nordwind;2026-09-01;2026-09-22;1844.50\n"
    )
    assert found(place, STATEMENT, bare)["invoices"] == 1
    assert found(place, "--currency", "USD", STATEMENT, bare)["owed_if_none"] == "1,844.50 USD"


@pytest.mark.long
def test_long_lists_are_cut_with_a_count_of_the_rest(place):
    rows = "".join(f"2026-10-01,Customer {number},{number}.50,EUR\n" for number in range(100, 130))
    statement = write(place, "bank.csv", f"Date,Name,Amount,Currency\n{rows}")
    done = try_out(place, statement, INVOICES)
    assert " more; all of them: mainstay try --json" in done.stdout, done.stderr
    assert len(done.stdout.splitlines()) < 120


def test_only_plain_files_of_a_fair_size_are_taken(tmp_path):
    large = tmp_path / "large.csv"
    with large.open("wb") as opened:
        opened.truncate(70 * 2**20)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError, match="has 70 MB, and a file may have 64 MB"):
        file_content(large)
    for path in (Path("/dev/zero"), tmp_path / "pipe"):
        with pytest.raises(FileError, match="is no plain file"):
            file_content(path)
