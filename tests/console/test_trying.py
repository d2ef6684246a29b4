"""Trying Mainstay on one's own files, over real HTTP, as a browser sends them."""

from __future__ import annotations

import os
import re
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser import visit
from http_kit import LONG_S, until
from visitor import LINE, Page, Visitor, with_files

from mainstay.console.trials import SHOWN, prefix_of, sweep
from mainstay.console.uploads import MOST_FILES, boundary_of, read_parts, safe_name
from mainstay.playbooks.shelf import LIBRARY

if TYPE_CHECKING:
    from http_kit import Reply, Served
    from playwright.sync_api import Browser
    from visitor import Form

STATEMENT, INVOICES = LIBRARY / "demo/statement.xml", LIBRARY / "demo/invoices.csv"


def given(statement: bytes | None = None, name: str = "october.xml") -> tuple[tuple[str, str | None, bytes], ...]:
    content = STATEMENT.read_bytes() if statement is None else statement
    return ("bank", name, content), ("invoices", "open.csv", INVOICES.read_bytes())


def over(visitor: Visitor, reply: Reply) -> Page:
    """Wait until a trial is over, as who loads its page again and again."""
    assert reply.status == 303, reply.text
    at = reply.headers["location"]
    return until(lambda: page if "so far" not in (page := visitor.page(at)).text else None, "its end", LONG_S)


def left(visitor: Visitor) -> list[Path]:
    workspace = (visitor.served.desk.folder / ".mainstay" / "id").read_text().strip()
    places = {Path(tempfile.gettempdir()), Path("/tmp")}
    return sorted(path for place in places for path in place.glob(f"{prefix_of(workspace)}*"))


@pytest.fixture(scope="module")
def visitor(served: Served) -> Visitor:
    return Visitor(served).log_in()


def test_a_statement_is_tried_shown_whole_and_nothing_of_it_stays(served: Served, visitor: Visitor):
    before = served.desk.json("history", "tail")
    begun, again = (visitor.upload("/try", *given(), ("once", None, b"of this page")) for _ in "twice"[:2])
    assert begun.headers["location"] == again.headers["location"]
    page = over(visitor, begun)
    assert page.headings == ["Matched 31 of 39 payments"]
    for says in ("Would have asked you about", "Next best: 2026-119", "Fits no open invoice", "4,210.00 EUR",
                 "Nothing was sent, booked or kept", "the balances add up"):  # fmt: skip
        assert says in page.text
    assert left(visitor) == []
    assert served.mails() == []
    assert served.desk.json("history", "tail") == before
    (forget,) = [form for form in page.forms if form.action.endswith("/end")]
    visitor.press(forget)
    assert visitor.get(forget.action.removesuffix("/end")).status == 404


@pytest.mark.long
def test_files_are_chosen_and_tried_in_a_real_browser(browser: Browser, served: Served):
    with visit(browser, served) as page:
        page.set_default_timeout(LONG_S * 1000)
        page.goto(f"{served.url}/try")
        page.get_by_label("Bank statements").set_input_files(STATEMENT)
        page.get_by_label("Open invoices").set_input_files(INVOICES)
        page.get_by_role("button", name="Try it").click()
        page.get_by_role("heading", name="Matched 31 of 39 payments").wait_for()
        page.get_by_role("button", name="Print it").wait_for()
        page.get_by_role("link", name="Run this every Monday?").click()
        page.get_by_role("heading", name="Run this every Monday at 08:00?").wait_for()


@pytest.mark.long
def test_a_trial_that_goes_on_is_looked_at_anew_and_keys_stay_where_they_were(
    browser: Browser, served: Served, visitor: Visitor
):
    begun = visitor.upload("/try", *given()).headers["location"]
    held = until(lambda: tries(visitor), "the process of the trial")
    for process in held:
        os.kill(process, signal.SIGSTOP)
    with visit(browser, served) as page:
        with page.expect_response(lambda one: "x-mainstay-live" in one.request.headers):
            page.goto(served.url + begun)  # looked at once more: it may be over before its end could be told
        stop = page.get_by_role("button", name="Stop it")
        stop.focus()
        page.locator("#trial").evaluate("(trial) => { trial.dataset.old = 'yes'; }")
        page.evaluate("dispatchEvent(new Event('online'))")
        page.locator("#trial:not([data-old])").wait_for()
        assert page.evaluate("document.activeElement.textContent") == "Stop it"
        for process in held:
            os.kill(process, signal.SIGCONT)
        page.keyboard.press("Enter")
        page.get_by_text("It is being stopped, and its files are removed.").wait_for()
    until(lambda: not left(visitor), "the end of its files")


