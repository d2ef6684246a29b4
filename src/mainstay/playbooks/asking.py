"""Makes the compiled question of a draft, and holds what a yes covers against the steps it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.kernel.graph import Ask, Slack
from mainstay.playbooks.order import paths_used
from mainstay.runtime.types import ANY, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.playbooks.calls import Call
    from mainstay.playbooks.drafts import StepDraft
    from mainstay.playbooks.fit import Fitter
    from mainstay.playbooks.format import Report, Scalar
    from mainstay.playbooks.order import Order

BY_TIME = ("date", "time")
BY_SHARE = ("int", "float", "money")


def build_ask(draft: StepDraft, report: Report, fitter: Fitter, order: Order, calls: Mapping[str, Call | None]) -> Ask:
    """Make the question of a step; `calls` says what each step calls."""
    show = draft.templates.get("show")
    covered = [name for name in draft.covers if _covers(draft, name, report, order, calls)]
    slacks = {key.text: slack for key, slack in draft.may_change}
    for key, slack in draft.may_change:
        _fits(key, slack, [call for name in covered if (call := calls[name.text])], report)
    return Ask(
        text=fitter.text(draft.templates["text"], {}),
        show=None if show is None else fitter.cel(show, ANY, {}, "'show'"),
        rejection_used=order.rejection_used(draft.name),
        form=draft.form,
        covers=tuple(name.text for name in covered),
        may_change=slacks,
        **{key: value for key, value in draft.asked.items() if value is not None},
    )


def _covers(draft: StepDraft, name: Scalar, report: Report, order: Order, calls: Mapping[str, Call | None]) -> bool:
    """Whether a step can be covered: an action after the question, whose arguments are known when it is asked."""
    step = order.steps.get(name.text)
    if step is None:
        report.add(name.place, f"there is no step {name.text!r}{nearest(name.text, order.steps)}")
        return False
    call = calls[name.text]
    if step.kind != "do" or (call is not None and not call.acts):
        report.add(name.place, f"{name.text!r} does nothing that needs a yes; only actions ('do') can be covered")
        return False
    if draft.name not in order.before(name.text):
        report.add(name.place, f"{name.text!r} does not wait for this question; add needs: [{draft.name}] to it")
        return False
    known = order.before(draft.name)
    templates = [step.templates[role] for role in ("when", "with", "each") if role in step.templates]
    used = {path.split(".", 1)[0] for path in paths_used(templates, order.lets)}
    for late in sorted(used & order.steps.keys() - known):
        what = "the answer to the question itself" if late == draft.name else f"the result of {late!r}"
        report.add(name.place, f"{name.text!r} can't be shown when you are asked: it uses {what}")
    return not used & order.steps.keys() - known


def _fits(key: Scalar, slack: Slack, calls: list[Call], report: Report) -> None:
    """Refuse slack for an argument that does not exist, or that has no such measure."""
    arguments = {name: argument.type for call in calls for name, argument in call.arguments.items()}
    if key.text not in arguments:
        if calls:
            known = " or ".join(call.name for call in calls)
            report.add(key.place, f"{key.text!r} is no argument of {known}{nearest(key.text, arguments)}")
        return
    type_ = arguments[key.text]
    if type_.kind in BY_TIME and slack.seconds is None:
        report.add(key.place, f"{key.text!r} is a {type_}: say how far it may move, such as 2h")
    elif type_.kind in BY_SHARE and slack.percent is None:
        report.add(key.place, f"{key.text!r} is {type_}: say how far it may change, such as 10%")
    elif type_.kind not in (*BY_TIME, *BY_SHARE):
        report.add(key.place, f"{key.text!r} is {type_}, which can't change a little; leave it out of 'may_change'")
