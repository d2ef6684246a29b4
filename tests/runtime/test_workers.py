"""Worker processes: real ones, good and bad."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kit import Word

from mainstay.contracts import to_plain
from mainstay.encoding import decode_value, encode_value
from mainstay.errors import OperationError, Permanent, RateLimited, Transient
from mainstay.runtime.confine import Means
from mainstay.runtime.workers import WorkerPool

HERE = str(Path(__file__).parent)


UNCONFINED = Means()  # as on a machine that offers nothing


def with_pool(scenario, size=1, **how):
    async def inside():
        pool = WorkerPool(size, [HERE], **how)
        try:
            return await scenario(pool)
        finally:
            await pool.close()

    return asyncio.run(asyncio.wait_for(inside(), 30))


async def call(pool, name, word="hi", timeout_s=10.0, memory_mb=400, files=None):
    arguments = encode_value(to_plain(Word(word)))
    answer = await pool.run(f"worker_code:{name}", arguments, files or {}, timeout_s=timeout_s, memory_mb=memory_mb)
    result = decode_value(answer)
    assert isinstance(result, dict)
    return result["output"]["word"] if isinstance(result["output"], dict) else result["output"]


def test_one_process_serves_many_calls_in_order():
    async def scenario(pool):
        return await asyncio.gather(*(call(pool, "work", f"{index} ") for index in range(50)))

    words = with_pool(scenario)
    assert [word.split(" ")[0] for word in words] == [str(index) for index in range(50)]
    assert len({word.split(" ")[1] for word in words}) == 1


def test_a_call_over_time_is_killed_and_those_behind_it_run_elsewhere():
    async def scenario(pool):
        calls = call(pool, "hang", timeout_s=0.3), call(pool, "work", "a "), call(pool, "work", "b ")
        return await asyncio.gather(*calls, return_exceptions=True)

    late, *others = with_pool(scenario)
    assert isinstance(late, Transient)
    assert "longer than 0.3 seconds" in late.message
    assert [word[0] for word in others] == ["a", "b"]


def test_a_time_out_kills_the_whole_process_group(tmp_path):
    async def scenario(pool):
        with pytest.raises(Transient):
            await call(pool, "with_child", str(tmp_path / "pids"), timeout_s=3.0)
        worker, child = (tmp_path / "pids").read_text().split()
        assert not _runs(worker), "its death comes before the answer"
        return child

    child = with_pool(scenario, means=UNCONFINED)
    for _ in range(100):  # nobody waits for the child of a dead process: its end is a moment behind
        if not _runs(child):
            return
        time.sleep(0.1)
    pytest.fail("the child still runs")


def _runs(pid):
    """Whether a process lives; one that is dead and waits to be buried has no command line."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text() != ""
    except OSError:
        return False


def test_a_process_that_ends_by_itself_is_named_with_its_status():
    async def scenario(pool):
        return await asyncio.gather(call(pool, "vanish"), call(pool, "work", "next "), return_exceptions=True)

    died, after = with_pool(scenario)
    assert isinstance(died, Transient)
    assert "exit status 3" in died.message
    assert after.startswith("next")


@pytest.mark.parametrize("wait_s", [0, 0.001, 0.003, 0.01])
def test_closing_does_not_wait_for_a_process_that_was_just_starting(wait_s):
    async def close_early():
        pool = WorkerPool()
        waiting = asyncio.ensure_future(pool.run("math:sqrt", encode_value(1), {}, timeout_s=60, memory_mb=100))
        await asyncio.sleep(wait_s)
        await asyncio.wait_for(pool.close(), 10)
        waiting.cancel()

    asyncio.run(close_early())


def test_too_much_memory_is_refused_and_the_process_goes_on():
    async def scenario(pool):
        with pytest.raises(Permanent, match="400 MB"):
            await call(pool, "devour")
        return await call(pool, "work", "still ")

    assert with_pool(scenario).startswith("still")


@pytest.mark.parametrize(
    ("how", "kind", "text"),
    [
        ("value", OperationError, "ValueError: value"),
        ("permanent", Permanent, "it is wrong"),
        ("limited", RateLimited, "slow down"),
        ("deep", Permanent, "nested too deeply"),
        ("input", Permanent, "your file is wrong"),
    ],
)
def test_an_error_comes_back_as_its_class(how, kind, text):
    async def scenario(pool):
        with pytest.raises(kind, match=text) as caught:
            await call(pool, "raise_it", how)
        return caught.value

    error = with_pool(scenario)
    assert type(error) is kind
    assert getattr(error, "retry_after_s", 7.0) == 7.0


def test_what_foreign_code_prints_does_not_disturb_its_answer():
    assert with_pool(lambda pool: call(pool, "prints", "quiet")) == "quiet"


def test_a_worker_sees_nothing_of_the_owners_environment(monkeypatch):
    monkeypatch.setenv("CANARY_SECRET", "tweet")
    seen = with_pool(lambda pool: call(pool, "environment"))
    assert "tweet" not in seen
    assert "HOME" not in seen


def test_files_arrive_as_bytes_under_their_names():
    assert with_pool(lambda pool: call(pool, "count_files", files={"x": b"12345"})) == "x:5"


def test_a_worker_dies_with_its_owner(tmp_path):
    code = (
        "import asyncio, sys\n"
        f"sys.path.insert(0, {HERE!r})\n"
        "from test_workers import call, WorkerPool, HERE\n"
        "async def main():\n"
        "    pool = WorkerPool(1, [HERE])\n"
        "    print(await call(pool, 'work', ' '), flush=True)\n"
        "    await call(pool, 'hang', timeout_s=60)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=tmp_path) as owner:
        assert owner.stdout is not None
        worker = int(owner.stdout.readline())
        os.kill(owner.pid, signal.SIGKILL)
    for _ in range(500):
        if not _alive(worker):
            break
        time.sleep(0.01)
    assert not _alive(worker)


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
