"""Agents that run in worker processes, good and bad."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from mainstay.contracts import AgentResult
from mainstay.errors import FileError, Permanent, RateLimited


class Word(msgspec.Struct, frozen=True):
    """As in kit.py, which imports too much for a worker that is to start quickly."""

    word: str = ""
    number: int = 0


class Said(msgspec.Struct, frozen=True):
    word: str = ""
    token: str = ""


def work(given: Word, files: object) -> AgentResult:
    return AgentResult(Said(given.word + str(os.getpid())))


def nap(given: Word, files: object) -> AgentResult:
    time.sleep(0.5)
    return AgentResult(Said(given.word))


def hang(given: Word, files: object) -> AgentResult:
    time.sleep(60)
    return AgentResult(Said(given.word))


def with_child(given: Word, files: object) -> AgentResult:
    child = subprocess.Popen(["sleep", "1000"])
    Path(given.word).write_text(f"{os.getpid()} {child.pid}")
    child.wait()
    return AgentResult(Said(given.word))


def vanish(given: Word, files: object) -> AgentResult:
    os._exit(3)


def devour(given: Word, files: object) -> AgentResult:
    return AgentResult(Said(str(len(bytearray(2**30)))))


def raise_it(given: Word, files: object) -> AgentResult:
    if given.word == "permanent":
        raise Permanent("it is wrong")
    if given.word == "limited":
        raise RateLimited("slow down", retry_after_s=7.0)
    if given.word == "input":
        raise FileError("your file is wrong", remedy="mend it")
    if given.word == "deep":
        raise_it(given, files)
    raise ValueError(given.word)


def prints(given: Word, files: object) -> AgentResult:
    sys.stdout.write("x" * 100_000)
    sys.stdout.flush()
    os.write(1, b"y" * 1000)
    return AgentResult(Said(given.word))


def environment(given: Word, files: object) -> AgentResult:
    return AgentResult(Said(repr(dict(os.environ))))


def count_files(given: Word, files: dict[str, bytes]) -> AgentResult:
    return AgentResult(Said(" ".join(f"{name}:{len(content)}" for name, content in files.items())))


def nonsense(given: Word, files: object) -> object:
    return AgentResult({"word": 7})


def escape(given: Word, files: object) -> AgentResult:
    """Start a process that leaves the group, as daemons do, by way of a second one that ends; then hang."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            Path(given.word).write_text(str(os.getpid()))
            time.sleep(1000)
        os._exit(0)
    while not Path(given.word).exists() or not Path(given.word).read_text():
        time.sleep(0.01)
    if given.number:
        os._exit(given.number)
    time.sleep(1000)
    return AgentResult(Said(""))


def segfault(given: Word, files: object) -> AgentResult:
    import ctypes

    if given.word != "good":
        ctypes.string_at(0)
    return AgentResult(Said(given.word))


def stop(given: Word, files: object) -> AgentResult:
    os.kill(os.getpid(), signal.SIGSTOP)
    return AgentResult(Said(given.word))


def leave(given: Word, files: object) -> AgentResult:
    sys.exit(given.word)


def chatter(given: Word, files: object) -> AgentResult:
    """Write a flood to stderr."""
    for _ in range(given.number):
        os.write(2, b"x" * 1024 * 1024)
    return AgentResult(Said(str(os.fstat(2).st_size // 1024 // 1024)))


def last_words(given: Word, files: object) -> AgentResult:
    os.write(2, b"one\ntwo\nthe cause\n")
    os._exit(4)


def forge(given: Word, files: object) -> AgentResult:
    """Write to the pipe of answers, wherever it is, and hang."""
    frames = {
        "garbage": b"\x00\x00\x00\x05hello",
        "long": b"\xff\xff\xff\xff",
        "stranger": framed(["answer", 999_999, b"x", "", "", "", 0.0, False]),
        "ready": framed(["ready"]),
    }
    for number in range(3, 20):
        with contextlib.suppress(OSError):
            os.write(number, frames[given.word])
    time.sleep(1000)
    return AgentResult(Said(given.word))


def framed(frame: list[object]) -> bytes:
    data = msgspec.msgpack.encode(frame)
    return len(data).to_bytes(4, "big") + data


def close_pipes(given: Word, files: object) -> AgentResult:
    os.closerange(3, 100)
    time.sleep(1000)
    return AgentResult(Said(given.word))


def huge(given: Word, files: object) -> AgentResult:
    return AgentResult(Said("x" * (given.number * 1024 * 1024)))


def long_error(given: Word, files: object) -> AgentResult:
    raise ValueError("x" * 10_000_000)


class UnspeakableError(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def unspeakable(given: Word, files: object) -> AgentResult:
    raise UnspeakableError


kept: list[bytearray] = []


def leak(given: Word, files: object) -> AgentResult:
    """Keep what the job took, as careless code does."""
    kept.append(bytearray(100 * 1024 * 1024))
    return AgentResult(Said(str(os.getpid())))


def compute(given: Word, files: object) -> AgentResult:
    """Compute with no end: the owner can't hear of it when it is stopped."""
    while True:
        pass
