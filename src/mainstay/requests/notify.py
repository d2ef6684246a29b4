"""By which ways the operator is told, and what each of them may be told: a mail, a command, places outside.

- `say = "little"`: what leaves this machine (a mail, a place outside) names playbook, step and question, and
  no amount, nobody's name and no words from outside; `"all"` says what the screen does.
- `links = ["phone"]`: the message of these ways lets whoever reads it answer, by a signed link to one question, for
  exactly what it shows, used up by its answer (requests/links.py). None unless named.
- `[notify.to]`: places by names of the operator's own (requests/places.py).
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from mainstay.errors import CommitFailedError, FileError, InputError, MainstayError
from mainstay.governance.addresses import filled_in
from mainstay.requests import places
from mainstay.requests.links import make_link
from mainstay.requests.mailing import mail_operator
from mainstay.values import DAY_S, digest_of
from mainstay.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence
    from typing import Any

    from mainstay.config import Config
    from mainstay.governance.secrets import Secrets
    from mainstay.requests.desk import Method, Params, Requests
    from mainstay.runtime.intake import Emit
    from mainstay.values import Failure

COMMAND_S = 10.0
LINK_S = DAY_S
BEHIND = (
    "mainstay.toml says something else about this by now, which counts from the next start. Stop mainstay start "
    "(Ctrl-C) and run it again, or where it runs as a service: mainstay start --install. Then: mainstay notify test"
)
TITLE_CHARS = 160
Sort: TypeAlias = Literal["asked", "reminded", "escalated", "due", "stuck", "summary", "again", "warned"]


class Message(NamedTuple):
    """One thing to tell: its first line says all that has to be known.

    `little` is that line without what may not leave this machine. `lines` name playbooks, steps and commands;
    `details` may name more. `decision` is the one question that it is about, `page` else where the console shows it.
    """

    sort: Sort
    says: str
    questions: int
    lines: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    little: str = ""
    details: tuple[str, ...] = ()
    decision: str = ""
    page: str = ""

    @property
    def text(self) -> str:
        """The whole message."""
        return "\n".join((self.says, *self.details, *self.lines)) + "\n"

    def told(self, say: str) -> tuple[str, str]:
        """Give what may leave: a title, and all of it."""
        if say == "all":
            return self.says, self.text
        first = self.little or self.says
        return first, "\n".join((first, *self.lines)) + "\n"


class Ways:
    """The ways of one workspace."""

    def __init__(self, desk: Requests, config: Config, secrets: Secrets | None) -> None:
        """Take what mainstay.toml says; without `secrets` no place that needs one is reached."""
        self._desk, self._notify, self._mail, self._secrets = desk, config.notify, config.mail, secrets

    @property
    def names(self) -> tuple[str, ...]:
        """Those that there are."""
        known = ("mail",) * bool(self._notify.mail) + ("command",) * bool(self._notify.command)
        return (*known, *self._notify.to)

    async def send(self, message: Message, token: str, by: Sequence[str]) -> tuple[tuple[str, ...], dict[str, Failure]]:
        """Send a message these ways at once; gives those that took it, and why the others did not."""
        sending: dict[str, Coroutine[Any, Any, object]] = {}
        for name in (name for name in self.names if name in by):
            title, text = message.told("all" if name == "command" else self._notify.say)
            sending[name] = self._by(name, title, text + self._where(message, name), token)
        done = dict(zip(sending, await asyncio.gather(*sending.values(), return_exceptions=True), strict=True))
        wrong = {name: error for name, error in done.items() if isinstance(error, BaseException)}
        classify = self._desk.engine.parts.classify
        return tuple(name for name in done if name not in wrong), {name: classify(one) for name, one in wrong.items()}

    async def _by(self, name: str, title: str, text: str, token: str) -> None:
        if name == "mail":
            await mail_operator(self._desk, self._notify.mail, f"Mainstay: {title}"[:TITLE_CHARS], text, token)
        elif name == "command":
            await asyncio.to_thread(run_command, self._notify.command, text)  # on this machine: all of it
        else:
            address = filled_in(self._notify.to[name], self._give)
            await asyncio.to_thread(places.send, address, f"Mainstay: {title}"[:TITLE_CHARS], text)

    def _give(self, name: str, host: str) -> str:
        if self._secrets is None:
            raise InputError(f"The secret '{name}' can't be had here.", remedy="Run: mainstay notify test")
        return self._secrets.handed(f"secret:{name}", places.CONNECTOR).give(host)

    def _where(self, message: Message, way: str) -> str:
        """Say where it is answered, as far as a browser of its reader reaches this machine: a command runs on it."""
        served = self._desk.served_at
        if not served or not (self._desk.is_reached or way == "command"):
            return ""
        if way in self._notify.links and message.decision:
            try:
                return f"Answer here: {served}/d/{make_link(self._desk, message.decision, seconds=LINK_S)}\n"
            except CommitFailedError:
                raise
            except MainstayError:  # a plain yes or no is no answer to it, or its plan can't be read: told all the same
                pass
        if not self._desk.has_pages:
            return ""
        return f"See it here: {served}/{f'questions/{message.decision}' if message.decision else message.page}\n"

    def is_behind(self) -> bool:
        """Whether mainstay.toml says something else by now about how the operator is told."""
        try:
            config = Workspace(self._desk.root).config
        except MainstayError:  # whoever asks read it, and says so
            return True
        return config.notify != self._notify or config.mail != self._mail


def run_command(words: tuple[str, ...], text: str) -> None:
    """Give a text to a program on its standard input. Blocks. Raises FileError where it does not take it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAINSTAY_")}
    remedy = "Correct `command` under [notify] in mainstay.toml."
    try:
        done = subprocess.run(  # noqa: S603 - fixed words of the operator's, no shell
            words, input=text.encode(), env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            timeout=COMMAND_S, check=False, start_new_session=True,
        )  # fmt: skip
    except FileNotFoundError:
        raise FileError(f"There is no program {words[0]}.", remedy=remedy) from None
    except subprocess.TimeoutExpired:
        raise FileError(f"{words[0]} did not end within {COMMAND_S:.0f} s.", remedy=remedy) from None
    except OSError as error:
        raise FileError(f"{words[0]} can't be started: {error.strerror}.", remedy=remedy) from None
    if done.returncode:
        raise FileError(f"{words[0]} ended with status {done.returncode}.", remedy=remedy)


