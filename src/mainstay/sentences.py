"""What happened, in the operator's words: one sentence per fact. No word of the engine room appears here."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from mainstay import events as e
from mainstay.governance.amounts import say_amounts
from mainstay.kernel.asking import GAVE_UP
from mainstay.kernel.budget import COUNT, amounts_of
from mainstay.kernel.gate import NOT_TAKEN_BACK
from mainstay.kernel.state import is_item, step_name
from mainstay.kernel.words import SLOT, STATUS, say_path
from mainstay.values import say_count, say_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mainstay.kernel.state import Plan, PlanStatus, Slot
    from mainstay.values import EffectClass, Failure

_LONG_S, _ENDLESS_S = 60.0, 1e9  # waits that are said; beyond the second nobody means it
QUESTION = {
    "ask": "a question of the playbook",
    "effect": "an action before it happens",
    "batch": "several actions before they happen",
    "stuck": "a step that is stuck",
    "settle": "an action that may have happened",
    "confirm": "an action that happened, and is not seen to be as it should be",
}
EFFECT: Mapping[EffectClass, str] = {
    "read": "only looks",
    "reversible": "can be undone",
    "irreversible": "can't be undone",
    "physical": "happens outside of any computer, can't be undone",
}
REFUSED = "You said no to taking it back, so it stays as it is; nothing of it was tried."
# What Mainstay's own operations do: after "will", and as what is counted. Those of an owner go by their names.
DOES = {
    "bank.read_statement": ("read a bank statement", "bank statements to read"),
    "books.export": ("export the bookings for the accountant", "exports of the bookings"),
    "books.outstanding": ("leave out what is booked already", "looks at what is booked"),
    "books.overdue": ("list late invoices", "lists of late invoices"),
    "books.recheck": ("look again at what was booked meanwhile", "looks at what was booked meanwhile"),
    "books.record_payment": ("book a payment", "payments to book"),
    "books.remove_payment": ("take a booking back", "bookings to take back"),
    "files.collect": ("take the files of a folder", "folders to take the files of"),
    "files.read": ("read a file", "files to read"),
    "files.restore": ("put a file back as it was", "files to put back as they were"),
    "files.write": ("write a file", "files to write"),
    "invoices.credit": ("write a credit note", "credit notes to write"),
    "invoices.issue": ("issue an invoice", "invoices to issue"),
    "invoices.read_open": ("read the open invoices", "lists of open invoices to read"),
    "known.forget": ("forget what was learned", "things learned to forget"),
    "known.learn_payers": ("remember who pays as whom", "answers to remember who pays as whom"),
    "known.read": ("recall what was learned from your answers", "things learned to recall"),
    "known.remember_layouts": ("remember how your files are read", "kinds of files to remember"),
    "leads.read": ("read who asks for what", "enquiries to read"),
    "mail.send": ("send a mail", "mails to send"),
    "posts.read_topics": ("read what to write about", "lists of topics to read"),
    "posts.schedule": ("put a post into the queue", "posts to put into the queue"),
}
ALL_FIRST = "all that a plan would do, before it does it"
_TOLD = {
    "asked": "that {} came",
    "reminded": "again of {}",
    "escalated": "that {} waited for too long",
    "due": "that the time of {} runs out",
    "stuck": "why {} came about what is stuck",
    "summary": "what waits: {}",
    "again": "once more what waits: {}",
    "warned": "what runs low or was paused",
}
ANSWER = {
    "approve": "approved",
    "reject": "rejected",
    "revise": "sent it back",
    "retry": "chose to try again",
    "skip": "chose to skip it",
    "accept": "accepted it as it is",
    "undo": "chose to undo the plan",
    "raise": "raised the budget for now",
    "wait": "let it wait until the budget begins anew or is raised",
    "happened": "said that it happened",
    "confirmed": "said that it is as it should be",
    "again": "chose to look again",
    "did_not_happen": "said that it did not happen",
}


def say(fact: e.AnyFact) -> str:
    """Tell one fact."""
    return _SAY[type(fact)](fact)


def say_event(event: str) -> str:
    """Name what comes from outside: "a mail" for mail.received."""
    return {"mail.received": "a mail", "file.received": "a file"}.get(event, event)


def say_bounce(fact: e.MailBounced) -> str:
    """Say what became of a mail: "came back: there is no such mailbox (5.1.1)"."""
    what = "came back" if fact.final else "is delayed, and may still arrive"
    parts = fact.code.split(".")[1:]
    why = _BOUNCED.get(".".join(parts)) or _BOUNCED.get(parts[0] if parts else "", "")
    said = f" ({fact.code})" if fact.code else ""
    return f"{what}: {why}{said}" if why else f"{what}{said}"


# What a mail server's code says (RFC 3463), by its last two numbers or the first of them.
_BOUNCED = {
    "1.0": "there is no such address",
    "1.1": "there is no such mailbox",
    "1.2": "there is no such domain",
    "1.3": "the address is not written as one",
    "1.6": "the mailbox has moved, and nobody knows where to",
    "1.10": "its domain takes no mail at all",
    "2.1": "the mailbox takes no mail",
    "2.2": "the mailbox is full",
    "2.3": "it is larger than the mailbox takes",
    "3.4": "it is larger than their server takes",
    "4.1": "their server does not answer",
    "4.4": "no way leads to their server",
    "4.7": "their server could not be reached for too long",
    "1": "something is wrong with the address",
    "2": "something is wrong with the mailbox",
    "3": "their server can't take it",
    "4": "their server can't be reached",
    "6": "their server can't read it",
    "7": "their server refuses it by its own rules",
    "": "their server gives no reason that can be read",
}


def say_kept(kept: int, listed: int) -> str:
    """Say how much of a list a yes was for."""
    return f"{kept} of {listed} approved, {listed - kept} left out"


def say_wait(event: str, until: str) -> str:
    """Say what a step waits for, and until when at the latest; `until` is empty where it has no end."""
    if not event:
        return f"sleeps until {until or 'its time'}"
    return f"waits for {say_event(event)}" + f", until {until}" * bool(until)


def say_offline(waiting: int) -> str:
    """Say how many actions wait for a network, after since when there is none."""
    return (
        "1 action waits, and goes on by itself" if waiting == 1 else f"{waiting} actions wait, and go on by themselves"
    )


def say_actor(actor: str) -> str:
    """Name who did it: "operator" is you."""
    kind, _, name = actor.partition(":")
    return {"operator": "you", "mainstay": "Mainstay", "timer": "the clock"}.get(actor, name or kind)


def say_status(status: PlanStatus, ending: str) -> str:
    """Tell where a plan stands: "done: refunded" where it has a business ending."""
    return f"{STATUS[status]}: {ending}" if status == "completed" and ending else STATUS[status]


def say_plan(plan: Plan, status: PlanStatus | None = None) -> str:
    """Tell where a plan stands, or stood: "done, report left out", "nothing was done: read was left out"."""
    status = status or plan.status
    says = say_status(status, plan.ending)
    skipped = [path for path, slot in plan.slots.items() if slot.status == "skipped"]
    left = tuple(path for path in skipped if plan.slots[path].failure is not None)
    if status != "completed" or not left:
        return says
    if len(skipped) > 1 and not any(_did(slot) for slot in plan.slots.values()):
        return f"nothing was done: {say_path(left[0])} was left out"
    by_you = tuple(path for path in left if plan.graph.steps[step_name(path)].on_failure != "skip")
    return f"{says}, {_items(by_you)} left out" if by_you else says


def _did(slot: Slot) -> bool:
    """Whether a step changed something outside, itself or by its child plans."""
    return slot.status == "done" and (slot.effect not in (None, "read") or len(slot.children) > slot.idle)


def say_no(kind: e.DecisionKind, *, rejection_used: bool, last: bool = False) -> str:
    """Tell what a rejection leads to; empty for questions that can't be rejected. `last`: nothing goes on after it."""
    if kind == "ask":
        return (
            "what needs your yes is left out, the rest goes on"
            if rejection_used
            else "the plan ends, and what it did is taken back"
        )
    if kind not in ("effect", "batch"):
        return ""
    return f"it does not happen, and {'the plan ends there' if last else 'what needs it is left out'}"


