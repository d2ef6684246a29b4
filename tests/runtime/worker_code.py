"""Agents that run in worker processes, good and bad."""

from __future__ import annotations

import os
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
