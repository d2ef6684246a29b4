"""All that can be asked of a workspace's owner, family by family."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.requests import (
    alike,
    anchoring,
    aside,
    budgets,
    care,
    columns,
    forgetting,
    links,
    notify,
    plans,
    release,
    rerun,
    scheduling,
    stuck,
    throttling,
    tokens,
    versions,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.requests.desk import Method

METHODS: Mapping[str, Method] = {
    **alike.METHODS,
    **anchoring.METHODS,
    **aside.METHODS,
    **budgets.METHODS,
    **care.METHODS,
    **columns.METHODS,
    **forgetting.METHODS,
    **links.METHODS,
    **notify.METHODS,
    **plans.METHODS,
    **release.METHODS,
    **rerun.METHODS,
    **scheduling.METHODS,
    **stuck.METHODS,
    **tokens.METHODS,
    **throttling.METHODS,
    **versions.METHODS,
}