def _held_by(holder: str) -> str:
    """Name whose action a part of a budget is for: "abc/~book/4" is "undo of book, item 5 (plan abc)"."""
    plan, _, path = holder.partition("/")
    path, _, call = path.partition("?")
    if call:
        return f"a call of {say_path(path)} (plan {plan})"
    return f"{say_path(path)} (plan {plan})" if path else plan


def _say_kept(fact: e.BudgetKept) -> str:
    earlier = f"; {say_amounts(fact.earlier)} left before it counted that" if any(fact.earlier.values()) else ""
    return f"The budget of {fact.period} is counted on from {say_amounts(fact.spent)}{earlier}"


def _amounts(fact: e.BudgetReserved | e.BudgetSettled) -> str:
    amounts = amounts_of(fact)
    return say_amounts(amounts, [unit for unit, amount in amounts.items() if amount] or [COUNT])


def _why(failure: Failure) -> str:
    return failure.message.rstrip(".")


def _anchored(position: int, places: tuple[str, ...], missed: tuple[str, ...]) -> str:
    if not places and not missed:
        return f"You were given record {position:,} to keep outside"
    kept = f"Record {position:,} was anchored outside ({', '.join(places)})"
    lost = f"{'not reached' if places else f'Record {position:,} could not be anchored'}: {', '.join(missed)}"
    return "; ".join([kept] * bool(places) + [lost] * bool(missed))


