"""Lines for mainstay.toml that a question proposes: shown, written whole and once, and nothing else with them."""

from __future__ import annotations

import asyncio
import stat
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mainstay.app import Owner, create_workspace
from mainstay.errors import CommandRefusedError, FileError, InputError
from mainstay.playbooks.shelf import LIBRARY, open_playbook
from mainstay.requests.columns import block_in, with_section
from mainstay.runtime.intake import Request
from mainstay.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = Path("mainstay.toml")
BEFORE = (
    '# ours\n[company]\nname = "A"\n\n[bank.columns] # as the bank has it\nbooked_on = "Tag"\n\n'
    '# mails\n[mail]\nsender = "a@b.example"\n'
)
FIELDS = {"booked_on": 'D"atum', "amount": "[x]"}


def test_a_section_is_written_in_its_place_or_at_the_end_and_all_else_stays():
    for text in (
        BEFORE,
        BEFORE.replace("[bank.columns] # as the bank has it\nbooked_on", "[files]\nfolders = {}\n[invoices]\nseller"),
        "",
    ):
        after = with_section(text, "bank.columns", FIELDS, FILE)
        read = tomllib.loads(after)
        assert read.pop("bank") == {"columns": FIELDS}
        was = tomllib.loads(text)
        was.pop("bank", None)
        assert read == was
        assert [line for line in text.split("\n") if line.startswith("#")] == [
            line for line in after.split("\n") if line.startswith("#")
        ]
        assert with_section(after, "bank.columns", FIELDS, FILE) == after, "never twice"


@pytest.mark.parametrize("text", ['bank.columns.booked_on = "x"\n', '[bank]\ncolumns = {booked_on = "x"}\n'])
def test_what_is_written_in_another_way_is_left_to_the_owner(text):
    with pytest.raises(InputError, match="in another way"):
        with_section(text, "bank.columns", FIELDS, FILE)


def test_a_file_that_goes_down_too_far_is_said_to_be_wrong():
    for text in ("a = " + "[" * 20_000, "a = " + "{b=" * 5000):
        with pytest.raises(FileError, match="can't be read: too many brackets"):
            with_section(text, "bank.columns", FIELDS, FILE)


def test_the_lines_are_found_in_what_is_said_around_them():
    found = block_in('Write this:\n[bank.columns]\nbooked_on = "a"\n# more: b\nThen run it again.')
    assert found is not None
    assert (found.before, found.lines, found.after) == (
        "Write this:",
        'booked_on = "a"\n# more: b',
        "Then run it again.",
    )
    assert block_in("Write under [bank.columns]: x") is None
    assert block_in(None) is None


@pytest.mark.parametrize(
    "text", [BEFORE, BEFORE[: BEFORE.index("\n\n#")], BEFORE[: BEFORE.index("\n[bank")], "# x\n# y"]
)
def test_lines_end_as_they_do_in_the_file(text):
    after = with_section(text, "bank.columns", FIELDS, FILE)
    assert with_section(text.replace("\n", "\r\n"), "bank.columns", FIELDS, FILE) == after.replace("\n", "\r\n")


def test_lines_are_shown_first_and_written_once_and_the_file_keeps_its_mode_its_line_ends_and_its_link(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    workspace = create_workspace(tmp_path / "acme", name="Acme")
    file = workspace.root / FILE
    kept = file.replace(tmp_path / "settings.toml")
    kept.write_bytes(kept.read_bytes().replace(b"\n", b"\r\n"))
    kept.chmod(0o644)
    file.symlink_to(kept)

    async def scenario() -> None:
        async with Owner(workspace, "test") as owner:
            names = {"statement": "statement.xml", "invoices": "invoices.csv"}
            pinned = {
                key: [owner.requests.pin(name, (LIBRARY / "demo" / name).read_bytes())] for key, name in names.items()
            }
            definition = open_playbook(None, "billing-reconciliation", owner.contracts)
            plan, committed = owner.requests.propose(definition, pinned)
            await committed
            (question,) = (await owner.requests.follow(plan, lambda _: None))["questions"]

            async def ask(**more: object) -> Any:
                request = Request("columns", {"decision": question, "row": 0, **more})
                return await owner.requests.answer(request, True, lambda _: None)

            await _asked(ask, Kept(file))

    asyncio.run(scenario())
    assert Workspace(workspace.root).config.invoices.columns.number == "number"


class Kept:
    """The file as it is on disk."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @property
    def text(self) -> str:
        return self.file.read_bytes().decode()

    def add(self, line: str) -> None:
        self.file.write_bytes((self.text + line).encode())

    @property
    def mode(self) -> int:
        return stat.S_IMODE(self.file.stat().st_mode)


async def _asked(ask: Callable[..., Any], kept: Kept) -> None:
    before = kept.text
    told = await ask()
    assert (told["written"], "+[invoices.columns]" in told["diff"], kept.text) == (False, True, before)
    kept.add("# mine\r\n")
    with pytest.raises(CommandRefusedError, match="changed since"):
        await ask(seen=told["seen"])
    for wrong in (
        "number = 5",
        'number = "..."',
        "[mail]\nsender = 'x'",
        "",
        "x",
        'nonsense = "y"',
        "a = " + "[" * 20_000,
        "{b=" * 5000,
    ):
        with pytest.raises((InputError, FileError)):
            await ask(text=wrong)
    told = await ask(seen=(await ask())["seen"])
    assert (told["written"], kept.mode, kept.file.is_symlink()) == (True, 0o644, True)
    assert told["says"].startswith("mainstay.toml is written. It counts from the next start of Mainstay;")
    assert kept.text.count("\r\n") == kept.text.count("\n")
    assert kept.text.splitlines().count("[invoices.columns]") == 1
    assert "# mine" in kept.text
    again = await ask()
    assert (again["diff"], (await ask(seen=again["seen"]))["written"]) == ([], False)
    assert again["says"] == "mainstay.toml says so already; nothing was written."
