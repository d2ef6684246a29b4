"""What an operator can ask of a workspace's owner: start a plan, answer a question, undo, follow.

Every request is a method name with plain parameters, the same from this process and through the socket. `METHODS`
holds them all, family by family.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.requests import anchoring, care, forgetting, plans, release, rerun, scheduling, stuck, versions
from mainstay.requests.desk import NOTICE, TAKEN, Params, Requests, new_plan_id, say_news
from mainstay.requests.files import file_content, files_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.requests.desk import Method

METHODS: Mapping[str, Method] = {
    **anchoring.METHODS,
    **care.METHODS,
    **forgetting.METHODS,
    **plans.METHODS,
    **release.METHODS,
    **rerun.METHODS,
    **scheduling.METHODS,
    **stuck.METHODS,
    **versions.METHODS,
}

__all__ = ["METHODS", "NOTICE", "TAKEN", "Params", "Requests", "file_content", "files_at", "new_plan_id", "say_news"]
