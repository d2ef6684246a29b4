import asyncio
import csv
import ctypes
import io
import os
import threading
from decimal import Decimal
from pathlib import Path

import pytest
from memory_call import MemoryCall

from mainstay.connectors import collected, files
from mainstay.connectors.collected import Collect
from mainstay.connectors.csv_out import csv_text
from mainstay.connectors.files import FilesConfig, ReadFile, RestoreFile, WriteFile
from mainstay.connectors.folder import run_to_end
from mainstay.contracts import from_plain, to_plain
from mainstay.errors import FileError, NeedsOperator, NotSent, OperationError, Permanent
from mainstay.records import File
from mainstay.shown import shown
from mainstay.values import digest_of

AT_FDCWD = -100
RENAME_EXCHANGE = 2


def names_in(folder):
    return [path.name for path in folder.iterdir()]


class Workspace:
    def __init__(self, root: Path):
        self.root = root
        for name in ("inbox", "outbox", "reports", ".mainstay", ".git", "agents", "policies"):
            (root / name).mkdir()
        (root / ".mainstay/key").write_text("secret")
        (root / "mainstay.toml").write_text("secret")
        self.config = FilesConfig(str(root), str(root / ".mainstay/notes"))
        self.use(self.config)

    def use(self, config):
        self.operations = {one.name: one for one in files.operations(config)}

    def run(self, name, arguments, call=None):
        return asyncio.run(self.operations[name].call(call or MemoryCall(), arguments))

    def look_up(self, name, arguments, call=None):
        return asyncio.run(self.operations[name].lookup(call or MemoryCall(), arguments))

    def undo_of(self, arguments, output):
        compensation = self.operations["files.write"].compensate(arguments, output)
        assert compensation.operation == "files.restore"
        return from_plain(compensation.arguments, RestoreFile)


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path)


def test_a_written_file_is_whole_and_leaves_nothing_beside_it(workspace):
    written = workspace.run("files.write", WriteFile("reports/2026/june.txt", text="Grüße"))
    assert (workspace.root / "reports/2026/june.txt").read_text() == "Grüße"
    assert names_in(workspace.root / "reports/2026") == ["june.txt"]
    assert (written.digest, written.size, written.previous) == (digest_of("Grüße".encode()), 7, None)


def test_a_pinned_file_is_written_byte_by_byte(workspace):
    call = MemoryCall()
    file = File("logo.bin", call.store(b"\x00\xff\r\n"))
    workspace.run("files.write", WriteFile("outbox/logo.bin", file=file), call)
    assert (workspace.root / "outbox/logo.bin").read_bytes() == b"\x00\xff\r\n"


@pytest.mark.parametrize("both", [{}, {"text": "a", "file": True}])
def test_a_write_has_exactly_one_content(workspace, both):
    call = MemoryCall()
    given = {"file": File("a", call.store(b"a"))} if "file" in both else {}
    with pytest.raises(Permanent, match="either"):
        workspace.run("files.write", WriteFile("outbox/a", text=both.get("text"), **given), call)


def test_the_undo_of_a_new_file_removes_it(workspace):
    arguments = WriteFile("outbox/a.txt", text="new")
    undo = workspace.undo_of(arguments, workspace.run("files.write", arguments))
    assert workspace.run("files.restore", undo).removed
    assert not (workspace.root / "outbox/a.txt").exists()


def test_the_undo_of_a_replaced_file_puts_back_bytes_and_permissions(workspace):
    target = workspace.root / "outbox/a.txt"
    target.write_text("old")
    target.chmod(0o600)
    call, arguments = MemoryCall(), WriteFile("outbox/a.txt", text="new")
    undo = workspace.undo_of(arguments, workspace.run("files.write", arguments, call))
    assert target.read_text() == "new"
    assert not workspace.run("files.restore", undo, call).removed
    assert target.read_text() == "old"
    assert target.stat().st_mode & 0o777 == 0o600


def test_an_undo_done_twice_changes_nothing_more(workspace):
    call, arguments = MemoryCall(), WriteFile("outbox/a.txt", text="new")
    undo = workspace.undo_of(arguments, workspace.run("files.write", arguments, call))
    assert workspace.run("files.restore", undo) == workspace.run("files.restore", undo)


