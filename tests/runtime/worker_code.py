"""Agents that run in worker processes, good and bad."""

from __future__ import annotations

import os
import time

from kit import Said, Word

from mainstay.contracts import AgentResult


def work(given: Word, files: object) -> AgentResult:
    return AgentResult(Said(given.word + str(os.getpid())))


def hang(given: Word, files: object) -> AgentResult:
    time.sleep(60)
    return AgentResult(Said(given.word))


def vanish(given: Word, files: object) -> AgentResult:
    os._exit(3)


def devour(given: Word, files: object) -> AgentResult:
    return AgentResult(Said(str(len(bytearray(2**30)))))


def raise_it(given: Word, files: object) -> AgentResult:
    raise ValueError(given.word)


def nonsense(given: Word, files: object) -> object:
    return {"output": {"word": 7}}