def _span(seconds: int) -> str:
    """Say a length of time roughly: "2 days", "3 hours", "7 minutes"."""
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            return say_count(seconds // size, unit)
    return say_count(seconds, "second")


def say_does(name: str) -> str:
    """Say what an operation does: "write a file"; one of the owner's own by its name, and so is an agent's."""
    return DOES[name][0] if name in DOES else name


def say_many(name: str, count: int) -> str:
    """Say how many actions of an operation there are: "3 files to write"."""
    if count == 1:
        return say_does(name)
    return f"{count} {DOES[name][1]}" if name in DOES else f"{count} x {name}"


def why_asked(asked: e.DecisionAsked) -> str:
    """Say why it is asked: what you said no to did not fail, whatever was recorded then."""
    headline = asked.card.get("headline") if isinstance(asked.card, dict) else ""
    refused = asked.kind == "stuck" and asked.paths[0].startswith("~") and asked.why == GAVE_UP
    return REFUSED if refused and str(headline).startswith(f"{NOT_TAKEN_BACK}:") else asked.why


def _asked(fact: e.DecisionAsked) -> str:
    return f"Question {fact.decision}: {QUESTION[fact.kind]} ({why_asked(fact).rstrip('.')})"


def _ruled(fact: e.DecisionRuled) -> str:
    kept = "" if fact.kept is None else f", keeping {say_count(len(fact.kept), 'row')}"
    reason = f": {fact.reason}" if fact.reason else ""
    source = f" [{fact.session}]" if fact.session and fact.session != "terminal" else ""
    return f"You {ANSWER.get(fact.choice, f'answered {fact.choice}')} ({fact.decision}){kept}{reason}{source}"


def _done(fact: e.EffectDone) -> str:
    settled = f" (known because {fact.settled})" if fact.settled else ""
    return f"{say_path(fact.path)}: happened{settled}"


def _begun(fact: e.ChildrenStarted) -> str:
    if len(fact.plans) > 1:
        return f"{say_path(fact.path)}: split into {say_count(len(fact.plans), 'part')}"
    return f"{say_path(fact.path)}: " + ("plan begun" if is_item(fact.path) else f"plan {', '.join(fact.plans)} began")


def _completed(fact: e.StepCompleted) -> str:
    sure = "" if fact.confidence is None else f", least confidence {fact.confidence:.2f}"
    why = f": {fact.rationale}" if fact.rationale else ""
    return f"{say_path(fact.path)}: done{sure}{why}"


def _not_before(failure: Failure) -> str:
    """Say how long the other side wants to be left alone, where that is long."""
    wait_s = failure.retry_after_s or 0.0
    return f", not before {say_duration(round(wait_s))} are over" if _LONG_S <= wait_s < _ENDLESS_S else ""


def _refused(fact: e.EffectRefused) -> str:
    again = "" if fact.retry_at_us is None else f"; it will be tried again{_not_before(fact.failure)}"
    return f"{say_path(fact.path)}: did not happen, {_why(fact.failure)}{again}"


def _undone(fact: e.PlanUndone) -> str:
    return f"Undone, except {_items(fact.left)}" if fact.left else "Undone: everything was taken back"


def _items(paths: tuple[str, ...]) -> str:
    """Name units of work, items of one list together: "report, 21 items of remind"; those of sub-plans one by one."""
    counted = Counter(say_path(path) if "." in path else step_name(path) if is_item(path) else path for path in paths)
    said = {say_path(path) for path in paths}
    return ", ".join(
        name if name in said else f"{say_count(count, 'item')} of {name}" for name, count in counted.items()
    )


def _called(fact: e.Journaled) -> str:
    answer = f": {_why(fact.failure)}" if fact.failure is not None else ""
    called = f" to {say_does(fact.operation)}" if fact.operation in DOES else f" {fact.operation}"
    return f"{say_path(fact.path)}: called{called}{answer}"


_RELEASED = {
    "happened": "said that it happened",
    "did_not_happen": "said that it did not happen",
    "run": "let it run",
}

_SAY: dict[type[e.Fact], Callable[[Any], str]] = {
    e.PlanProposed: lambda f: f"{f.title}: planned",
    e.PlanApproved: lambda f: f"Approved by {say_actor(f.by)}",
    e.PlanStarted: lambda _: "Started",
    e.PlanForked: lambda f: (
        f"Runs {f.of} again from {f.start or 'the beginning'}, with {say_count(len(f.adopted), 'result')} taken over"
    ),
    e.PlanEdited: lambda f: f"Changed by {say_actor(f.by)} before it started",
    e.PlanPaused: lambda f: f"Paused by {say_actor(f.by)}" + (f": {f.reason}" if f.reason else ""),
    e.PlanResumed: lambda f: f"Goes on, after a pause of {_span(f.paused_us // 1_000_000)}",
    e.PlanParked: lambda _: "Nothing to do until something arrives",
    e.EndingReached: lambda f: f"Ends as {f.ending}, which takes back {', '.join(f.undo)}",
    e.PlanCompleted: lambda f: f"Done: {f.ending}" if f.ending else "Done",
    e.PlanFailed: lambda f: f"Failed at {say_path(f.path)}: {_why(f.failure)}",
    e.PlanCancelled: lambda f: f"Ended by {say_actor(f.by)}" + (f": {f.reason}" if f.reason else ""),
    e.PlanExpired: lambda _: "Expired: its time ran out",
    e.UndoRequested: lambda f: f"Undo asked for by {say_actor(f.by)}" + (f": {f.reason}" if f.reason else ""),
    e.UndoStarted: lambda f: (
        f"Taking back {say_count(len(f.paths), 'action')}, the last one first"
        if f.paths
        else "Nothing can be taken back"
    ),
    e.UndoImpossible: lambda f: f"{say_path(f.path)}: can't be undone, {f.why.rstrip('.')}",
    e.StepUndone: lambda f: f"{say_path(f.path)}: taken back" + (f", except {_items(f.left)}" if f.left else ""),
    e.PlanUndone: _undone,
    e.StepSkipped: lambda f: f"{say_path(f.path)}: skipped, {f.why}",
    e.StepRejected: lambda f: f"{say_path(f.path)}: will not happen, {f.why}",
    e.ItemsFrozen: lambda f: f"{say_path(f.path)}: {say_count(f.count, 'item')} to go through",
    e.ChildrenStarted: _begun,
    e.ChildFinished: lambda f: (
        f"{say_path(f.path)}: " + ("plan " if is_item(f.path) else f"plan {f.plan} is ") + STATUS[f.status]
    ),
    e.RoundJudged: lambda f: f"{say_path(f.path)}: round {f.round} is {'' if f.accepted else 'not '}good enough",
    e.StepStarted: lambda f: f"{say_path(f.path)}: begun" + (f", attempt {f.attempt}" if f.attempt > 1 else ""),
    e.StepCompleted: _completed,
    e.AttemptFailed: lambda f: (
        f"{say_path(f.path)}: attempt {f.attempt} failed, {_why(f.failure)}; it is tried again{_not_before(f.failure)}"
    ),
    e.RetryDue: lambda f: f"{say_path(f.path)}: trying again",
    e.StepStuck: lambda f: f"{say_path(f.path)}: stuck, {_why(f.failure)}",
    e.StepFailed: lambda f: f"{say_path(f.path)}: failed, {_why(f.failure)}",
    e.StepReopened: lambda f: f"{say_path(f.path)}: opened again" + (" with your changes" if f.edited else ""),
    e.StepRevised: lambda f: f"{say_path(f.path)}: made anew, because you said of it: {f.said}",
    e.WaitStarted: lambda f: (
        f"{say_path(f.path)}: " + (f"waiting for {say_event(f.event)}" if f.event else "sleeping until its time")
    ),
    e.WaitEnded: lambda f: f"{say_path(f.path)}: " + ("what it waited for came" if f.event else "its time came"),
    e.EventReceived: lambda f: (
        ("The time of a schedule came" if f.event == "schedule.due" else f"{f.event} came from {f.source}")
        + (f"; it should have started {', '.join(f.not_started)}, which was not possible" if f.not_started else "")
    ),
    e.MailBounced: lambda f: f"{say_path(f.path)}: its mail {say_bounce(f)}",
    e.DecisionAsked: _asked,
    e.DecisionReminded: lambda f: f"Reminded you of {f.decision}",
    e.DecisionSnoozed: lambda f: f"{say_actor(f.by)} put {f.decision} off",
    e.DecisionNoted: lambda f: f"{say_actor(f.by)} noted on {f.decision}: {f.text}",
    e.DecisionRuled: _ruled,
    e.DecisionExpired: lambda f: f"{f.decision} was not answered in time, which means no",
    e.DecisionVoided: lambda f: f"{f.decision} no longer matters: {f.why.rstrip('.')}",
    e.EffectCalled: lambda f: f"{say_path(f.path)}: its agent asks for it ({say_does(f.operation)})",
    e.JournalOpened: lambda f: f"{say_path(f.path)}: agent {f.agent} begins to call",
    e.Journaled: _called,
    e.JournalRetried: lambda f: f"{say_path(f.path)}: its agent is tried again; what it was told before stays",
    e.EffectPrepared: lambda f: (
        f"{say_path(f.path)}: prepared ({say_does(f.operation)}), {f.verdict.why.rstrip('.').lower()}"
    ),
    e.EffectIntended: lambda f: (
        f"{say_path(f.path)}: about to happen" + (f", as you approved in {f.ruling}" if f.ruling else "")
    ),
    e.EffectDone: _done,
    e.EffectRefused: _refused,
    e.EffectUncertain: lambda f: f"{say_path(f.path)}: may have happened, {_why(f.failure)}",
    e.EffectAbsent: lambda f: f"{say_path(f.path)}: did not happen, because {f.how}",
    e.EffectAwaited: lambda f: (
        f"{say_path(f.path)}: may have happened; it is looked up later"
        + (f", {_why(f.failure)}" if f.failure is not None else ", because what is missing now may still appear")
    ),
    e.SettleDue: lambda f: f"{say_path(f.path)}: looking it up",
    e.EffectDelayed: lambda f: (
        f"{say_path(f.path)}: approved, and leaves at its time; it can be called back until then"
    ),
    e.DispatchDue: lambda f: (
        f"{say_path(f.path)}: you let it leave now" if f.by else f"{say_path(f.path)}: its time to leave came"
    ),
    e.EffectConfirmed: lambda f: f"{say_path(f.path)}: confirmed, because {f.how}",
    e.EffectUnseen: lambda f: (
        f"{say_path(f.path)}: happened, and is not seen yet where it is read back" + (f": {f.known}" if f.known else "")
    ),
    e.ConfirmDue: lambda f: f"{say_path(f.path)}: reading it back again",
    e.BudgetReserved: lambda f: f"Held {_amounts(f)} of the budget for {_held_by(f.holder)}",
    e.BudgetSettled: lambda f: f"Charged {_amounts(f)} to the budget for {_held_by(f.holder)}",
    e.BudgetRaised: lambda f: f"The budget of {f.period} was raised by {say_amounts(f.amounts)}, for this time only",
    e.BudgetWarned: lambda f: (
        f"The budget of {f.period} runs low: {say_amounts(f.amounts, f.most)} of {say_amounts(f.most)}"
    ),
    e.BudgetKept: _say_kept,
    e.PlaceTaken: lambda f: f"Plan {f.plan} has its turn",
    e.PlaceLeft: lambda f: f"Plan {f.plan} makes room for the next",
    e.PlacesKept: lambda f: f"{say_count(len(f.plans), 'plan')} had their turn",
    e.BreakerOpened: lambda f: (
        f"Nothing is sent there for {_span(int(f.open_s))}: it failed {f.failures} times in a row"
    ),
    e.BreakerClosed: lambda _: "It answers again",
    e.ThrottleClosed: lambda f: f"Plans of {f.playbook} wait for you: {f.says} (rule {f.rule})",
    e.ThrottleOpened: lambda f: f"{say_actor(f.by).capitalize()} let it go on, and it is counted anew",
    e.NetworkLost: lambda _: "There is no network; what needs one waits, and no attempt is counted",
    e.NetworkBack: lambda f: f"The network is back; {say_count(f.waiting, 'action')} that waited for it can go on",
    e.ClockJumped: lambda f: (
        f"The clock was set {'ahead' if f.by_s > 0 else 'back'} by {_span(abs(f.by_s))};"
        f" nothing that came due by it expires for {_span(f.grace_s)}"
    ),
    e.VersionActivated: lambda f: f"{f.artefact.capitalize()} {f.name}: version {f.digest[:8]} activated",
    e.VersionKept: lambda f: f"{f.artefact.capitalize()} {f.name}: version {f.digest[:8]} kept, not active",
    e.VersionRetired: lambda f: f"{f.artefact.capitalize()} {f.name}: taken out of use",
    e.WorkspaceQuarantined: lambda f: f"All work was stopped: {f.reason}",
    e.EffectReleased: lambda f: f"{say_path(f.path)}: you {_RELEASED.get(f.answer, f'answered {f.answer}')}",
    e.WorkspaceReleased: lambda f: f"Work goes on: you looked at {say_count(f.effects, 'action')} in doubt",
    e.HistoryAnchored: lambda f: _anchored(f.position, f.places, f.missed),
    e.OperatorTold: lambda f: (
        f"You were told {_TOLD[f.sort].format(say_count(f.count, 'question'))}"
        + (f" ({', '.join(f.ways)})" if f.ways else "")
        + (f"; not reached: {', '.join(f.missed)}" if f.missed else "")
    ),
    e.PersonForgotten: lambda f: (
        f"A person was forgotten: {say_count(f.values, 'value')} in {say_count(f.plans, 'plan')} (receipt {f.id})"
    ),
    e.TokenMade: lambda f: f"Token {f.name} was made: it may ask for {', '.join(f.allowed)}",
    e.TokenRevoked: lambda f: f"Token {f.name} counts no more",
    e.CallbackTried: lambda f: (
        f"Its tool was told ({f.message})"
        if f.outcome == "delivered"
        else f"Its tool could not be told ({f.message}, try {f.attempt}): {f.why}"
        + ("; it is tried no more" if f.outcome == "given up" else "")
    ),
    e.WorkspaceCreated: lambda f: f"Workspace of {f.name} created",
}

__all__ = [
    "ANSWER",
    "EFFECT",
    "QUESTION",
    "SLOT",
    "STATUS",
    "say",
    "say_actor",
    "say_does",
    "say_duration",
    "say_event",
    "say_many",
    "say_no",
    "say_offline",
    "say_path",
    "say_plan",
    "say_status",
    "say_wait",
]
