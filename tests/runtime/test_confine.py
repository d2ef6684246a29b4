"""A9: what code in a worker process can't reach, tried by real code in real processes.

Each way to confine is tried where this machine has it; what it does not have is skipped by name.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
from pathlib import Path

import pytest
from reach_code import Word

from mainstay.contracts import to_plain
from mainstay.encoding import decode_value, encode_value
from mainstay.errors import NeedsOperator
from mainstay.ledger import keys
from mainstay.runtime import confine, probe, process, syscalls
from mainstay.runtime.confine import Means
from mainstay.runtime.workers import WorkerPool

HERE = str(Path(__file__).parent)
LANDLOCK = confine.look().landlock
BUBBLEWRAP = confine._bubblewrap()
CALLS = syscalls.available()
WAYS = [
    pytest.param(Means(LANDLOCK, "", CALLS), id="landlock", marks=[] if LANDLOCK else pytest.mark.skip("no Landlock")),
    pytest.param(Means(0, BUBBLEWRAP, CALLS), id="bubblewrap",
                 marks=[] if BUBBLEWRAP else pytest.mark.skip("bubblewrap is not installed, or may not work here")),
]  # fmt: skip
FILES_ALONE = [
    pytest.param(Means(LANDLOCK), id="landlock", marks=[] if LANDLOCK else pytest.mark.skip("no Landlock")),
    pytest.param(Means(0, BUBBLEWRAP), id="bubblewrap",
                 marks=[] if BUBBLEWRAP else pytest.mark.skip("bubblewrap is not installed, or may not work here")),
]  # fmt: skip
needs_calls = pytest.mark.skipif(not CALLS, reason="calls can't be refused on this machine")


def ask(means, name, word="", number=0, memory_mb=400):
    return ask_all(means, (name, word, number), memory_mb=memory_mb)[0]


def ask_all(means, *asked, memory_mb=400):
    """Have one worker answer some questions."""

    async def inside():
        pool = WorkerPool(1, [HERE], means=means)
        try:
            return [await _answer(pool, *each, memory_mb=memory_mb) for each in asked]
        finally:
            await pool.close()

    return asyncio.run(asyncio.wait_for(inside(), 60))


async def _answer(pool, name, word="", number=0, memory_mb=400):
    arguments = encode_value(to_plain(Word(word, number)))
    answer = await pool.run(f"reach_code:{name}", arguments, {}, timeout_s=20, memory_mb=memory_mb)
    return decode_value(answer)["output"]["word"]


REFUSED = {"PermissionError", "FileNotFoundError", "OSError"}


@pytest.mark.parametrize("means", [*WAYS, *FILES_ALONE])
def test_a9_a_worker_can_read_neither_history_nor_keys_nor_session_nor_home(workspace, means):
    home = Path.home() / f".mainstay-test-{os.getpid()}"
    home.write_text("private")
    key = keys.key_file(workspace.state)
    places = [workspace.ledger, key, *key.parent.iterdir(), workspace.root / "mainstay.toml", home, "/etc/passwd"]
    try:
        told = ask_all(means, *(("read", str(place)) for place in places))
        folders = ask_all(means, *(("list_folder", str(place)) for place in (workspace.state, key.parent, "/tmp", "/")))
    finally:
        home.unlink()
    assert set(told) <= REFUSED
    if means.landlock:
        assert set(folders) <= REFUSED
    else:  # bubblewrap shows the folders on the way to what it shows
        assert "ledger.db" not in " ".join(folders)


@pytest.mark.parametrize("means", [*WAYS, *FILES_ALONE])
def test_a9_a_worker_writes_nothing_but_a_folder_of_its_own_which_is_gone_after(workspace, tmp_path, means):
    outside = [
        tmp_path / "new",
        workspace.root / "mainstay.toml",
        workspace.root / "agents/new.py",
        "/dev/shm/new",
        "/new",
    ]
    told = ask_all(means, *(("write", str(path)) for path in (*outside, f"{HERE}/new.py")), ("own_folder",))
    *refused, own = told
    assert set(refused) <= REFUSED
    assert not any(Path(path).exists() for path in (tmp_path / "new", "/dev/shm/new", "/new", f"{HERE}/new.py"))
    kept, cwd, temporary = own.split()
    assert (kept, cwd) == ("kept", temporary)
    assert temporary.startswith(tempfile.gettempdir())
    assert not Path(temporary).exists()


@needs_calls
@pytest.mark.parametrize("means", [Means(0, "", True), *WAYS])
def test_a9_a_worker_changes_no_file_by_a_way_that_does_not_open_it(tmp_path, means):
    there = tmp_path / "there"
    there.write_text("kept")
    before = there.stat()
    done = ask(means, "change", str(there))
    if means.files:
        assert done == "nothing"
    else:  # what seccomp alone holds
        assert not {"chmod", "chown", "truncate", "utime", "xattr"} & set(done.split())
        return
    after = there.stat()
    assert (there.read_text(), after.st_mode, after.st_mtime_ns) == ("kept", before.st_mode, before.st_mtime_ns)


@needs_calls
@pytest.mark.parametrize("means", [Means(0, "", True), *WAYS])
def test_a9_a_worker_reaches_no_socket_and_no_network(tmp_path, means):
    folder = tempfile.mkdtemp(dir="/tmp")  # a socket's path is short
    try:
        with socket.socket(socket.AF_UNIX) as owner, socket.socket() as web:
            owner.bind(f"{folder}/owner.sock")
            owner.listen()
            web.bind(("127.0.0.1", 0))
            web.listen()
            port = web.getsockname()[1]
            asked = [("connect_unix", f"{folder}/owner.sock"), ("datagram", f"{folder}/owner.sock")]
            told = ask_all(means, *asked, ("connect_tcp", "", port), ("send_udp", "", port), ("pair", "works"))
    finally:
        shutil.rmtree(folder)
    assert told == ["PermissionError"] * 4 + ["works"]


@pytest.mark.skipif(LANDLOCK < 4, reason="Landlock of this kernel knows nothing of TCP")
def test_a9_landlock_alone_refuses_tcp():
    with socket.socket() as web:
        web.bind(("127.0.0.1", 0))
        web.listen()
        assert ask(Means(LANDLOCK), "connect_tcp", "", web.getsockname()[1]) == "PermissionError"


@needs_calls
@pytest.mark.parametrize("means", [Means(0, "", True), *WAYS])
def test_a9_a_worker_is_one_process_for_all_its_life(means):
    asked = ["run_program", "replace_program", "fork", "leave_group"]
    told = ask_all(means, *((name,) for name in asked), ("outlive_owner",), ("thread", "runs"))
    assert told == ["PermissionError"] * 4 + ["refused", "runs"]


@needs_calls
@pytest.mark.parametrize("means", [Means(0, "", True), *WAYS])
def test_a9_a_worker_touches_no_other_process(means):
    names = ("signal_owner", "limit_owner") + (("owner_memory",) if means.files else ())
    told = ask_all(means, *((name, "", os.getpid()) for name in names))
    assert set(told) <= REFUSED | {"ProcessLookupError"}


@needs_calls
@pytest.mark.parametrize("means", [Means(0, "", True), *WAYS])
def test_a9_a_worker_raises_none_of_its_limits_and_takes_no_memory_beside_them(means):
    told = ask_all(means, ("raise_limit",), ("shared_memory",), ("open_files",), ("large_file",))
    assert told == ["ValueError", "OSError", "refused", "OSError"]


@pytest.mark.parametrize("means", WAYS)
def test_what_agents_import_works_under_confinement(means):
    told = ask(means, "libraries", memory_mb=1024)
    assert told.startswith("3 Europe/Stockholm a OpenSSL")


@pytest.mark.parametrize("means", WAYS)
def test_a9_a_worker_inherits_no_file(means, tmp_path):
    with (tmp_path / "open").open("w") as held:
        os.set_inheritable(held.fileno(), True)
        kinds = ask(means, "inherited").split()
    assert len(kinds) == 2, "jobs and answers"
    assert set(kinds) <= {"pipe", "socket"}


def test_a9_code_shares_no_process_with_other_code(tmp_path):
    for name in ("first", "second"):
        (tmp_path / f"{name}.py").write_text("from reach_code import *\n")

    async def scenario():
        pool = WorkerPool(1, [HERE, str(tmp_path)])
        try:
            said = []
            for module in ("first", "second", "first"):
                arguments = encode_value(to_plain(Word(f"of {module}")))
                entry = f"{module}:shared_state"
                answer = await pool.run(entry, arguments, {}, timeout_s=20, memory_mb=400)
                said.append(decode_value(answer)["output"]["word"])
            return said
        finally:
            await pool.close()

    first, second, _ = asyncio.run(scenario())
    assert first.startswith("nothing ")
    assert second.startswith("nothing ")
    assert first != second


def test_required_confinement_runs_nothing_where_there_is_none():
    async def scenario():
        pool = WorkerPool(1, [HERE], confinement="required", means=Means())
        with pytest.raises(NeedsOperator, match="must be confined") as caught:
            await _answer(pool, "pair", "x")
        assert "mainstay doctor" in caught.value.remedy
        await pool.close()

    asyncio.run(scenario())


@pytest.mark.skipif(not (LANDLOCK and CALLS), reason="this machine can't confine")
def test_required_confinement_is_no_hindrance_where_there_is_one():
    async def scenario():
        pool = WorkerPool(1, [HERE], confinement="required")
        try:
            return await _answer(pool, "pair", "works")
        finally:
            await pool.close()

    assert asyncio.run(scenario()) == "works"


def test_a_workspace_is_no_folder_of_code(workspace):
    with pytest.raises(AssertionError, match="is a workspace"):
        confine.readable([str(workspace.root)])
    confine.readable([str(workspace.root / "agents")])


def test_folders_that_a_killed_owner_left_are_removed_and_those_of_a_living_one_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gone, mine, other = (
        tmp_path / name for name in ("mainstay-worker-4194305-x", f"mainstay-worker-{os.getpid()}-x", "other")
    )
    for folder in (gone / "a" / "b", mine, other):
        folder.mkdir(parents=True)
    (gone / "a").chmod(0o000)
    process.remove_leftovers()
    assert sorted(tmp_path.iterdir()) == sorted([mine, other])


# --- doctor


@pytest.mark.skipif(not (LANDLOCK and CALLS), reason="this machine can't confine")
def test_doctor_names_the_way_and_finds_nothing_reached(workspace):
    found = list(probe.look("available", [workspace.ledger, keys.key_file(workspace.state)]))
    assert [(check, state) for check, state, *_ in found] == [("workers", "ok"), ("confinement", "ok")]
    assert f"Landlock {LANDLOCK} and seccomp" in found[1][2]


def test_doctor_names_what_is_missing_and_what_to_install(workspace):
    found = list(probe.look("available", [workspace.ledger], Means()))
    assert [state for _, state, *_ in found] == ["ok", "note", "note"]
    assert "5.13" in found[1][3]
    assert "bubblewrap" in found[1][3]
    assert "seccomp" in found[2][3]
    required = list(probe.look("required", [workspace.ledger], Means()))
    assert [state for _, state, *_ in required] == ["ok", "wrong", "wrong"]


def test_doctor_finds_a_confinement_that_does_not_hold(workspace, monkeypatch):
    monkeypatch.setattr(confine, "readable", lambda code, keep=confine.readable: (*keep(code), str(workspace.state)))
    if not LANDLOCK:
        pytest.skip("no Landlock")
    found = list(probe.look("available", [workspace.ledger]))
    assert [(check, state) for check, state, *_ in found] == [("workers", "ok"), ("confinement", "wrong")]
    assert str(workspace.ledger) in found[1][2]
