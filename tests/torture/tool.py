"""An outside tool that asks the gateway for the same actions again and again, while the service is killed."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rig import opened

from mainstay.requests.gateway import PREFIX

if TYPE_CHECKING:
    from rig import Life, Rig

OPERATIONS = ("test.pay", "test.book", "test.order")  # one for each way to settle
AT_ONCE = 3  # threads of the tool: the same id comes twice at the same moment
ANSWER_S = 30.0
PAUSE_S = 0.01
LATER = (202, 503)  # not over yet; work is stopped


class Tool:
    """The tool, until `close`. It keeps what it was told, and asks whatever it was told."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.ids = [f"id-{number}" for number in range(rig.size.plans * rig.size.items // 2)]
        self.plans: defaultdict[str, set[str]] = defaultdict(set)  # by id: those it was told of
        self.done: set[str] = set()
        self.wrong: list[str] = []
        self._url, self._token = "", ""
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(turn,), daemon=True) for turn in range(AT_ONCE)]
        for thread in self._threads:
            thread.start()

    def serve(self, **more: object) -> Life:
        """Begin a life that serves the tool."""
        life = self.rig.start(tool=self._token, ids=len(self.ids), **more)
        assert life.until("at "), f"it serves nobody: {life.lines}"
        _, self._url, self._token = life.said("at ")[0].split(" ")
        return life

    def ask(self, own_id: str, wait_s: float) -> int:
        """Ask for the action of an id; gives the HTTP status. Raises OSError or HTTPException without an answer."""
        number = int(own_id.removeprefix("id-"))
        asked = {"id": own_id, "operation": OPERATIONS[number % len(OPERATIONS)], "wait": wait_s}
        content = json.dumps(asked | {"arguments": {"word": f"tool/{number}"}})
        was_done = own_id in self.done
        line = http.client.HTTPConnection(urlsplit(self._url).netloc, timeout=ANSWER_S)
        try:
            line.request("POST", "/actions", content, self._headers())
            answer = line.getresponse()
            self._note(own_id, answer.status, json.loads(answer.read()), was_done=was_done)
        finally:
            line.close()
        return answer.status

    def close(self) -> None:
        """Ask no more."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}

    def _note(self, own_id: str, status: int, told: dict[str, Any], *, was_done: bool) -> None:
        if "plan" in told:
            self.plans[own_id].add(told["plan"])
        if status == 200:
            self.done.add(own_id)
        if status != 200 and (was_done or status not in LATER):
            self.wrong.append(f"{own_id}: {status} {told}")

    def _work(self, turn: int) -> None:
        pick = random.Random(self.rig.seed * AT_ONCE + turn)
        while not self._over.is_set():
            try:
                if self._url:
                    self.ask(pick.choice(self.ids), pick.choice((0, 0.2)))
            except (OSError, http.client.HTTPException):  # the service died, or listens elsewhere by now
                time.sleep(PAUSE_S)


def again_and_again(rig: Rig) -> None:
    """F15: a tool asks under the same ids again and again, over kills: each is one plan, and acts once."""
    tool = Tool(rig)
    try:
        for _ in range(rig.size.faults):
            life = tool.serve()
            rig.moment(life)
            rig.strike(life)
            rig.check()
        life = tool.serve(stays=True)
        assert life.until("ended")
    finally:
        tool.close()
    for own_id in tool.ids:
        assert tool.ask(own_id, 0) == 200, tool.wrong
    life.kill()
    assert not tool.wrong, tool.wrong
    _check_asked(rig, tool)


def _check_asked(rig: Rig, tool: Tool) -> None:
    """One plan for each id, the same in every answer, and one charge."""
    with opened(rig.workspace) as owner:
        made = {row[0] for row in owner.ledger.rows("SELECT id FROM plan WHERE playbook = ?", (f"{PREFIX}tool",))}
    told = [plans for _, plans in sorted(tool.plans.items())]
    assert all(len(plans) == 1 for plans in told), f"an id became another plan: {told}"
    assert (len(made), len(told)) == (len(tool.ids), len(tool.ids)), "some id made no plan, or two"
    assert set().union(*told) == made
    charged = {unit: len(keys) for unit, keys in rig.books.charged.items() if unit.startswith("tool/")}
    assert charged == {f"tool/{number}": 1 for number in range(len(tool.ids))}
