"""Confinement: what foreign code in a worker process can reach (DESIGN, Processes; requirement A9).

A worker reads Python's installation, Mainstay's code, the code it was given, and the system's libraries and time
zones. It writes nothing but a folder of its own that is removed after it. The rest does not exist for it: `.mainstay`,
the folder with keys and the operator's session, other workspaces, the owner's socket, the network.

    files    Landlock, which the kernel has or not; else bubblewrap, when it is installed; else nothing
    calls    a list of refused calls (syscalls.py): network, further processes, signals, modes of files

The owner looks once at what the machine offers (`look`), makes a `Confinement` for each worker, and the worker puts it
on (`put_on`) before it imports anything of a job. It can't be taken off.
"""

from __future__ import annotations

import ctypes
import functools
import os
import resource
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from mainstay.runtime import syscalls

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Wish: TypeAlias = Literal["required", "available"]

MEGABYTE = 1024 * 1024
MOST_FILES = 256  # open at a time
MOST_FILE_BYTES = 256 * MEGABYTE  # of one file a worker writes
_SYSTEM = (
    "/usr", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/etc/timezone", "/etc/mime.types",
    "/etc/fonts", "/etc/ssl/openssl.cnf", "/etc/pki/tls/openssl.cnf", "/etc/crypto-policies", "/proc/cpuinfo",
    "/proc/meminfo", "/proc/self", "/sys/devices/system/cpu", "/dev/urandom", "/dev/random", "/dev/zero",
)  # fmt: skip
_PYTHON = ("bin", "lib", "lib64", "pyvenv.cfg", "share/zoneinfo")  # not all of a prefix: it may be somebody's home
_MADE_BY_BUBBLEWRAP = ("/dev/", "/proc/")
_NOTHING = "/dev/null"  # may be written too

# From <linux/landlock.h> and <linux/prctl.h>. Numbers of new calls are the same on all processors.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH = 1, 1
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38
_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_TRUNCATE = 1 << 14
_PROGRAMS_AND_DEVICES = 1 | 1 << 6 | 1 << 11 | 1 << 15  # run, make, command: in its own folder neither
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}  # how many rights over files a version knows; 16 from version 5 on
_TCP_SINCE, _SCOPES_SINCE = 4, 6
_TCP = 0b11  # bind, connect
_SCOPES = 0b11  # abstract sockets, signals


class Means(msgspec.Struct, frozen=True):
    """What a machine offers to confine a worker with."""

    landlock: int = 0  # version of its interface; 0: the kernel has none, or it is switched off
    bubblewrap: str = ""  # its program, where it works; looked for only without Landlock
    calls: bool = False  # whether calls can be refused

    @property
    def files(self) -> bool:
        """Whether files out of a worker's reach are out of its reach."""
        return bool(self.landlock or self.bubblewrap)


class Confinement(msgspec.Struct, frozen=True, array_like=True):
    """What one worker is to put on. `memory_mb` holds for all its life; 0: each job sets its own."""

    landlock: int
    calls: bool
    reads: tuple[str, ...]
    folder: str
    memory_mb: int = 0


@functools.cache
def look() -> Means:
    """Look at what this machine offers; asked once for each process."""
    if sys.platform != "linux":
        return Means()
    landlock = max(0, ctypes.CDLL(None).syscall(_CREATE_RULESET, None, 0, _ASK_VERSION))
    return Means(landlock, "" if landlock else _bubblewrap(), syscalls.available())


def confinement(means: Means, code: Sequence[str], folder: str, memory_mb: int = 0) -> Confinement:
    """Say what a worker is to put on: it reads `code`, and writes `folder`."""
    return Confinement(means.landlock, means.calls, readable(code), folder, memory_mb)


def readable(code: Sequence[str]) -> tuple[str, ...]:
    """Give what a worker may read: the system, Python and the code it runs.

    What lies in a folder can be read with it, so that no folder of code may hold a workspace's `.mainstay`.
    """
    for path in code:
        assert not (Path(path) / ".mainstay").exists(), f"{path} is a workspace, not a folder of code"
    prefixes = (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)
    python = [str(Path(prefix) / part) for prefix in prefixes for part in _PYTHON]
    own = (str(Path(os.__file__).parent), *(str(Path(path).resolve()) for path in code))
    return tuple(dict.fromkeys((*_SYSTEM, *python, *own)))


