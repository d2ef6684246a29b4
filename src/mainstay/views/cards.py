"""What a question's card says, in the operator's words: the same at a terminal and on a page (CONSOLE.md).

A line is a label and a text; one without a label goes on with the line before it. Nothing here is escaped yet: what
is said may hold a stranger's words, and whoever draws it makes them safe to look at (SECURITY S30).
"""

from __future__ import annotations

from typing import Any, TypeAlias

from mainstay.runtime.wording import sentence
from mainstay.said import is_record, is_simple, moment, say_sure, say_value, with_money
from mainstay.sentences import ANSWER, say_does
from mainstay.values import is_own_rule

Row: TypeAlias = dict[str, Any]
Line: TypeAlias = tuple[str, str]
CANNOT_UNDO = "This can't be undone:"  # begins the line that warns
RULES = {
    "playbook": "the playbook wants to ask",
    "irreversible": "what can't be taken back asks",
    "physical": "what acts on the physical world asks",
    "batch": "actions of one step are asked about together",
    "stuck": "what is stuck waits for you",
    "uncertain": "what may have happened is never guessed",
    "confirm": "what happened is looked at before anything goes on",
    "changed": "what was changed since asks anew",
    "undo reserve": "taking back has a cap of its own",
    "unknown price": "what a budget can't count asks",
    "other currency": "what a budget can't count asks",
    "cover": "what departs from what you approved asks",
    "ask first": "a plan that you run with --ask-first",
    "anew": "what may be done a second time asks",
    "nobody": "what nothing speaks of asks",
    "policy": "what can't be judged asks",
}
SOURCES = {
    "bank.read_statement": "your bank statements",
    "invoices.read_open": "your open invoices",
    "books.outstanding": "your books",
    "books.overdue": "your books",
    "books.record_payment": "your books",
    "books.export": "your books",
    "known.read": "what was learned from your answers",
    "reconcile": "the comparison of payments and invoices",
    "leads.read": "the enquiry",
    "posts.read_topics": "your topics",
    "files.read": "files you keep",
    "qualify_lead": "the comparison with your rules",
    "plan_week": "the plan of the week",
    "classify_reply": "the reading of the reply",
    "draft": "your templates",
    "you": "what you gave",
}
NOT_TOLD = {"layouts", "payers"}  # of arguments: what was learned, which is all there is
SHOWN_APART = {"headline", "rows", "body", "cannot_undo", "class", "covers", "form", "words"}
WANT_A_WORD = ("reject", "revise")
REMEDIES = {
    "stuck": {
        "retry": "try it again as it is",
        "skip": "leave it out and go on",
        "raise": "raise the budget for now, by what this takes, and go on",
        "wait": "let it wait until the budget begins anew or you raise it",
        "accept": "take the last round as it is",
        "undo": "end the plan and take back what it did",
    },
    "effect": {"skip": "leave it as it is", "revise": "made anew, knowing what you say; you are asked again"},
    "ask": {"revise": "made anew, knowing what you say; you are asked again"},
    "confirm": {
        "confirmed": "you looked: it is as it should be; the plan goes on",
        "again": "read it back once more",
        "undo": "end the plan and take back what it did",
    },
    "settle": {
        "happened": "you looked: it did; the plan goes on",
        "did_not_happen": "you looked: it did not; it is tried again",
        "skip": "you looked: it did not; leave it out and go on",
    },
}


