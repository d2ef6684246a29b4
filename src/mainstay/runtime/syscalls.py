"""The calls to the system that a worker process may not make: a seccomp filter (seccomp(2)), by ctypes.

Landlock and bubblewrap decide which files can be reached. What they leave open is closed here, and it holds on machines
that have neither: no socket of any kind, no further process, no other program, no signal to anybody else, no change of
modes and owners of files by their path, no memory that escapes the limit.

A list of what is refused, not of what is allowed: libraries with new needs go on working. A refused call fails with
EPERM, which Python raises as PermissionError; a thread may be started.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# From <linux/filter.h>, <linux/seccomp.h>, <linux/audit.h>.
_LOAD, _JUMP_EQUAL, _JUMP_ABOVE, _JUMP_BITS, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000  # the latter with an errno in its low half
_AT_NUMBER, _AT_ARCH, _AT_ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_X32 = 0x40000000  # numbers of the second table of x86_64
_PR_GET_SECCOMP, _PR_SET_SECCOMP, _MODE_FILTER = 21, 22, 2
_PR_SET_PDEATHSIG = 1
_CLONE_THREAD = 0x00010000
_AF_UNIX, _SOCK_STREAM, _SOCK_TYPE = 1, 1, 0xF
_MAP_SHARED_ANONYMOUS = 0x21
_CAPABILITIES_V3 = 0x20080522

_ARCHES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}  # audit's name, column below
# Numbers on x86_64 and on aarch64; None where there is no such call.
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    # the network, and sockets of other processes: a path in the file system is no hindrance to connect(2)
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201), "io_uring_setup": (425, 425),
    # another process, another program, another process group
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281), "setpgid": (109, 154),
    "setsid": (112, 157), "unshare": (272, 97), "setns": (308, 268),
    # other processes: their memory, files, signals, pace
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "setpriority": (141, 140), "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118), "sched_setattr": (314, 274), "ioprio_set": (251, 30),
    # files, where Landlock looks away: modes, owners, attributes, and by its first versions lengths
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None),
    "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "truncate": (76, 45), "setxattr": (188, 5),
    "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15),
    "fremovexattr": (199, 16), "utime": (132, None), "utimes": (235, None), "futimesat": (261, None),
    "utimensat": (280, 88), "open_by_handle_at": (304, 265),
    # the system itself: keys, mounts, programs in the kernel
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "mount_setattr": (442, 442), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "init_module": (175, 105), "finit_module": (313, 273), "kexec_load": (246, 104),
    # memory that no limit counts
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194),
}  # fmt: skip
_CLONE, _CLONE3, _KILL, _TGKILL = (56, 220), (435, 435), (62, 129), (234, 131)
_PRLIMIT, _PRCTL, _SOCKETPAIR, _MMAP = (302, 261), (157, 167), (53, 199), (9, 222)
_CAPSET = (126, 91)


def available() -> bool:
    """Whether this machine can refuse calls: Linux with seccomp, on a processor whose numbers stand above."""
    if sys.platform != "linux" or os.uname().machine not in _ARCHES or sys.maxsize < 2**32:
        return False
    return ctypes.CDLL(None, use_errno=True).prctl(_PR_GET_SECCOMP, 0, 0, 0, 0) >= 0


def refuse() -> None:
    """Refuse the calls above to this process from now on, for ever; `no_new_privs` must be set.

    Raises OSError when the kernel does not take the filter.
    """
    program = b"".join(_filter(*_ARCHES[os.uname().machine], os.getpid()))
    code = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_SECCOMP, _MODE_FILTER, head, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "The kernel does not take the list of refused calls")


def drop_capabilities() -> None:
    """Give up what root may beyond its files: to raise limits, above all. No change for any other user."""
    number = _CAPSET[_ARCHES[os.uname().machine][1]]
    head, none = struct.pack("Ii", _CAPABILITIES_V3, 0), bytes(24)
    if ctypes.CDLL(None, use_errno=True).syscall(number, head, none) != 0:
        raise OSError(ctypes.get_errno(), "Capabilities can't be given up")


def _filter(arch: int, column: int, pid: int) -> Iterator[bytes]:
    """Give the instructions: first the machine, then the number, then, for a few, an argument."""
    yield _op(_LOAD, _AT_ARCH)
    yield from _unless_equal(arch)
    yield _op(_LOAD, _AT_NUMBER)
    if column == 0:
        yield _op(_JUMP_ABOVE, _X32, 0, 1)
        yield _refusal()
    for numbers in _REFUSED.values():
        number = numbers[column]
        if number is not None:
            yield _op(_JUMP_EQUAL, number, 0, 1)
            yield _refusal()
    yield _op(_JUMP_EQUAL, _CLONE3[column], 0, 1)
    yield _refusal(errno.ENOSYS)  # its flags can't be read here; the C library then takes clone
    for numbers, inside in _by_argument(pid):
        body = b"".join(inside)
        yield _op(_JUMP_EQUAL, numbers[column], 0, len(body) // 8)
        yield body
    yield _op(_RETURN, _ALLOW)


def _by_argument(pid: int) -> Iterator[tuple[tuple[int, int], list[bytes]]]:
    """Give the calls that are refused by an argument, each with instructions that end it."""
    allow, refuse_it = _op(_RETURN, _ALLOW), _refusal()
    yield _CLONE, [_argument(0), _op(_JUMP_BITS, _CLONE_THREAD, 1, 0), refuse_it, allow]
    for numbers in (_KILL, _TGKILL, _PRLIMIT):  # nobody but itself; 0 is itself too, as it is alone in its group
        yield numbers, [_argument(0), _op(_JUMP_EQUAL, pid, 2, 0), _op(_JUMP_EQUAL, 0, 1, 0), refuse_it, allow]
    yield _PRCTL, [_argument(0), _op(_JUMP_EQUAL, _PR_SET_PDEATHSIG, 0, 1), refuse_it, allow]
    streams = [_argument(1), _op(_AND, _SOCK_TYPE), _op(_JUMP_EQUAL, _SOCK_STREAM, 1, 0), refuse_it, allow]
    yield _SOCKETPAIR, [_argument(0), _op(_JUMP_EQUAL, _AF_UNIX, 1, 0), refuse_it, *streams]
    uncounted = _op(_JUMP_EQUAL, _MAP_SHARED_ANONYMOUS, 0, 1)
    yield _MMAP, [_argument(3), _op(_AND, _MAP_SHARED_ANONYMOUS), uncounted, _refusal(errno.ENOMEM), allow]


def _unless_equal(value: int) -> Iterator[bytes]:
    yield _op(_JUMP_EQUAL, value, 1, 0)
    yield _refusal()


def _argument(index: int) -> bytes:
    """Load the low half of an argument: none of those looked at has more."""
    return _op(_LOAD, _AT_ARGUMENTS + 8 * index)


def _refusal(number: int = errno.EPERM) -> bytes:
    return _op(_RETURN, _REFUSE | number)


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
