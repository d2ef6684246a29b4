"""Code that tries to leave its worker process: each function gives what came of it, in a word."""

# ruff: noqa: PTH101, PTH104, PTH108, PTH109, PTH115, PTH123, PTH208 (the ways to the system are tried as they are)
from __future__ import annotations

import ctypes
import mmap
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec

from mainstay.contracts import AgentResult


class Word(msgspec.Struct, frozen=True):
    word: str = ""
    number: int = 0


class Said(msgspec.Struct, frozen=True):
    word: str
    token: str = ""


def told(way, *given):
    try:
        return AgentResult(Said(f"did: {way(*given)}"))
    except OSError as error:
        return AgentResult(Said(type(error).__name__))


def read(given: Word, files: object) -> AgentResult:
    return told(lambda: Path(given.word).read_bytes()[:10])


def list_folder(given: Word, files: object) -> AgentResult:
    return told(lambda: os.listdir(given.word))


def write(given: Word, files: object) -> AgentResult:
    return told(lambda: Path(given.word).write_text("x"))


def change(given: Word, files: object) -> AgentResult:
    """Every way to change a file that does not open it."""
    ways = {
        "chmod": lambda: os.chmod(given.word, 0o644),
        "chown": lambda: os.chown(given.word, os.getuid(), os.getgid()),
        "truncate": lambda: os.truncate(given.word, 0),
        "utime": lambda: os.utime(given.word, (0, 0)),
        "xattr": lambda: os.setxattr(given.word, "user.x", b"y"),
        "unlink": lambda: os.unlink(given.word),
        "rename": lambda: os.rename(given.word, given.word + "x"),
        "link": lambda: os.link(given.word, "link"),
    }
    done = [name for name, way in ways.items() if told(way).output.word.startswith("did")]
    return AgentResult(Said(" ".join(done) or "nothing"))


def own_folder(given: Word, files: object) -> AgentResult:
    Path("deep/er").mkdir(parents=True)
    Path("deep/er/file").write_text("kept")
    Path("deep/er/file").rename("deep/moved")
    Path("locked").mkdir(mode=0o500)
    return AgentResult(Said(f"{Path('deep/moved').read_text()} {os.getcwd()} {os.environ['TMPDIR']}"))


def connect_unix(given: Word, files: object) -> AgentResult:
    def way() -> str:
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(given.word)
        return "connected"

    return told(way)


def datagram(given: Word, files: object) -> AgentResult:
    """A pair of sockets is allowed, and one of datagrams could be sent anywhere."""

    def way() -> str:
        one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        one.sendto(b"x", given.word)
        return "sent"

    return told(way)


def pair(given: Word, files: object) -> AgentResult:
    one, other = socket.socketpair()
    one.send(given.word.encode())
    return AgentResult(Said(other.recv(100).decode()))


def connect_tcp(given: Word, files: object) -> AgentResult:
    return told(lambda: socket.create_connection(("127.0.0.1", given.number), 2))


def send_udp(given: Word, files: object) -> AgentResult:
    def way() -> int:
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", given.number))

    return told(way)


def run_program(given: Word, files: object) -> AgentResult:
    return told(lambda: subprocess.run(["/bin/true"], check=True))


def replace_program(given: Word, files: object) -> AgentResult:
    return told(lambda: os.execv("/bin/true", ["true"]))


def fork(given: Word, files: object) -> AgentResult:
    def way() -> int:
        child = os.fork()
        if child == 0:
            time.sleep(100)
        return child

    return told(way)


def thread(given: Word, files: object) -> AgentResult:
    said: list[str] = []
    started = threading.Thread(target=said.append, args=[given.word])
    started.start()
    started.join()
    return AgentResult(Said(said[0]))


def leave_group(given: Word, files: object) -> AgentResult:
    return told(os.setsid)


def outlive_owner(given: Word, files: object) -> AgentResult:
    code = ctypes.CDLL(None, use_errno=True).prctl(1, 0)
    return AgentResult(Said("refused" if code < 0 else "did"))


def signal_owner(given: Word, files: object) -> AgentResult:
    return told(lambda: os.kill(given.number, signal.SIGTERM))


def limit_owner(given: Word, files: object) -> AgentResult:
    return told(lambda: resource.prlimit(given.number, resource.RLIMIT_CPU, (1, 1)))


def owner_memory(given: Word, files: object) -> AgentResult:
    return told(lambda: Path(f"/proc/{given.number}/environ").read_bytes()[:1])


def raise_limit(given: Word, files: object) -> AgentResult:
    def way() -> str:
        resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        return "raised"

    try:
        return told(way)
    except ValueError as error:
        return AgentResult(Said(type(error).__name__))


def shared_memory(given: Word, files: object) -> AgentResult:
    return told(lambda: len(mmap.mmap(-1, 1024 * 1024)))


def open_files(given: Word, files: object) -> AgentResult:
    held = []
    try:
        while len(held) < 5000:
            held.append(open("/dev/null"))  # noqa: SIM115 - to use them up
    except OSError:
        return AgentResult(Said("refused"))
    finally:
        for one in held:
            one.close()
    return AgentResult(Said("did"))


def large_file(given: Word, files: object) -> AgentResult:
    def way() -> str:
        with open("large", "wb") as file:
            file.truncate(2**31)
        return "did"

    return told(way)


def libraries(given: Word, files: object) -> AgentResult:
    """What agents import after they were confined."""
    import ssl
    from zoneinfo import ZoneInfo

    import lxml.etree
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    rows, _ = linear_sum_assignment(np.eye(3))
    found = [str(len(rows)), ZoneInfo("Europe/Stockholm").key, lxml.etree.fromstring("<a/>").tag, ssl.OPENSSL_VERSION]
    return AgentResult(Said(" ".join(found)))


def inherited(given: Word, files: object) -> AgentResult:
    """Name what is open beyond the pipes and what the interpreter opened for itself."""
    kinds = []
    for name in os.listdir("/proc/self/fd"):
        try:
            kinds.append(os.readlink(f"/proc/self/fd/{name}").partition(":")[0] if int(name) > 2 else "")
        except OSError:
            continue  # the one that listed
    return AgentResult(Said(" ".join(kinds)))


def shared_state(given: Word, files: object) -> AgentResult:
    """Leave a word in the process, and give the one that was there."""
    before = getattr(sys, "left_here", "nothing")
    sys.left_here = given.word  # type: ignore[attr-defined]
    return AgentResult(Said(f"{before} {os.getpid()}"))