def tries(visitor: Visitor) -> list[int]:
    """Give the processes of trials."""
    folders = [f"TMPDIR={folder}\0".encode() for folder in left(visitor)]
    found: list[int] = []
    for one in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            found += [int(one.parent.name)] * any(folder in one.read_bytes() for folder in folders)
    return found


def test_what_cannot_be_read_is_said_with_its_file_its_line_and_what_to_do(visitor: Visitor):
    broken = "Date,Amount,Text\n2026-10-01,12.50,one\n2026-10-02,much,two\n"
    page = over(visitor, visitor.upload("/try", *given(broken.encode(), "../../etc/<b>spar.csv")))
    assert page.headings == ["Your files could not be tried"]
    assert "_b_spar.csv" in page.text
    assert "line 3" in page.text
    assert "What to do:" in page.text
    assert "mainstay-up-" not in page.text
    assert left(visitor) == []


@pytest.mark.long
def test_of_a_long_list_the_first_rows_are_shown_with_how_many_there_are(visitor: Visitor):
    rows = "".join(f"2026-10-02,{one}.00,Parcel {one}\n" for one in range(1, 901))
    page = over(visitor, visitor.upload("/try", *given(f"Date,Amount,Text\n{rows}".encode(), "october.csv")))
    found = re.search(r"Came in and fits no open invoice ([0-9]+)Booked on.*?And ([0-9]+) more; all of them", page.text)
    assert found is not None, page.text[:500]
    assert int(found[1]) - int(found[2]) == SHOWN
    assert f"{int(found[1]):,} payments" in page.text


def test_no_files_are_taken_without_a_session_from_elsewhere_or_from_an_old_page(served: Served, visitor: Visitor):
    assert Visitor(served).upload("/try", *given(), csrf="none").status == 401
    stale = visitor.upload("/try", *given(), csrf="another session's")
    assert (stale.status, "location" in stale.headers) == (403, False)
    assert visitor.upload("/try", *given(), Origin="https://evil.com").status == 403
    assert visitor.upload("/logout", *given()).status == 415
    assert visitor.upload("/try").status == 422


def test_too_much_is_refused_with_a_page_that_says_how_much_goes(visitor: Visitor):
    refused = visitor.upload("/try", ("bank", "year.csv", bytes(33 * 1024 * 1024)))
    assert refused.status == 413
    assert "At most 32 MB and 200 files" in Page(refused.text).text
    many = [("bank", f"{number}.csv", b"x") for number in range(201)]
    assert visitor.upload("/try", *many).status == 413


def test_what_a_crash_left_of_a_trial_goes_at_the_next_start_and_nothing_else(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    others = tmp_path / f"{prefix_of('fedcba98')}another"
    for folder in (mine := tmp_path / f"{prefix_of('0123456789')}cut-off", others):
        (folder / "files" / "bank").mkdir(parents=True)
        (folder / "files" / "bank" / "october.xml").write_text("a statement")
    link = tmp_path / f"{prefix_of('0123456789')}link"
    link.symlink_to(others)
    sweep("0123456789")
    assert not mine.exists()
    assert (others / "files" / "bank" / "october.xml").exists()


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("C:\\Users\\me\\Statement.xml", "Statement.xml"),
        ("../../etc/passwd", "passwd"),
        ("/", "file"),
        (".bashrc", "bashrc"),
        ("--help", "help"),
        ("a\u202egpj.exe", "a_gpj.exe"),
        ("Kontoauszug März.csv", "Kontoauszug März.csv"),
        ("x" * 400 + ".csv", "x" * 96 + ".csv"),
    ],
)
def test_s53_a_name_leads_nowhere_and_is_still_known(given_name: str, kept: str):
    assert safe_name(given_name) == kept


def test_files_of_one_name_are_two_files():
    body = with_files(("f", "a.csv", b"1"), ("f", "a.csv", b"2"), ("f", "", b""), ("text", None, b"--x\r\n"))
    found = read_parts(body, LINE, 10)
    assert [(one.name, one.content) for one in found.files["f"]] == [("a.csv", b"1"), ("a (2).csv", b"2")]
    assert found.form == {"text": ["--x\r\n"]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        with_files()[:-6],
        b"x" + with_files(),
        with_files(("a", None, b"")).replace(b"form-data", b"attachment"),
    ],
)
def test_s12_a_form_that_is_cut_or_none_is_refused(body: bytes):
    with pytest.raises(ValueError, match=r"it is cut off|no head|no field"):
        read_parts(body, LINE, 10)