async def _test(desk: Requests, params: Params, emit: Emit) -> Params:
    """Send a word by every way there is, or by those that are named, and say what became of it.

    `behind` says what to do where mainstay.toml was changed since this owner read it; empty where it was not.
    """
    del emit
    ways = desk.ways
    behind = BEHIND if ways is not None and ways.is_behind() else ""
    there = ways.names if ways is not None else ()
    wanted: Sequence[str] = params.get("ways") or there
    if unknown := next((name for name in wanted if name not in there), None):
        raise InputError(f"There is no way '{unknown}'.", remedy=behind or f"There are: {', '.join(there) or 'none'}.")
    if ways is None or not wanted:
        says = (
            "What runs was not told how to reach you." if behind else "Nothing in mainstay.toml says how you are told."
        )
        raise InputError(says, remedy=behind or "Name a way under [notify]: docs/attention.md")
    token = digest_of(b"notify test", str(desk.clock.now_us()).encode())
    taken, missed = await ways.send(Message("warned", "This is a test: you can be told this way.", 0), token, wanted)
    rows = [{"way": name, "taken": name in taken, "why": ""} for name in taken]
    rows += [{"way": name, "taken": False, "why": one.message, "remedy": one.remedy} for name, one in missed.items()]
    return {"plan": "", "ways": sorted(rows, key=lambda row: wanted.index(row["way"])), "behind": behind}


METHODS: Mapping[str, Method] = {"notify_test": _test}