@pytest.mark.parametrize("change", [lambda path: path.write_text("mine"), lambda path: path.unlink()])
def test_an_undo_never_loses_what_somebody_changed(workspace, change):
    target = workspace.root / "outbox/a.txt"
    target.write_text("old")
    call, arguments = MemoryCall(), WriteFile("outbox/a.txt", text="new")
    undo = workspace.undo_of(arguments, workspace.run("files.write", arguments, call))
    change(target)
    with pytest.raises(NeedsOperator, match="changed or removed"):
        workspace.run("files.restore", undo, call)
    assert workspace.look_up("files.restore", undo, call).state == "unknown"


def test_an_undo_whose_content_was_forgotten_says_so(workspace):
    (workspace.root / "outbox/a.txt").write_text("old")
    call, arguments = MemoryCall(), WriteFile("outbox/a.txt", text="new")
    undo = workspace.undo_of(arguments, workspace.run("files.write", arguments, call))
    call.blobs.clear()
    with pytest.raises(NeedsOperator, match="no longer kept"):
        workspace.run("files.restore", undo, call)


def test_the_same_token_writes_once_and_keeps_the_first_undo(workspace):
    (workspace.root / "outbox/a.txt").write_text("old")
    call, arguments = MemoryCall(), WriteFile("outbox/a.txt", text="new")
    first = workspace.run("files.write", arguments, call)
    again = workspace.run("files.write", arguments, call)
    assert first == again
    assert call.read(again.previous) == b"old"


def test_a_look_up_after_the_write_knows_it_and_its_undo(workspace):
    (workspace.root / "outbox/a.txt").write_text("old")
    call, arguments = MemoryCall(), WriteFile("outbox/a.txt", text="new")
    written = workspace.run("files.write", arguments, call)
    found = workspace.look_up("files.write", arguments, call)
    assert (found.state, found.output) == ("happened", written)


def test_a_look_up_before_the_write_finds_nothing_even_if_the_same_content_is_there(workspace):
    (workspace.root / "outbox/a.txt").write_text("new")
    arguments = WriteFile("outbox/a.txt", text="new")
    assert workspace.look_up("files.write", arguments).state == "did_not_happen"
    written = workspace.run("files.write", arguments)
    assert written.previous is not None  # so that an undo does not remove the operator's own file


def test_a_look_up_between_note_and_write_finds_that_it_did_not_happen(workspace):
    target = workspace.root / "outbox/a.txt"
    target.write_text("old")
    call, arguments = MemoryCall(), WriteFile("outbox/a.txt", text="new")
    workspace.run("files.write", arguments, call)
    target.write_text("old")
    half = workspace.root / f"outbox/.{files._mark(call)}.tmp"
    half.write_text("ne")  # what a process leaves that died while it wrote
    assert workspace.look_up("files.write", arguments, call).state == "did_not_happen"
    assert not half.exists(), "the next attempt has another token, and would not find it"
    target.write_text("something else")
    assert workspace.look_up("files.write", arguments, call).state == "unknown"


def test_a_retry_keeps_what_was_there_at_the_retry(workspace):
    target = workspace.root / "outbox/a.txt"
    target.write_text("old")
    call, arguments = MemoryCall(), WriteFile("outbox/a.txt", text="new")
    workspace.run("files.write", arguments, call)
    target.write_text("edited by the operator")
    assert call.read(workspace.run("files.write", arguments, call).previous) == b"edited by the operator"


def test_a_numbered_write_leaves_what_is_there_and_finds_its_own_file_again(workspace):
    asked = WriteFile("reports/june.md", text="a", existing="number")
    paths = [workspace.run("files.write", asked, MemoryCall(token)).path for token in ("one", "two", "two", "three")]
    assert paths == ["reports/june.md", "reports/june-2.md", "reports/june-2.md", "reports/june-3.md"]
    (workspace.root / "reports/june.md").unlink()
    second = workspace.look_up("files.write", asked, MemoryCall("two")).output
    assert workspace.run("files.write", asked, MemoryCall("two")) == second
    workspace.run("files.restore", workspace.undo_of(asked, second))
    assert names_in(workspace.root / "reports") == ["june-3.md"]


def test_look_up_of_an_undo(workspace):
    call, arguments = MemoryCall(), WriteFile("outbox/a.txt", text="new")
    undo = workspace.undo_of(arguments, workspace.run("files.write", arguments, call))
    assert workspace.look_up("files.restore", undo, call).state == "did_not_happen"
    workspace.run("files.restore", undo, call)
    found = workspace.look_up("files.restore", undo, call)
    assert (found.state, found.output.removed) == ("happened", True)