def test_s12_nothing_more_is_taken_apart_once_there_are_too_many_files():
    many = with_files(*(("f", "a.csv", b"") for _ in range(MOST_FILES + 1)), ("last", None, b""))
    with pytest.raises(ValueError, match="too many files"):
        read_parts(many.replace(b'form-data; name="last"', b"attachment"), LINE, 5000)
    most = with_files(*(("f", "a.csv", b"") for _ in range(MOST_FILES)))
    assert len({one.name for one in read_parts(most, LINE, 5000).files["f"]}) == MOST_FILES


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/mixed; boundary=x", "multipart/form-data; boundary=a b"]
)
def test_s5_what_has_no_line_between_its_parts_is_no_form(kind: str):
    assert boundary_of(kind) is None


# --- files that a playbook is started with

START = "/playbooks/billing-reconciliation/start"
TWO = ("upload.statement", "../october.xml", STATEMENT.read_bytes())


def test_a_playbook_is_started_with_files_from_the_device_which_are_kept_with_the_plan(
    served: Served, visitor: Visitor
):
    invoices = ("upload.invoices", "open.csv", INVOICES.read_bytes())
    begun = visitor.upload(START, TWO, invoices, ("hold", None, b"yes"))
    assert begun.status == 303, begun.text
    plan = begun.headers["location"].removeprefix("/plans/")
    given = served.desk.json("show", plan)["inputs"]
    assert [one["name"] for one in given["statement"]] == ["october.xml"]
    assert [one["name"] for one in given["invoices"]] == ["open.csv"]
    assert not (served.desk.folder / "october.xml").exists()
    assert served.desk.run("cancel", plan).returncode == 0


def test_a_file_that_is_missing_or_empty_starts_nothing_and_says_so(visitor: Visitor):
    missing = visitor.upload(START, TWO)
    assert (missing.status, "needs a file" in missing.text) == (422, True)
    empty = visitor.upload(START, TWO, ("upload.invoices", "open.csv", b""))
    assert (empty.status, "open.csv is empty" in empty.text) == (422, True)
    named = visitor.upload(START, TWO, ("input.invoices", None, b"upload/statement/october.xml"))
    assert (named.status, "is not in the folder inbox" in named.text) == (422, True)


# --- run this every Monday?

FILE = "playbooks/weekly-reconciliation.yaml"


def form_at(page: Page, action: str) -> Form:
    (found,) = [one for one in page.forms if one.action == action and "csrf" in dict(one.fields)]
    return found


def weekly_at(page: Page, day: str = "MON", hour: str = "8") -> Form:
    """Give the form with what is chosen in it: its fields to choose from are no inputs."""
    on = form_at(page, "/weekly")
    return on._replace(fields=[*on.fields, ("day", day), ("hour", hour), ("which", "newest")])


def test_it_is_shown_first_runs_every_monday_after_a_yes_and_is_switched_off_again(served: Served, visitor: Visitor):
    page = visitor.page("/weekly?day=FRI&hour=17")
    assert page.headings == ["Run this every Friday at 17:00?"]
    for says in ('on: {cron: "0 17 * * FRI"}', "inbox/bank", "What would run", "first on"):
        assert says in page.text
    file = served.desk.folder / FILE
    assert not file.exists()
    on = weekly_at(page, "FRI", "17")
    other = visitor.press(on, day="SUN", hour="9")  # chosen after it was shown: nothing runs, and that is shown
    assert (other.status, file.exists()) == (303, False)
    page = visitor.page(other.headers["location"])
    assert page.headings == ["Run this every Sunday at 09:00?"]
    assert "Nothing runs yet. You chose something else than was shown" in page.text
    again = visitor.press(on, ("does", "look"))
    assert (again.status, file.exists()) == (303, False)
    on = weekly_at(visitor.page(again.headers["location"]), "FRI", "17")
    assert visitor.press(on).status == 303
    page = visitor.page("/weekly")
    assert page.headings == ["It runs every Friday at 17:00"]
    assert 'cron: "0 17 * * FRI"' in file.read_text()
    due = "weekly-reconciliation: runs next on "
    assert due in visitor.page("/today").text
    assert f"\nDue next\n  {due}" in served.desk.run("today").stdout
    assert (served.desk.folder / "inbox" / "bank").is_dir()
    assert visitor.press(on).status == 409  # pressed twice
    (folder := served.desk.folder / "inbox" / "bank").rmdir()
    folder.write_text("Not a folder.")
    off = form_at(page, "/weekly/off")
    assert visitor.press(off).status == 303
    assert visitor.press(off).status == 422
    assert visitor.page("/weekly").headings == ["Run this every Monday at 08:00?"]
    assert not file.exists()
    refused = visitor.press(weekly_at(visitor.page("/weekly")))
    assert (refused.status, "the folder inbox/bank could not be made: something else" in refused.text) == (422, True)
    assert visitor.press(form_at(visitor.page("/weekly"), "/weekly/off")).status == 303
    assert "inbox/bank could not be made" in served.desk.run("playbook", "weekly", "--yes").stderr
    folder.unlink()
    assert served.desk.run("playbook", "weekly", "--off", "--yes").returncode == 0