def lines_of(question: Row) -> list[Line]:
    """Give all that a card says beside what it is about and how it is answered."""
    card: Row = question["card"]
    lines = _shown(card, question["timezone"])
    if question["kind"] == "stuck" and question.get("arguments") is not None:
        given = {name: value for name, value in question["arguments"].items() if name not in NOT_TOLD}
        lines += [
            ("with" if not number else "", one) for number, one in enumerate(_fields(given, question["timezone"]))
        ]
    lines += [("takes back", question["takes_back"])] * bool(question["takes_back"])
    lines += [("" if number else "budget", says) for number, says in enumerate(question["lets"])]
    lines += [("leaves", question["leaves"])] * bool(question["leaves"])
    if question["to"] != "operator":
        lines.append(("for", question["to"]))
    if question["reminded"]:
        lines.append(("reminded", "once" if question["reminded"] == 1 else f"{question['reminded']} times"))
    lines += _behind(question, " ".join(text for _, text in lines))
    lines += _meanwhile(question)
    # That a playbook asks is said by the sentence already.
    rule = "" if question["rule"] == "playbook" else f" ({rule_in_words(question['rule'])})"
    lines.append(("asked because", f"{question['why']}{rule}"))
    if question["tool_says"]:
        lines.append(("the tool says", question["tool_says"]))
    words: list[Row] = card.get("words") or []
    lines += [("words" if not number else "", sentence(row)) for number, row in enumerate(words)]
    own = question["kind"] == "ask" and "reject" not in question["options"]  # answers of its own: none is a yes or no
    leads = "leads to" if own else "yes leads to"
    lines += [("" if number else leads, _follow(row)) for number, row in enumerate(question["follows"])]
    lines.append(("undo", _undo(question)))
    if own:
        lines.append(("each answer", _own_answers(question)))
    elif question["if_no"]:
        lines.append(("if no", f"{question['if_no']}."))
    if late := _late(question):
        lines.append(("if late", late))
    if question["came_from"]:
        came_from: list[str] = question["came_from"]
        named = dict.fromkeys(SOURCES.get(name, name) for name in came_from)
        lines.append(("from", ", ".join(named)))
    if question["cost_usd_micros"]:
        lines.append(("cost so far", f"{question['cost_usd_micros'] / 1e6:.4f} USD"))
    lines += [("you picked" if not number else "", one) for number, one in enumerate(question["picked"])]
    if not question["open"]:
        lines.append(("closed", f"{question['closed']}."))
    return lines


def say_covers(question: Row) -> str:
    """Say what a yes lets happen, above the actions a card covers; of a closed question what it was about."""
    if not question["open"]:
        return "It was about exactly this:"
    slack = any(row.get("may change") for row in question["card"]["covers"])
    what = "this happen as it stands here, or within what may change" if slack else "exactly this happen"
    return f"Your yes lets {what}, without asking again:"


def _meanwhile(question: Row) -> list[Line]:
    """Say what was said of it without answering it, and what keeps an answer from having its effect."""
    zone: str = question["timezone"]
    lines = [
        ("noted" if not number else "", f"{moment(note['at'], zone)}: {note['text']}")
        for number, note in enumerate(question["notes"])
    ]
    if question["open"] and question["put_off_until"]:
        lines.append(("put off", f"until {moment(question['put_off_until'], zone)}"))
    if question["open"] and question["paused"]:
        lines.append(("paused", f"{question['paused']}."))
    return lines


def _behind(question: Row, shown: str) -> list[Line]:
    """Say who worked it out and how sure they are, how the last ones were answered, and what to do.

    `shown` is what the card says already: no reason stands there twice.
    """
    lines: list[Line] = []
    rows: list[Row] = question["card"].get("rows") or []
    apart = any("confidence" in row for row in rows)  # each says how likely it is: the whole is as sure of none
    for row in question["worked_out"]:
        sure = "" if apart or row["confidence"] is None else f", {say_sure(row['confidence'])} sure"
        said = f": {row['rationale']}" if row["rationale"] and row["rationale"] not in shown else ""
        lines.append(("worked out by", f"{row['agent']}{sure}{said}"))
    if question["past"]["last"] is not None:
        counts = question["past"]["counts"]
        told = ", ".join(f"{ANSWER.get(choice, choice)} {count}" for choice, count in counts.items())
        last: Row = question["past"]["last"]
        kept = f": {last['kept']}" if last.get("kept") else ""
        lines.append(("before", f"you {told}; the last on {moment(last['at'], question['timezone'])}{kept}"))
    if question["recommended"]["choice"]:
        lines.append(("we suggest", f"{question['recommended']['choice']}. {question['recommended']['why']}"))
    return lines