def wrapped(means: Means, worn: Confinement, command: Sequence[str]) -> list[str]:
    """Give the command that starts a worker: bubblewrap's when it is what confines it."""
    if not means.bubblewrap:
        return list(command)
    binds = [path for path in worn.reads if not path.startswith(_MADE_BY_BUBBLEWRAP)]
    parts = [part for path in binds for part in ("--ro-bind-try", path, path)]
    system = ["--dev", "/dev", "--remount-ro", "/dev", "--proc", "/proc"]
    own = ["--bind", worn.folder, worn.folder, "--remount-ro", "/", "--chdir", worn.folder]
    return [means.bubblewrap, "--unshare-all", "--die-with-parent", *parts, *system, *own, "--", *command]


def put_on(worn: Confinement) -> None:
    """Confine this process for ever; called with one thread, before foreign code. Raises OSError when it can't."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, MOST_FILES)
    _limit(resource.RLIMIT_FSIZE, MOST_FILE_BYTES)
    if worn.memory_mb:
        _limit(resource.RLIMIT_DATA, worn.memory_mb * MEGABYTE)
    if sys.platform != "linux":
        return
    _check(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    if worn.landlock:
        _restrict_files(worn)
    if worn.calls:
        syscalls.drop_capabilities()
        syscalls.refuse()


def hide_memory() -> None:
    """Keep other processes of the same user out of this one's memory, where keys are.

    For an owner whose workers nothing else keeps out; debuggers are kept out too.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def gaps(means: Means) -> Iterator[tuple[str, str]]:
    """Give what does not hold on this machine, each with what to do about it."""
    if not means.files:
        yield (
            "Code in worker processes can read and change every file that you can.",
            "Use a Linux kernel of 5.13 or later with Landlock, or install bubblewrap (apt install bubblewrap).",
        )
    if not means.calls:
        yield (
            "Code in worker processes can use the network and start programs.",
            "Use Linux with seccomp, on an x86_64 or arm64 processor.",
        )


def way(means: Means) -> str:
    """Name the way worker processes are confined."""
    files = f"Landlock {means.landlock}" if means.landlock else "bubblewrap" if means.bubblewrap else ""
    parts = [part for part in (files, "seccomp" if means.calls else "") if part]
    return " and ".join(parts)


def _bubblewrap() -> str:
    """Find bubblewrap where it works: some systems forbid it the namespaces it needs."""
    import shutil
    import subprocess

    program = shutil.which("bwrap")
    if program is None:
        return ""
    trial = [program, "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "true"]
    try:
        works = subprocess.run(trial, capture_output=True, timeout=10, check=False).returncode == 0  # noqa: S603 - fixed
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return program if works else ""


def _limit(kind: int, most: int) -> None:
    """Lower a limit for good; one that is lower already stays."""
    _, hard = resource.getrlimit(kind)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))


def _restrict_files(worn: Confinement) -> None:
    """Put on Landlock: all rights its version knows are handled, and few are given back. None to run a program."""
    system = ctypes.CDLL(None, use_errno=True)
    rights = (1 << _FILE_RIGHTS.get(worn.landlock, 16)) - 1
    tcp = _TCP if worn.landlock >= _TCP_SINCE else 0
    scopes = _SCOPES if worn.landlock >= _SCOPES_SINCE else 0
    head = struct.pack("QQQ", rights, tcp, scopes)
    size = 24 if scopes else 16 if tcp else 8
    ruleset = _check(system.syscall(_CREATE_RULESET, head, size, 0))
    for path in worn.reads:
        _allow(ruleset, path, _READ_FILE | _READ_DIR)
    _allow(ruleset, _NOTHING, (_READ_FILE | _WRITE_FILE | _TRUNCATE) & rights)
    _allow(ruleset, worn.folder, rights & ~_PROGRAMS_AND_DEVICES)
    _check(system.syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Give rights beneath a path; one that is not there needs none."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(place):  # noqa: PTH112 - a descriptor, not a path
            rights &= ~_READ_DIR
        rule = struct.pack("=Qi", rights, place)
        _check(ctypes.CDLL(None, use_errno=True).syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0))
    finally:
        os.close(place)


def _check(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "This process can't be confined")
    return result
