"""Every error Mainstay raises, and whose fault it is.

MainstayError
 |- InputError              the operator's input is wrong: a file, a name, a playbook (exit status 2)
 |   |- FileError           a file that can't be read as what it should be; names file and place
 |   |- PlaybookError       a playbook that can't be compiled; carries every finding
 |   |- UnknownNameError    a name that does not exist; suggests the nearest one
 |   `- NoFormError         what was sent to the console is nothing that a page of ours sends
 |- OperationError          an operation or agent failed; carries the class that decides about retries
 |   |- Transient           may work when tried again
 |   |- RateLimited         the other side said when to come back
 |   |- Permanent           will fail again the same way
 |   |   |- Rejected        a person did not want an action that an agent asked for
 |   |   `- Forbidden       policy does not let it happen
 |   |- ExpressionError     an expression can't be worked out on the values it met: the playbook's fault
 |   |- NeedsOperator       only a person can mend it (a credential, a missing file)
 |   |   |- ForgottenError   it needs what was forgotten about a person
 |   |   |- OverLimit        a budget or a limit of the operator's stopped it
 |   |   `- MissingVersion   the version of an agent that a plan began with is not here
 |   |- NotSent             failed before anything left this machine: it certainly did not happen
 |   |   `- HeldBack        our own pace or breaker kept it here: no attempt is spent
 |   |       `- Offline     this machine has no network
 |   `- Uncertain           it may have happened; never retried before it is settled
 |- InactiveError           what is in the folder was not activated, so it does not run
 |- CommandRefusedError     the kernel refused a command: the plan is not in a state for it
 |- ConflictError           somebody else appended to the stream first
 |- OwnedError              another process owns the workspace
 `- LedgerError             the history on disk can't be used
     |- WrongKeyError       the key does not open it
     |- CommitFailedError   a commit failed; what was in it is unknown until the ledger is read again
     |   `- DiskFullError   it failed because there is no room; it goes on when there is
     `- LockedError         the key has to be unlocked with its passphrase first
Programmer mistakes are assertions, not errors.
"""

from __future__ import annotations


class MainstayError(Exception):
    """Something went wrong that Mainstay has words for.

    `args[0]` is a full sentence: what happened, to what. `remedy` says what to do next.
    """

    remedy: str

    def __init__(self, message: str, *, remedy: str = "") -> None:
        """Keep the sentence and the remedy apart, so that a screen can show them on two lines."""
        super().__init__(message)
        self.remedy = remedy

    @property
    def message(self) -> str:
        """What happened, in one sentence."""
        return str(self.args[0])


class InputError(MainstayError):
    """Something the operator gave is wrong."""


class FileError(InputError):
    """A file can't be read as what it should be."""


class UnknownNameError(InputError):
    """A name does not exist; the message suggests the nearest one."""


class NoFormError(InputError):
    """What was sent is nothing that a page of ours sends: it can't be read at all."""


class PlaybookError(InputError):
    """A playbook can't be compiled; `findings` holds every mistake as `file:line:column: text`."""

    findings: tuple[str, ...]

    def __init__(self, findings: tuple[str, ...], *, remedy: str = "") -> None:
        """Take all findings: an operator mends them in one go."""
        again = "Correct the playbook and run it again; nothing was started."
        super().__init__("\n".join(findings), remedy=remedy or again)
        self.findings = findings


class OperationError(MainstayError):
    """An operation or an agent failed. `error_class` decides whether it is tried again.

    `entries` are the numbers of the recorded answers that it came from, where an agent was given it by a call.
    """

    error_class = "bug"
    entries: tuple[int, ...] = ()


class Transient(OperationError):  # noqa: N818 - the class names are the field's terms for error classes
    """May work when tried again: a reset connection, a 503."""

    error_class = "transient"


class RateLimited(OperationError):  # noqa: N818
    """The other side asks to slow down; `retry_after_s` is its own word, in seconds."""

    error_class = "rate_limited"
    retry_after_s: float

    def __init__(self, message: str, *, retry_after_s: float, remedy: str = "") -> None:
        """Keep the other side's delay."""
        super().__init__(message, remedy=remedy)
        self.retry_after_s = retry_after_s


class Permanent(OperationError):  # noqa: N818
    """Will fail again the same way: an unknown receiver, an invalid amount. It did not happen."""

    error_class = "permanent"


class Rejected(Permanent):
    """A person said no to an action that an agent asked for, left it out, or did not answer in time."""


class Forbidden(Permanent):
    """Policy does not let it happen. It did not."""


class ExpressionError(OperationError):
    """An expression can't be worked out on the values it met; trying again gives the same (KERNEL P1)."""


class NeedsOperator(OperationError):  # noqa: N818
    """Only a person can mend it: an expired credential, a file that was moved. It did not happen."""

    error_class = "needs_operator"


class ForgottenError(NeedsOperator):
    """It needs a personal value whose key is destroyed. It did not happen."""


class OverLimit(NeedsOperator):
    """A budget or a limit of the operator's stopped it. It did not happen."""


class MissingVersion(NeedsOperator):
    """The version of an agent that a plan began with can't be had here (KERNEL J1). Nothing was called."""


class NotSent(Transient):
    """Failed before anything left this machine: it certainly did not happen, and may be tried again."""


class HeldBack(NotSent):
    """Our own pace or breaker kept it here: nothing was sent, and no attempt is spent.

    `kept_place` says that a place in line is kept for it at that very time.
    """

    retry_after_s: float
    kept_place: bool

    def __init__(self, message: str, *, retry_after_s: float, kept_place: bool = False, remedy: str = "") -> None:
        """Keep the time until it may leave, in seconds."""
        super().__init__(message, remedy=remedy)
        self.retry_after_s = retry_after_s
        self.kept_place = kept_place


class Offline(HeldBack):
    """The machine itself has no network: nothing is the other side's fault, and no attempt is spent."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        """Say what could not be reached."""
        super().__init__(message, retry_after_s=0.0, remedy=remedy)


class Uncertain(OperationError):  # noqa: N818
    """It may have happened: the answer never came. Settled by the operation's declared way, never guessed."""

    error_class = "transient"


class InactiveError(MainstayError):
    """What is in the folder was not activated; nothing of it runs."""


class CommandRefusedError(MainstayError):
    """The plan is not in a state for this command; nothing was changed."""


class ConflictError(MainstayError):
    """Somebody else appended to the stream first; load it again and decide anew."""


class OwnedError(MainstayError):
    """Another process owns this workspace; the message names it."""


class LedgerError(MainstayError):
    """The history on disk can't be used as it is."""


class WrongKeyError(LedgerError):
    """The key does not open this history."""


class CommitFailedError(LedgerError):
    """A commit failed: whether its events are on disk is unknown until the ledger is opened again."""


class DiskFullError(CommitFailedError):
    """There is no room on the disk: nothing more is recorded, and so nothing more is done, until there is."""


class LockedError(LedgerError):
    """The workspace's key is wrapped in a passphrase that was not given."""