def test_old_notes_are_dropped(workspace):
    workspace.run("files.write", WriteFile("outbox/a.txt", text="1"), MemoryCall("one"))
    (note,) = (workspace.root / ".mainstay/notes").iterdir()
    os.utime(note, (0, 0))
    workspace.run("files.write", WriteFile("outbox/b.txt", text="2"), MemoryCall("two"))
    (left,) = (workspace.root / ".mainstay/notes").iterdir()
    assert left.name != note.name
    assert workspace.root.joinpath(".mainstay/notes").stat().st_mode & 0o777 == 0o700


REFUSED = [
    "",
    "/etc/passwd",
    "..",
    "../mainstay.toml",
    "outbox/../mainstay.toml",
    "outbox/../../etc/passwd",
    "outbox/./a",
    "outbox//a",
    "outbox/",
    "outbox",
    "outbox/..%2f..%2fmainstay.toml",
    "outbox/a\x00.txt",
    "outbox/a\n.txt",
    "outbox/a\\..\\b",
    "outbox/.hidden",
    "outbox/.git/config",
    ".mainstay/key",
    ".git/config",
    "agents/x.py",
    "policies/p.yaml",
    "mainstay.toml",
    "outbox/invoice\u202efdp.exe",
    "outbox/a\u200b",
    "outbox/\ud800",
    "outbox/ a",
    "outbox/a ",
    "outbox/" + "x" * 300,
    "outbox/" + "a/" * 40 + "b",
    "Outbox/a",
    "\uff0e\uff0e/mainstay.toml",
]


@pytest.mark.parametrize("path", REFUSED)
def test_s53_paths_that_could_lead_outside_are_refused(workspace, path):
    with pytest.raises(Permanent):
        workspace.run("files.write", WriteFile(path, text="x"))
    with pytest.raises(Permanent):
        workspace.run("files.read", ReadFile(path))
    with pytest.raises(Permanent):
        workspace.run("files.restore", RestoreFile(path, "d"))
    assert (workspace.root / "mainstay.toml").read_text() == "secret"


def test_a_name_in_an_unusual_form_is_read_but_not_written(workspace):
    (workspace.root / "inbox/u\u0308.txt").write_text("x")
    assert workspace.run("files.read", ReadFile("inbox/u\u0308.txt")).text == "x"
    with pytest.raises(Permanent, match="unusual form"):
        workspace.run("files.write", WriteFile("outbox/u\u0308.txt", text="x"))


def test_the_inbox_is_never_written(workspace):
    with pytest.raises(Permanent, match="can't be written"):
        workspace.run("files.write", WriteFile("inbox/a.txt", text="x"))


def test_s53_links_are_not_followed(workspace, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "a.txt").write_text("outside")
    (workspace.root / "outbox/folder").symlink_to(outside)
    (workspace.root / "outbox/file.txt").symlink_to(outside / "a.txt")
    (workspace.root / "outbox/key").symlink_to(workspace.root / ".mainstay/key")
    for path in ("outbox/folder/a.txt", "outbox/file.txt", "outbox/key"):
        with pytest.raises(Permanent):
            workspace.run("files.read", ReadFile(path))
        with pytest.raises(Permanent):
            workspace.run("files.write", WriteFile(path, text="x"))
    assert (outside / "a.txt").read_text() == "outside"


