"""Worker processes: real ones, good and bad."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from kit import Word
from seeds import some

from mainstay.contracts import to_plain
from mainstay.encoding import decode_value, encode_value
from mainstay.errors import NeedsOperator, OperationError, Permanent, RateLimited, Transient
from mainstay.runtime import process, worker
from mainstay.runtime.clock import SystemClock
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


async def call(pool, name, word="hi", timeout_s=10.0, memory_mb=400, files=None, number=0):
    arguments = encode_value(to_plain(Word(word, number)))
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


def _open_files():
    return len([*Path("/proc/self/fd").iterdir()])


def _folders():
    return list(Path(tempfile.gettempdir()).glob(f"mainstay-worker-{os.getpid()}-*"))


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


@pytest.mark.parametrize("wait_s", some(2, [0, 0.003, 0.001, 0.01]))
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


@pytest.mark.parametrize("status", some(1, [0, 3]))
def test_a_process_that_left_the_group_is_dead_before_an_outcome_is_given(tmp_path, status):
    """Where nothing keeps it from that: a second fork, a session of its own; hanging, or ending by itself."""

    async def scenario(pool):
        with pytest.raises(Transient):
            await call(pool, "escape", str(tmp_path / "pid"), timeout_s=3.0, number=status)
        return (tmp_path / "pid").read_text()

    assert not _runs(with_pool(scenario, means=UNCONFINED))


def test_f16_a_stopped_process_is_killed_when_its_time_is_over():
    async def scenario(pool):
        return await asyncio.gather(
            call(pool, "stop", timeout_s=0.5), call(pool, "work", "next "), return_exceptions=True
        )

    late, after = with_pool(scenario)
    assert "longer than 0.5 seconds" in late.message
    assert after.startswith("next")


@pytest.mark.parametrize("what", ["garbage", "long", "stranger", "ready"])
def test_f16_a_worker_that_sends_nonsense_is_stopped_at_once_and_named(what):
    async def scenario(pool):
        return await asyncio.gather(call(pool, "forge", what), call(pool, "work", "next "), return_exceptions=True)

    wrong, after = with_pool(scenario)
    assert type(wrong) is OperationError
    assert "no answer" in wrong.message
    assert after.startswith("next")


def test_f16_a_worker_that_closes_its_pipes_is_stopped():
    async def scenario(pool):
        return await asyncio.gather(call(pool, "close_pipes"), call(pool, "work", "next "), return_exceptions=True)

    gone, after = with_pool(scenario)
    assert isinstance(gone, Transient)
    assert after.startswith("next")


@pytest.mark.parametrize(
    ("name", "number", "kind", "text"),
    [
        ("huge", 70, Permanent, "64 MB is the most"),
        ("huge", 2048, Permanent, "400 MB"),
        ("long_error", 0, OperationError, "ValueError: xxx"),
        ("unspeakable", 0, OperationError, "UnspeakableError: it can't say what"),
        ("leave", 0, OperationError, "SystemExit: hi"),
    ],
)
def test_f16_what_is_too_much_or_can_not_be_said_is_an_error_of_the_job(name, number, kind, text):
    async def scenario(pool):
        with pytest.raises(kind, match=text) as caught:
            await call(pool, name, number=number)
        assert len(caught.value.message) < 11_000
        return await call(pool, "work", "still ")

    assert with_pool(scenario).startswith("still")


def test_f16_a_flood_on_stderr_costs_the_owner_nothing_and_is_cut_off():
    async def scenario(pool):
        return [await call(pool, "chatter", number=20), await call(pool, "chatter", number=1)]

    assert with_pool(scenario) == ["20", "1"]


def test_the_last_words_of_a_worker_are_in_the_error():
    async def scenario(pool):
        with pytest.raises(Transient, match=r"\(exit status 4\). the cause"):
            await call(pool, "last_words")

    with_pool(scenario)


def test_f16_memory_that_a_job_kept_does_not_fail_the_jobs_of_others_for_ever():
    async def scenario(pool):
        said = [await asyncio.gather(call(pool, "leak"), return_exceptions=True) for _ in range(8)]
        return [each[0] if isinstance(each[0], str) else type(each[0]).__name__ for each in said]

    said = with_pool(scenario)
    assert "Permanent" in said
    assert said[-1] != said[0], "another process, with its memory to itself"


def test_f16_a_job_that_computes_without_end_stops_by_itself_when_the_owner_is_stopped():
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from mainstay.runtime.worker import Job, perform\n"
        "from mainstay.encoding import encode_value\n"
        "perform(Job(1, 'worker_code:compute', encode_value({'word': ''}), {}, 400, 1))\n"
    )
    root = str(Path(worker.__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", code, root, HERE], timeout=60, check=False)
    assert done.returncode == -signal.SIGXCPU


# --- time


class Asleep(SystemClock):
    """The machine's clock, on a machine that slept for a while."""

    slept_s = 0.0

    def boot_s(self):
        return super().boot_s() + self.slept_s