def test_what_a_crash_left_half_done_is_said_at_the_next_look(served: Served, visitor: Visitor):
    assert visitor.press(weekly_at(visitor.page("/weekly"))).status == 303
    file = served.desk.folder / FILE
    text = file.read_text()
    file.unlink()  # it died before the file was written: what is active is in the history
    page = visitor.page("/weekly")
    assert page.headings == ["It runs every Monday at 08:00"]
    assert "is gone" in page.text
    file.write_text(f"{text}# a note of mine\n")
    page = visitor.page("/weekly")
    assert page.headings == ["It runs every Monday at 08:00"]
    assert "says something else by now" in page.text
    assert "/playbooks/weekly-reconciliation/activate" in page.links
    file.unlink()
    page = visitor.page("/weekly")
    assert visitor.press(form_at(page, "/weekly/off")).status == 303
    file.write_text(text)  # it died before the file was removed: it is off
    assert visitor.page("/weekly").headings == ["It is off, and its file still lies there"]
    file.unlink()


def test_the_command_line_does_the_same(served: Served):
    done = served.desk.json("playbook", "weekly", "--day", "TUE", "--hour", "7", "--all", "--yes")
    assert done["path"] == FILE
    assert "which: all" in (served.desk.folder / FILE).read_text()
    assert "every Tuesday at 07:00" in served.desk.run("playbook", "explain", "weekly-reconciliation").stdout
    assert served.desk.run("playbook", "weekly", "--yes").returncode == 2
    assert served.desk.run("playbook", "weekly", "--off", "--yes").returncode == 0
    assert not (served.desk.folder / FILE).exists()
    for wrong in (("--day", "someday"), ("--hour", "25")):
        assert served.desk.run("playbook", "weekly", *wrong, "--yes").returncode == 2


# --- a playbook on its last plans


def test_a_playbook_is_tried_on_what_its_last_plans_were_given(served: Served, visitor: Visitor):
    files = ("upload.statement", "october.xml", STATEMENT.read_bytes()), given()[1]
    invoices = ("upload.invoices", *files[1][1:])
    plan = visitor.upload(START, files[0], invoices, ("hold", None, b"yes")).headers["location"].partition("s/")[2]
    asked = form_at(visitor.page("/playbooks/billing-reconciliation"), "/playbooks/billing-reconciliation/past")
    page = over(visitor, visitor.post(asked.action, [*asked.fields, ("last", "1")]))
    assert page.headings == ["All would go the same"]
    assert plan in page.text
    assert "Nothing was sent, booked or kept" in page.text
    assert served.mails() == []
    assert served.desk.run("cancel", plan).returncode == 0
    for refused in ("1000", "0", "9" * 5000):
        assert visitor.post(asked.action, [*asked.fields, ("last", refused)]).status == 422, refused
    begun = visitor.post(asked.action, [*asked.fields, ("last", "0001")])
    (stop,) = [form for form in visitor.page(begun.headers["location"]).forms if form.action.endswith("/end")]
    assert visitor.press(stop).headers["location"] == "/playbooks/billing-reconciliation"
    assert "It is being stopped." in visitor.page("/playbooks/billing-reconciliation").text
    wrong = over(visitor, visitor.post("/playbooks/--help/past", asked.fields))
    assert wrong.headings == ["That could not be played"]