def _shown(card: Row, zone: str) -> list[Line]:
    """Say what the card shows beside its rows: a record by its fields, each on a line of its own."""
    lines: list[Line] = []
    for name, value in card.items():
        if name in SHOWN_APART or not value:
            continue
        said = _fields(value, zone) if is_record(value) and not is_simple(value) else [say_value(value, zone)]
        label = "to look at" if name == "show" else name
        lines += [(label if not number else "", one) for number, one in enumerate(said)]
    return lines


def _fields(record: Row, zone: str) -> list[str]:
    """Say the fields of a record that hold something; what an agent found comes first, as a sentence."""
    found, said_with = _found(record)
    lines = [found] if found else []
    for name, value in with_money(record).items():
        again = name == "rationale" and any(value == other for key, other in record.items() if key != name)
        said = say_value(value, zone)
        if said and not again and name not in said_with:
            lines.append(f"{name.replace('_', ' ')}: {said}")
    return lines


def _found(record: Row) -> tuple[str, set[str]]:
    """Say what an agent found, how sure it is and why, in one go; and which fields that said."""
    confidence, label = record.get("confidence"), record.get("label")
    if not isinstance(confidence, float):
        return "", set()
    why = next((name for name in ("why", "rationale") if isinstance(record.get(name), str) and record[name]), "")
    sure = f"{say_sure(confidence)} sure"
    said = f"{label[:1].upper()}{label[1:]}, {sure}." if isinstance(label, str) and label else f"It is {sure}."
    yes_or_no = {name for name, value in record.items() if isinstance(value, bool)} if label else set[str]()
    return f"{said} {record[why]}" if why else said, {"confidence", "label", why, *yes_or_no}


def rule_in_words(name: str) -> str:
    """Say which rule asks."""
    if name.startswith("flow:"):
        return "what a stranger wrote decides nothing by itself"
    return RULES.get(name, f"your rule '{name}'")


def _own_answers(question: Row) -> str:
    if any(row["only"] for row in question["follows"]):
        return "What is named above with an answer happens only after that one."
    return "What needs this goes on, whichever you give, unless the playbook looks at it."


def _follow(row: Row) -> str:
    only = f"after '{row['only']}': " if row["only"] else ""
    if row["asks"]:
        return f"{only}{row['step']} ({say_does(row['does'])}), which asks you again"
    back = "can be undone" if row["effect"] == "reversible" else "can't be undone; your policy decides whether it asks"
    return f"{only}{row['step']} ({say_does(row['does'])}), {back}"


def _undo(question: Row) -> str:
    why = question["card"].get("cannot_undo") or question["cannot_undo"]
    if why and question["kind"] == "stuck" and not question["parts"]:
        return f"It did not happen, so there is nothing of it to take back. Once it happens it can't be undone: {why}"
    if why:
        return f"{CANNOT_UNDO} {why}"
    if question["kind"] == "ask" and question["card"].get("covers"):
        return "What you approve here can be taken back."
    if question["kind"] == "ask":
        return "Your answer itself does nothing outside; what follows is named above."
    if question["kind"] == "stuck" and question["parts"]:
        return f"What was done behind it stays until this plan is undone; see it: mainstay show {question['parts'][-1]}"
    if question["kind"] == "stuck":
        return "It did not happen, so there is nothing of it to take back."
    return "It can be undone."


def _late(question: Row) -> str:
    expires = question["plan_expires_at"]
    zone: str = question["timezone"]
    until = f"The plan expires at {moment(expires, zone)}; then nothing more happens." if expires else ""
    if question["due_at"]:
        return f"No answer by {moment(question['due_at'], zone)} means no. {until}".strip()
    return until or "It waits; silence is never a yes."


def asks_whatever_rules_say(name: str) -> bool:
    """Whether no rule of the operator's keeps this from being asked."""
    return name == "physical" or (is_own_rule(name) and name not in ("cover", "batch"))


def can_edit(question: Row) -> bool:
    """Whether a question is about something that can be edited."""
    if question["kind"] == "stuck":
        return "retry" in question["options"] and bool(question["arguments"])
    return question["kind"] in ("effect", "batch") and "approve" in question["options"]