def test_p5_time_that_the_machine_slept_counts_and_is_noticed_at_the_next_look(monkeypatch):
    monkeypatch.setattr(process, "LONGEST_SLEEP_S", 0.05)
    clock = Asleep()

    async def scenario(pool):
        assert await call(pool, "work", "first ")
        waiting = asyncio.ensure_future(call(pool, "hang", timeout_s=3600))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        clock.slept_s = 3600
        with pytest.raises(Transient, match="longer than 1 hour"):
            await asyncio.wait_for(waiting, 20)
        return await call(pool, "work", "after ")

    assert with_pool(scenario, clock=clock).startswith("after")


def test_p5_a_worker_without_work_has_no_time_to_run_out(monkeypatch):
    monkeypatch.setattr(process, "LONGEST_SLEEP_S", 0.05)
    clock = Asleep()

    async def scenario(pool):
        before = await call(pool, "work", " ", timeout_s=0.5)
        clock.slept_s = 3600
        await asyncio.sleep(0.3)
        return before, await call(pool, "work", " ", timeout_s=5)

    before, after = with_pool(scenario, clock=clock)
    assert before == after


# --- crash loops


def test_f16_code_that_ends_its_process_again_and_again_is_held_and_others_go_on():
    clock = Asleep()

    async def scenario(pool):
        jobs = [call(pool, "segfault", str(number)) for number in range(6)]
        said = await asyncio.gather(*jobs, call(pool, "work", "other "), return_exceptions=True)
        assert said.pop().startswith("other")
        assert [type(each) for each in said] == [Transient] * 3 + [NeedsOperator] * 3
        assert "'worker_code:segfault' ended its worker process again and again with different" in said[-1].message
        assert "killed by SIGSEGV" in said[-1].message
        with pytest.raises(NeedsOperator):
            await call(pool, "segfault", "good")
        clock.slept_s = 61
        assert await call(pool, "segfault", "good") == "good"
        with pytest.raises(Transient):  # and a new row is begun
            await call(pool, "segfault", "bad")

    with_pool(scenario, clock=clock)


def test_f16_a_poisoned_input_is_held_and_keeps_no_other_from_being_worked_on():
    async def scenario(pool):
        said = await asyncio.gather(*(call(pool, "segfault", "bad") for _ in range(5)), return_exceptions=True)
        assert [type(each) for each in said] == [Transient] * 3 + [NeedsOperator] * 2
        assert "with the same input" in said[-1].message
        return await call(pool, "segfault", "good")

    assert with_pool(scenario) == "good"


def test_f16_one_crash_is_the_job_s_alone():
    async def scenario(pool):
        for _ in range(4):
            with pytest.raises(Transient):
                await call(pool, "segfault", "bad")
            assert await call(pool, "segfault", "good") == "good"

    with_pool(scenario)


def test_f16_processes_that_never_start_are_given_up_with_the_cause_and_tried_again_later(monkeypatch):
    whole = sys.executable

    async def scenario(pool):
        monkeypatch.setattr(sys, "executable", "/bin/false")
        said = await asyncio.gather(*(call(pool, "work") for _ in range(3)), return_exceptions=True)
        assert [type(each) for each in said] == [NeedsOperator] * 3
        assert "5 in a row ended before their first job" in said[0].message
        assert "exit status 1" in said[0].message
        assert "mainstay doctor" in said[0].remedy
        monkeypatch.setattr(sys, "executable", whole)
        return await call(pool, "work", "mended ")

    assert with_pool(scenario).startswith("mended")


def test_closing_does_not_wait_for_the_pause_after_failed_starts(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")

    async def scenario(pool):
        pool._starts.failed = 40
        waiting = asyncio.ensure_future(call(pool, "work"))
        await asyncio.sleep(0.1)
        await asyncio.wait_for(pool.close(), 3)
        waiting.cancel()

    with_pool(scenario)


def test_f9_without_file_descriptors_a_job_fails_for_now_and_the_running_ones_go_on():
    async def scenario(pool):
        assert await call(pool, "work", "before ")
        running = asyncio.ensure_future(call(pool, "nap", "napped"))
        await asyncio.sleep(0.1)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (_open_files(), hard))
        try:
            with pytest.raises(Transient, match="can't be started"):
                await call(pool, "work", memory_mb=333)  # a process of its own
            assert await running == "napped"
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert len(_folders()) == 1, "the folder of the one that was not started is gone"
        return await call(pool, "work", "after ", memory_mb=333)

    assert with_pool(scenario, 2).startswith("after")


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
        f"sys.path[:0] = {[HERE, str(Path(HERE).parent)]!r}\n"
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
