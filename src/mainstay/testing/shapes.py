"""Made-up playbooks: steps of all kinds, in an order that the compiler accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from mainstay.testing.inside import INSIDE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mainstay.testing.chance import Chance

Written: TypeAlias = dict[str, Any]

ACTING = (
    *("store.reserve", "store.pick", "store.note", "store.mark", "bank.pay", "mail.send", "robot.move"),
    *("shelf.set", "store.reserve", "store.pick", "bank.pay", "mail.send"),
)
AGENTS = ("echo", "errand", "errands", "errand", "errands", "fickle", "moody")
INPUTS: Written = {
    "unit": {"type": "text"},
    "lane": {"type": "text"},
    "after": {"type": "text"},
    "amount": {"type": "int"},
    "many": {"type": "list(text)"},
    "long": {"type": "list(text)"},
    "to": {"type": "text", "default": ""},
}


class Shape(NamedTuple):
    """A playbook, and what it says of how its plans end; see `plans.Planned`. A long one needs a long list."""

    playbook: Written
    is_loose: bool
    is_timed: bool
    is_long: bool


def made(chance: Chance) -> Shape:
    """Make one up."""
    return _Shaping(chance).made()


class _Shaping:
    """One playbook in the making."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._steps: dict[str, Written] = {}
        self._acting: list[str] = []
        self._asks: list[str] = []
        self._beside: dict[str, Written] = {}  # steps that come with the one that is being written
        self._is_loose = self._is_timed = self._is_long = False

    def made(self) -> Shape:
        chance = self._chance
        for at in range(chance.whole(1, 6, "steps")):
            name = f"s{at}"
            kind = chance.pick(tuple(_KINDS), "kind", at)
            step = _KINDS[kind](self, chance.of(name), name)
            self._add(chance.of(name), name, step)
            for partner, beside in self._beside.items():
                self._add(chance.of(partner), partner, beside)
            self._beside = {}
        playbook: Written = {"playbook": "shape", "title": "Plan", "inputs": INPUTS, "expires": "90d"}
        if chance.happens(0.03, "expires"):
            playbook["expires"] = chance.pick(("10m", "1h"), "expires at")
            self._is_loose = True
        if chance.happens(0.1, "key"):
            playbook["key"] = "= inputs.lane"
        if chance.happens(0.1, "limit"):
            playbook["limit"] = 1  # of it and its reruns
        if chance.happens(0.1, "priority"):
            playbook["priority"] = chance.pick(("low", "high", 7), "priority")
        return Shape(
            {**playbook, "steps": self._steps, **self._last(chance)}, self._is_loose, self._is_timed, self._is_long
        )

    def _last(self, chance: Chance) -> Written:
        """How it ends, and what it returns; the answer of every question is used there."""
        last: Written = {}
        undone = [name for name in self._acting if "each" not in self._steps[name] and "do" in self._steps[name]]
        if undone and chance.happens(0.15, "end"):
            when = chance.pick(("= inputs.amount > 4", "= inputs.lane == 'left'"), "ending")
            last["end"] = [{"when": when, "as": "other", "undo": [chance.pick(undone, "undone")]}]
        returns = {name: f"= {name}.ruling" for name in self._asks}
        returns |= {name: f"= size({name})" for name, step in self._steps.items() if "each" in step}
        if returns or chance.happens(0.2, "returns"):
            last["returns"] = returns or {"unit": "= inputs.unit"}
        return last

    # --- what steps share

    def _add(self, chance: Chance, name: str, step: Written) -> None:
        """Write a step down, with what nearly every one may say: what it needs, and when it runs."""
        needs = list(step.get("needs", ()))
        known = {need.removesuffix("?") for need in needs}
        ways_out = {other["on_failure"] for other in self._steps.values() if "on_failure" in other}
        free = [earlier for earlier in self._steps if earlier not in {*known, *ways_out} and name not in ways_out]
        needs += [
            earlier + chance.pick(("", "?"), "need", earlier)
            for earlier in free
            if chance.happens(0.3, "needs", earlier)
        ]
        if "ask" in step:
            needs += [f"{earlier}?" for earlier in self._acting if earlier not in {n.removesuffix("?") for n in needs}]
            self._asks.append(name)
        elif self._acts(step):
            known = {need.removesuffix("?") for need in needs}
            for ask in self._asks:
                if ask not in known:
                    needs.append(ask + chance.pick(("", "?"), "after", ask))
            self._acting.append(name)
        if needs:
            step["needs"] = needs
        if chance.happens(0.12, "when"):
            step["when"] = chance.pick(
                ("= inputs.amount > 2", "= inputs.lane != 'left'", "= size(inputs.many) < 3"), "?"
            )
        if chance.happens(0.1, "checkpoint"):
            step["checkpoint"] = True
        self._steps[name] = step

    @staticmethod
    def _acts(step: Written) -> bool:
        if step.get("agent") in ("echo", "moody", "writer") or step.get("do") == "store.look":
            return False
        return bool({"do", "agent", "playbook", "repeat"} & step.keys())

    @staticmethod
    def _fails(chance: Chance, step: Written) -> Written:
        if chance.happens(0.3, "on failure"):
            step["on_failure"] = chance.pick(("ask", "skip", "undo"), "failure")
        return step

    # --- kinds

    def do(self, chance: Chance, name: str) -> Written:
        target = chance.pick((*ACTING, "store.look"), "target")
        step: Written = {"do": target, "with": {"unit": f"{{{{inputs.unit}}}}.{name}", "amount": "= inputs.amount"}}
        if chance.happens(0.4, "about"):
            step["with"]["to"] = "= inputs.to"
        if target == "shelf.set":
            self._is_loose = True  # what is changed from outside is asked about, or not, as time has it
        if target != "store.look" and chance.happens(0.08, "gate"):
            step["gate"] = "each"
        if target != "store.look" and chance.happens(0.08, "delay"):
            step["delay"] = chance.pick(("30s", "5m"), "delay by")
        if chance.happens(0.08, "check"):
            step["check"] = chance.pick(("= out.unit != ''", "= out.unit == ''"), "check it")
        if chance.happens(0.1, "retry"):
            step["retry"] = chance.pick((1, 3, {"attempts": 4, "base": "2s", "cap": "1m"}), "attempts")
        if chance.happens(0.05, "timeout"):
            step["timeout"] = "15s"
        if target == "store.note" and chance.happens(0.5, "undo"):
            step["undo"] = {"do": "store.release", "with": {"unit": "~{{this.unit}}"}}
        return self._fails(chance, step)

    def agent(self, chance: Chance, name: str) -> Written:
        target = chance.pick(AGENTS, "agent")
        step: Written = {"agent": target, "with": {"unit": f"{{{{inputs.unit}}}}.{name}", "amount": "= inputs.amount"}}
        if target == "fickle":
            self._is_loose = True
        if chance.happens(0.1, "check"):
            step["check"] = "= out.unit != ''"
        return self._fails(chance, step)

    def drafted(self, chance: Chance, name: str) -> Written:
        """An agent's work that may be sent back, with what asks about it, which is written here as well."""
        about = f"{name}d"
        step: Written = {
            "agent": "writer",
            "with": {"unit": f"{{{{inputs.unit}}}}.{name}", "amount": "= inputs.amount"},
        }
        if chance.happens(0.3, "asked about"):
            self._beside[about] = {"ask": f"Take {{{{{name}.amount}}}} of {{{{inputs.unit}}}}?", "needs": [name]}
            return step
        action: Written = {"do": chance.pick(("mail.send", "bank.pay", "store.pick"), "drafts"), "needs": [name]}
        action["with"] = {"unit": f"{{{{inputs.unit}}}}.{about}", "amount": f"= {name}.amount"}
        self._beside[about] = {**action, "gate": "each"} if action["do"] == "store.pick" else action
        return step

    def ask(self, chance: Chance, name: str) -> Written:
        del name
        step: Written = {"ask": "Go on with {{inputs.unit}}?"}
        match chance.pick(("plain", "show", "options", "form"), "asks"):
            case "show":
                step["show"] = "= inputs.many"
            case "options":
                step["options"] = ["approve", "reject", "something else"]
            case "form":
                step["form"] = {"wish": {"type": "text"}, "count": {"type": "int", "default": 3}}
                step["to"] = "anna"
            case _:
                pass
        if chance.happens(0.5, "due"):
            step |= {"due": "1h", "remind": ["10m", "20m"]}
            self._is_timed = True
        return step

    def covering(self, chance: Chance, name: str) -> Written:
        """A question that covers an action, which is written here as well."""
        covered = f"{name}c"
        action: Written = {"do": chance.pick(("mail.send", "bank.pay"), "covered"), "needs": [name]}
        action["with"] = {"unit": f"{{{{inputs.unit}}}}.{covered}", "amount": "= inputs.amount", "at": "= ready_at"}
        if chance.happens(0.5, "list"):
            action |= {"each": "= inputs.many", "gate": "batch"}
            action["with"]["unit"] += ".{{item}}"
        self._beside[covered] = action
        step: Written = {"ask": "Do it?", "covers": [covered], "may_change": {"at": "20s"}}
        self._is_loose = True  # an answer that comes late may ask anew
        return step

    def wait(self, chance: Chance, name: str) -> Written:
        del name
        self._is_timed = True
        sent = [other for other, step in self._steps.items() if step.get("do") == "mail.send" and "each" not in step]
        ways = ("time", "plan", "mail", "mail") if sent else ("time", "plan")
        match chance.pick(ways, "waits for"):
            case "mail":
                where = f"= event.in_reply_to == {chance.pick(sent, 'sent')}.unit"
                return {"wait": {"event": "mail.received", "where": where, "until": "3h"}}
            case "plan":
                self._is_loose = True
                return {"wait": {"event": "plan.ended", "where": "= event.playbook == inputs.after", "until": "1h"}}
            case _:
                return {"wait": {"until": chance.pick(("30s", "10m", "1h"), "until")}}

    def each(self, chance: Chance, name: str) -> Written:
        of = chance.pick(("do", "do", "do", "agent", "playbook"), "each of")
        target = {"do": ACTING, "agent": ("echo", "errand"), "playbook": ("take", "offer")}[of]
        step: Written = {"each": "= inputs.many", of: chance.pick(target, "target")}
        step["with"] = {"unit": f"{{{{inputs.unit}}}}.{name}.{{{{item}}}}"}
        if step.get("do") == "shelf.set":
            self._is_loose = True
        if of == "do" and chance.happens(0.5, "gate"):
            step["gate"] = chance.pick(("each", "batch", "batch"), "gates")
        if chance.happens(0.4, "at once"):
            step["at_once"] = chance.pick((1, 2, 100), "so many")
        if chance.happens(0.4, "allowed"):
            step["allow_failures"] = chance.pick(("10%", "50%", "100%"), "allow")
        if step.get("agent") == "echo" and chance.happens(0.3, "long"):
            self._is_long, step["each"] = True, "= inputs.long"
        return self._fails(chance, step)

    def inside(self, chance: Chance, name: str) -> Written:
        self._is_timed = True
        step: Written = {"playbook": chance.pick(tuple(INSIDE), "inside")}
        step["with"] = {"unit": f"{{{{inputs.unit}}}}.{name}", "round": chance.whole(1, 3, "round")}
        return self._fails(chance, step)

    def repeat(self, chance: Chance, name: str) -> Written:
        self._is_timed = True
        loop: Written = {"playbook": chance.pick(tuple(INSIDE), "inside"), "until": "= last.good"}
        loop |= {"max": chance.whole(1, 3, "max"), "then": chance.pick(("ask", "skip", "undo", "accept"), "then")}
        unit = f"{{{{inputs.unit}}}}.{name}.{{{{round}}}}"
        return self._fails(chance, {"repeat": loop, "with": {"unit": unit, "round": "= round"}})

    def way_out(self, chance: Chance, name: str) -> Written:
        """A step with a way out, which is written here as well."""
        out = f"{name}o"
        self._beside[out] = {"do": "store.look", "with": {"unit": f"{{{{inputs.unit}}}}.{out}"}}
        step = self.do(chance, name)
        return {**step, "on_failure": out}


_KINDS: Mapping[str, Callable[[_Shaping, Chance, str], Written]] = {
    **dict.fromkeys(("do", "do more", "do again", "do much"), _Shaping.do),
    **dict.fromkeys(("agent", "agent too"), _Shaping.agent),
    "drafted": _Shaping.drafted,
    "ask": _Shaping.ask,
    "cover": _Shaping.covering,
    "wait": _Shaping.wait,
    "each": _Shaping.each,
    "playbook": _Shaping.inside,
    "repeat": _Shaping.repeat,
    "way out": _Shaping.way_out,
}
