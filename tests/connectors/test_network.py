"""Without a network of its own the machine blames nobody (requirement K21). All of it in a real network namespace."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mainstay.connectors import network
from mainstay.errors import NotSent

CHILD = Path(__file__).with_name("offline_owner.py")


def alone(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script of Python in a network namespace of its own, which has no network."""
    command = ["unshare", "--user", "--map-root-user", "--net", sys.executable, *arguments]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def can_be_alone() -> bool:
    tools = all(shutil.which(tool) for tool in ("unshare", "ip"))
    return tools and alone("-c", "").returncode == 0


needs_namespace = pytest.mark.skipif(not can_be_alone(), reason="no network namespace can be made here")


@needs_namespace
def test_k21_a_machine_without_a_network_knows_that():
    said = "import asyncio; from mainstay.connectors import network; print(asyncio.run(network.is_online()))"
    done = alone("-c", said)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_k21_only_what_a_missing_network_explains_is_laid_to_it():
    unreachable = OSError(errno.ENETUNREACH, "Network is unreachable")
    wrapped = NotSent("nothing was sent")
    wrapped.__cause__ = ConnectionError("all tries failed")
    wrapped.__cause__.__context__ = unreachable
    assert network.may_be_network(unreachable)
    assert network.may_be_network(wrapped)
    assert network.may_be_network(socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"))
    assert not network.may_be_network(ConnectionRefusedError(errno.ECONNREFUSED, "refused"))
    assert not network.may_be_network(TimeoutError())
    assert not network.may_be_network(NotSent("the file is open elsewhere"))


def test_an_error_that_names_itself_as_its_cause_is_looked_at_once():
    one, two = OSError(errno.EIO, "one"), OSError(errno.EIO, "two")
    one.__context__, two.__context__ = two, one
    assert not network.may_be_network(one)


@needs_namespace
def test_k21_plans_wait_without_a_network_nothing_is_counted_and_they_go_on_by_themselves(tmp_path):
    """Three plans call a server; the process has no network at first, and gets its loopback only later."""
    done = alone(str(CHILD), str(tmp_path))
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "waiting: 3, attempts counted: 0, questions: 0",
        "told: 1",
        "after a restart, waiting: 3, told again: 0",
        "back: completed completed completed",
        "the server was called 3 times",
    ]


async def _answers() -> bool:
    return True


def test_the_present_state_is_asked_without_sending_anything():
    assert isinstance(asyncio.run(network.is_online()), bool)


MAIL = """
import asyncio, sys
from memory_call import MemoryCall
from mainstay.connectors import mail
from mainstay.connectors.guard import Guard
from mainstay.errors import OperationError
from mainstay.runtime.clock import SystemClock

async def main():
    smtp = mail.SmtpConfig(host=sys.argv[1])
    config = mail.MailConfig(sender="Anna <anna@acme.example>", workspace="/", smtp=smtp)
    (send,) = (one for one in mail.operations(config, lambda: "secret", None) if one.name == "mail.send")
    given = {"to": "ben@example.com", "subject": "Hello", "text": "Hi"}
    try:
        await Guard(SystemClock()).call(send, MemoryCall(), given)
    except OperationError as error:
        print(type(error).__name__)

asyncio.run(main())
"""


@needs_namespace
@pytest.mark.parametrize("host", ["smtp.example.com", "192.0.2.7"])
def test_k21_a_mail_without_a_network_waits_whether_its_server_is_a_name_or_a_number(host):
    done = alone("-c", MAIL, host)
    assert (done.stdout, done.stderr) == ("Offline\n", "")