def test_s53_a_folder_swapped_for_a_link_while_writing_never_leads_outside(workspace, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    place, link, done = workspace.root / "outbox/d", workspace.root / "outbox/link", threading.Event()
    place.mkdir()
    link.symlink_to(outside)

    def swap():
        rename = ctypes.CDLL(None).renameat2
        while not done.is_set():
            rename(AT_FDCWD, bytes(place), AT_FDCWD, bytes(link), RENAME_EXCHANGE)

    swapper = threading.Thread(target=swap)
    swapper.start()
    outcomes = set()
    try:
        for number in range(150):
            try:
                workspace.run("files.write", WriteFile("outbox/d/a.txt", text="x"), MemoryCall(f"{number}"))
                outcomes.add("written")
            except OperationError as error:
                outcomes.add(type(error).__name__)
    finally:
        done.set()
        swapper.join()
    assert outcomes == {"written", "Permanent"}
    assert names_in(outside) == []


def test_a_pipe_or_folder_is_no_file(workspace):
    os.mkfifo(workspace.root / "inbox/pipe")
    (workspace.root / "inbox/folder").mkdir()
    for path in ("inbox/pipe", "inbox/folder"):
        with pytest.raises(Permanent, match="no plain file"):
            workspace.run("files.read", ReadFile(path))
    (workspace.root / "outbox/folder").mkdir()
    with pytest.raises(Permanent, match="no plain file"):
        workspace.run("files.write", WriteFile("outbox/folder", text="x"))


def test_a_read_file_is_pinned_with_its_text(workspace):
    (workspace.root / "inbox/a.csv").write_text("a;ä")
    call = MemoryCall()
    read = workspace.run("files.read", ReadFile("inbox/a.csv"), call)
    assert (read.text, read.size, read.file.name) == ("a;ä", 4, "a.csv")
    assert call.read(read.file.blob) == "a;ä".encode()


def test_a_binary_file_has_no_text(workspace):
    (workspace.root / "inbox/a.bin").write_bytes(b"\xff\xfe")
    assert workspace.run("files.read", ReadFile("inbox/a.bin")).text is None


def test_a_missing_file_needs_the_operator(workspace):
    for path in ("inbox/none.csv", "inbox/none/none.csv"):
        with pytest.raises(NeedsOperator, match="no file"):
            workspace.run("files.read", ReadFile(path))


def test_a_named_folder_can_be_read_but_not_written(workspace, tmp_path_factory):
    bank = tmp_path_factory.mktemp("bank")
    (bank / "june.xml").write_text("<x/>")
    workspace.use(FilesConfig(str(workspace.root), str(workspace.root / ".mainstay/notes"), {"bank": str(bank)}))
    assert workspace.run("files.read", ReadFile("bank/june.xml")).text == "<x/>"
    with pytest.raises(Permanent):
        workspace.run("files.write", WriteFile("bank/june.xml", text="x"))
    with pytest.raises(Permanent):
        workspace.run("files.read", ReadFile("bank/../x"))


def collect(config, folder, which="all"):
    (operation,) = collected.operations(config)
    call = MemoryCall()
    found = asyncio.run(operation.call(call, Collect(folder, which)))
    return [(one.name, call.read(one.blob)) for one in found.files]


def test_a_folder_is_collected_whole_by_its_own_name_the_oldest_first(workspace, tmp_path_factory):
    """Its files pinned as they were; with `newest` only the one that was changed last; hidden ones are left."""
    outside = tmp_path_factory.mktemp("bank")
    config = FilesConfig(str(workspace.root), str(workspace.root / ".mainstay/notes"), {"bank": str(outside)})
    for place in (outside / "2026", workspace.root / "inbox"):
        place.mkdir(exist_ok=True)
        for at_s, name in enumerate(("june.xml", "july.xml", "april.xml"), 1):
            (place / name).write_text(name)
            os.utime(place / name, (at_s, at_s))
        (place / ".hidden").write_text("x")
    whole = [(name, name.encode()) for name in ("june.xml", "july.xml", "april.xml")]
    assert [collect(config, folder) for folder in ("bank", "bank/2026", "inbox")] == [whole] * 3
    assert [collect(config, folder, "newest") for folder in ("bank", "inbox")] == [whole[-1:]] * 2
    assert collect(config, "bank/2025") == collect(config, "reports") == []
    for folder in ("agents", ".mainstay", "bank/..", ""):
        with pytest.raises(Permanent, match="can't be"):
            collect(config, folder)


def test_a_folder_is_not_collected_in_part_where_a_link_or_too_much_lies_in_it(workspace, monkeypatch):
    monkeypatch.setattr(collected, "MAX_FILES", 3)
    inbox = workspace.root / "inbox"
    for number in range(3):
        (inbox / f"{number}.txt").touch()
    assert len(collect(workspace.config, "inbox")) == 3
    (inbox / "more.txt").touch()
    with pytest.raises(NeedsOperator, match="holds more than 3 files"):
        collect(workspace.config, "inbox")
    (inbox / "bank").mkdir()
    (inbox / "bank" / "june.xml").symlink_to(workspace.root / "mainstay.toml")
    for which in ("all", "newest"):
        with pytest.raises(NeedsOperator, match=r"inbox/bank/june\.xml can't be taken: it is a link"):
            collect(workspace.config, "inbox/bank", which)


@pytest.mark.parametrize("folder", [".", "..", ".mainstay", ".git", "agents", "policies", "/"])
def test_a_named_folder_can_not_open_what_is_closed(workspace, folder):
    with pytest.raises(FileError, match="stay closed"):
        workspace.use(FilesConfig(str(workspace.root), "/tmp", {"x": str(workspace.root / folder)}))


@pytest.mark.parametrize("name", ["inbox", ".git", "a/b", "", "A\u202e"])
def test_a_named_folder_has_a_plain_name_of_its_own(workspace, tmp_path_factory, name):
    with pytest.raises(FileError, match="can't be named"):
        workspace.use(FilesConfig(str(workspace.root), "/tmp", {name: str(tmp_path_factory.mktemp("x"))}))


def test_a_full_disk_leaves_the_old_content(workspace):
    import resource

    target = workspace.root / "outbox/a.txt"
    target.write_text("old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(NotSent):
            workspace.run("files.write", WriteFile("outbox/a.txt", text="x" * 10_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert target.read_text() == "old"
    assert names_in(target.parent) == ["a.txt"]


def test_a_cancelled_write_is_finished_before_the_caller_hears_of_it():
    steps = []

    async def scenario():
        started, go = threading.Event(), threading.Event()

        def work():
            started.set()
            go.wait(5)
            steps.append("written")

        task = asyncio.create_task(run_to_end(work))
        await asyncio.to_thread(started.wait)
        task.cancel()
        asyncio.get_running_loop().call_later(0.05, go.set)
        with pytest.raises(asyncio.CancelledError):
            await task
        steps.append("told")

    asyncio.run(scenario())
    assert steps == ["written", "told"]


def test_many_writers_of_one_file_leave_one_whole_content_and_a_chain_of_undos(workspace):
    write, blobs = workspace.operations["files.write"].call, {}

    async def scenario():
        texts = [str(number) * 5000 for number in range(20)]
        jobs = [write(MemoryCall(text[:2], blobs=blobs), WriteFile("outbox/a", text=text)) for text in texts]
        return texts, await asyncio.gather(*jobs)

    texts, written = asyncio.run(scenario())
    assert (workspace.root / "outbox/a").read_text() in texts
    assert sum(one.previous is None for one in written) == 1


def test_the_card_shows_the_whole_text_with_hidden_characters_written_out(workspace):
    card = workspace.operations["files.write"].card(WriteFile("reports/a.txt", text="pay \u202e100\n\x1b[2J"))
    assert card.headline == "Write reports/a.txt"
    assert card.body == "pay <U+202E>100\n<U+001B>[2J"


def test_shown_leaves_ordinary_text_alone():
    assert shown("Zażółć gęślą 日本 👍") == "Zażółć gęślą 日本 👍"
    assert shown("a\nb") == "a<U+000A>b"


@pytest.mark.parametrize(
    "cell", ["=1+1", "+SUM(A1)", "-2+3", "@x", "\t=1", "\r=1", " =1", "\n=1", "\uff1d1+1", "\u00a0=cmd|' /C calc'!A0"]
)
def test_s54_a_cell_that_starts_a_formula_is_text(cell):
    ((read,),) = csv.reader(io.StringIO(csv_text([[cell]]), newline=""))
    assert read == f"'{cell}"


def test_s54_numbers_and_plain_text_stay(workspace):
    page = csv_text([["name", "amount"], ['a "b", c;d\n', Decimal("-12.50")], ["-7.10", None], [3, 1.5]])
    assert page == '"name","amount"\r\n"a ""b"", c;d\n",-12.50\r\n"-7.10",""\r\n3,1.5\r\n'


def test_a_description_of_a_file_is_not_a_file():
    import msgspec

    with pytest.raises(msgspec.ValidationError, match="as a file"):
        from_plain({"path": "outbox/a", "file": {"name": "a", "blob": {"digest": "d", "size": 1}}}, WriteFile)
    file = File("a", MemoryCall().store(b"x"))
    assert from_plain(to_plain(WriteFile("outbox/a", file=file)), WriteFile).file == file
