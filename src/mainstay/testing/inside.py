"""The playbooks that made-up plans run inside: small ones, which act, ask, wait, repeat and go deeper."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_TAKE = """
playbook: take
title: "Take {{inputs.unit}}"
inputs:
  unit: {type: text}
  round: {type: int, default: 2}
steps:
  look: {do: store.look, with: {unit: "{{inputs.unit}}.look"}}
  hold: {do: store.reserve, with: {unit: "{{inputs.unit}}.hold", amount: "= inputs.round"}, needs: [look]}
returns: {unit: "= hold.unit", good: "= inputs.round > 1"}
"""

_OFFER = """
playbook: offer
title: "Offer {{inputs.unit}}"
inputs:
  unit: {type: text}
  round: {type: int, default: 2}
expires: 60d
limit: 1
steps:
  ok: {ask: "Offer {{inputs.unit}}?", due: 1h, remind: [10m]}
  send: {do: mail.send, needs: [ok], on_failure: skip, with: {unit: "{{inputs.unit}}.send"}}
  wait: {wait: {until: 20m}, needs: ["send?"]}
  pick: {do: store.pick, needs: [ok, wait], with: {unit: "{{inputs.unit}}.pick"}}
returns: {unit: "= pick.unit", good: "= inputs.round > 1"}
"""

_TURN = """
playbook: turn
title: "Go on with {{inputs.unit}} in turn"
inputs:
  unit: {type: text}
  round: {type: int, default: 2}
key: "= 'turn'"
steps:
  move: {do: robot.move, with: {unit: "{{inputs.unit}}.move"}}
  pay: {do: bank.pay, on_failure: undo, needs: [move], with: {unit: "{{inputs.unit}}.pay"}}
end:
  - {when: "= inputs.round > 2", as: late, undo: [move]}
returns: {unit: "= pay.unit", good: "= inputs.round > 1"}
"""

_DEEP = """
playbook: deep
title: "Go deeper with {{inputs.unit}}"
inputs:
  unit: {type: text}
  round: {type: int, default: 2}
steps:
  first: {playbook: take, with: {unit: "{{inputs.unit}}.first", round: "= inputs.round"}}
  both: {each: "= ['a', 'b']", playbook: take, needs: [first], with: {unit: "{{inputs.unit}}.{{item}}"}}
returns: {unit: "= first.unit", good: "= first.good && size(both) == 2"}
"""

INSIDE: Mapping[str, str] = MappingProxyType({"take": _TAKE, "offer": _OFFER, "turn": _TURN, "deep": _DEEP})
