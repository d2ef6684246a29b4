"""O4, K14, A2: nothing changed runs before it is activated, and a running plan keeps its own version."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import msgspec
import pytest
from versions_desk import (
    AGENT,
    OFFER,
    WAITING,
    WORDS,
    activate,
    make,
    play,
    report,
    revert,
    run,
    wanted,
    write,
)

from mainstay import events as e
from mainstay.agent import PersonMail, PersonName
from mainstay.errors import InactiveError, InputError, OperationError, PlaybookError
from mainstay.kernel.graph import Definition
from mainstay.playbooks.changes import changes
from mainstay.playbooks.shelf import library_version
from mainstay.runtime.personal import shape_of


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    return make(tmp_path, monkeypatch)


def states(owner):
    found = changes(owner.requests.activation.versions, owner.workspace.root)
    return [(one.path, one.state) for one in found]


def definition_of(owner, plan_id):
    proposed = owner.ledger.read(f"plan:{plan_id}")[0].fact
    return msgspec.msgpack.decode(owner.payloads.blobs.get(proposed.definition), type=Definition)


# --- nothing changed runs


def test_o4_a_playbook_and_an_agent_run_once_they_are_activated(workspace):
    async def scenario(owner):
        with pytest.raises(InactiveError, match=r"playbooks/offer\.yaml is not active"):
            await run(owner, "offer", "name=Bo")
        done = await activate(owner)
        assert [(one.kind, one.name) for one in done.activated] == [("agent", "greet"), ("playbook", "offer")]
        standing = await run(owner, "offer", "name=Bo")
        active = owner.requests.activation.versions.active("playbook", "offer")
        assert definition_of(owner, standing["plan"]).version == active.digest
        return standing

    assert play(workspace, scenario)["status"] == "completed"
    assert report(workspace) == "Hello, Bo: our offer.\n"


@pytest.mark.parametrize(
    ("path", "text"), [("playbooks/offer.yaml", OFFER + "expires: 7d\n"), ("templates/offer.md", "Another text\n")]
)
def test_o4_a_changed_playbook_or_template_is_refused_until_it_is_activated(workspace, path, text):
    async def scenario(owner):
        await activate(owner)
        write(workspace, path, text)
        with pytest.raises(InactiveError, match="changed since you activated it") as refused:
            await run(owner, "offer", "name=Bo")
        assert "mainstay activate playbooks/offer.yaml" in refused.value.remedy
        await activate(owner)
        return (await run(owner, "offer", "name=Bo"))["status"]

    assert play(workspace, scenario) == "completed"


def test_o4_a_changed_agent_does_not_run_until_it_is_activated(workspace):
    async def scenario(owner):
        await activate(owner)
        write(
            workspace, "agents/words.py", 'GREETING = "Howdy"\n'
        )  # the agent's file is as it was; what it imports not
        assert states(owner) == [("agents/greet.py", "changed")]
        await run(owner, "offer", "name=Bo")
        first = report(workspace)
        await activate(owner)
        await run(owner, "offer", "name=Bo")
        return first

    assert play(workspace, scenario) == "Hello, Bo: our offer.\n"
    assert report(workspace) == "Howdy, Bo: our offer.\n"


def test_o4_what_changed_after_it_was_shown_is_not_activated(workspace):
    async def scenario(owner):
        shown = wanted(owner)
        write(workspace, "playbooks/offer.yaml", OFFER + "expires: 7d\n")
        with pytest.raises(InputError, match=r"playbooks/offer\.yaml changed while you looked"):
            await owner.requests.activation.activate(shown, owner.workers, owner.clock.now_us())
        return states(owner)

    assert play(workspace, scenario) == [("agents/greet.py", "new"), ("playbooks/offer.yaml", "new")]


def test_o4_what_is_active_is_known_after_a_restart(workspace):
    play(workspace, activate)
    assert play(workspace, lambda owner: run(owner, "offer", "name=Bo"))["status"] == "completed"


def test_o4_a_deleted_playbook_is_taken_out_of_use_only_by_activating_that(workspace):
    async def scenario(owner):
        await activate(owner)
        (workspace.root / "playbooks" / "offer.yaml").unlink()
        with pytest.raises(InactiveError, match="is gone"):
            await run(owner, "offer", "name=Bo")
        assert states(owner) == [("playbooks/offer.yaml", "gone")]
        await activate(owner)
        assert states(owner) == []
        with pytest.raises(InputError, match="There is no playbook 'offer'"):
            await run(owner, "offer", "name=Bo")

    play(workspace, scenario)


def test_o4_an_earlier_version_can_be_run_by_name(workspace):
    async def scenario(owner):
        await activate(owner)
        first = owner.requests.activation.versions.active("playbook", "offer")
        write(workspace, "templates/offer.md", "{{hello.text}}: another offer.\n")
        await activate(owner)
        await run(owner, f"offer@{first.short}", "name=Bo")
        with pytest.raises(InputError, match=r"No version of playbooks/offer\.yaml begins with 'ffff"):
            await run(owner, "offer@ffffffff", "name=Bo")

    play(workspace, scenario)
    assert report(workspace) == "Hello, Bo: our offer.\n"


def test_o4_mainstays_own_playbooks_are_active_and_have_a_version(workspace):
    async def scenario(owner):
        standing = await run(owner, "forget", "ids=nothing")
        return definition_of(owner, standing["plan"]).version

    assert play(workspace, scenario) == library_version("forget")


def test_o4_a_policy_is_kept_with_its_versions(workspace):
    rule = "- {id: mail, do: mail.send, then: ask, why: It leaves.}\n"
    write(workspace, "policies/money.yaml", rule)

    async def scenario(owner):
        await activate(owner, "policies/money.yaml")
        active = owner.requests.activation.versions.active("policy", "money")
        return owner.requests.activation.versions.content(active)

    assert play(workspace, scenario) == {"policies/money.yaml": rule.encode()}


# --- a running plan keeps its own


def waiting(workspace):
    write(workspace, "playbooks/offer.yaml", WAITING)

    async def scenario(owner):
        await activate(owner)
        return (await run(owner, "offer", "name=Bo"))["questions"][0]

    return play(workspace, scenario)


async def approve(owner, decision):
    await owner.requests.rule(decision, {"choice": "approve"})
    return await owner.requests.follow(decision.rpartition(".")[0], lambda _: None)


CALLERS = (
    'playbook: caller\ntitle: "Run it"\nsteps:\n  it: {playbook: offer, with: {name: Bo}}\n',
    (
        'playbook: caller\ntitle: "Run it"\nsteps:\n'
        '  it: {repeat: {playbook: offer, until: "= round == 2", max: 2, then: ask}, with: {name: Bo}}\n'
    ),
)


@pytest.mark.parametrize("way", ["activate", "save", "revert"])
def test_o4_an_active_playbook_that_no_longer_fits_one_that_it_runs_is_named_whichever_way_that_came(workspace, way):
    renamed = OFFER.replace("  name: {", "  who: {").replace("inputs.name", "inputs.who")
    if way == "revert":
        write(workspace, "playbooks/offer.yaml", renamed)

    async def scenario(owner):
        await activate(owner)
        activation = owner.requests.activation
        older = activation.versions.active("playbook", "offer").digest
        write(workspace, "playbooks/offer.yaml", OFFER)
        write(workspace, "playbooks/caller.yaml", CALLERS[0])
        fits = await activate(owner)
        if way == "revert":
            return fits, await revert(owner, "playbook", "offer", older)
        if way == "save":
            now_us, seen = owner.clock.now_us(), activation.versions.active("playbook", "offer").digest
            return fits, await activation.save("playbook", "offer", renamed, seen, owner.workers, now_us)
        write(workspace, "playbooks/offer.yaml", renamed)
        return fits, await activate(owner)

    fits, done = play(workspace, scenario)
    ((path, finding),) = done.broken
    assert (fits.broken, path) == ((), "playbooks/caller.yaml")
    assert "who" in finding


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("way", ["retire", "activate"])
def test_o4_a_playbook_that_runs_one_that_is_taken_out_of_use_is_named_whichever_way_it_went(workspace, way, caller):
    write(workspace, "playbooks/caller.yaml", caller)

    async def scenario(owner):
        await activate(owner)
        if way == "retire":
            activation = owner.requests.activation
            seen = activation.versions.active("playbook", "offer").digest
            return await activation.retire("playbook", "offer", seen, owner.clock.now_us())
        (workspace.root / "playbooks" / "offer.yaml").unlink()
        return await activate(owner)

    ((path, finding),) = play(workspace, scenario).broken
    assert path == "playbooks/caller.yaml"
    assert "offer" in finding


def test_o4_nothing_but_a_playbook_is_retired_by_its_name(workspace):
    async def scenario(owner):
        await activate(owner)
        activation = owner.requests.activation
        seen = activation.versions.active("agent", "greet").digest
        with pytest.raises(InputError, match=r"agents/greet\.py is no playbook; nothing was changed"):
            await activation.retire("agent", "greet", seen, owner.clock.now_us())
        return activation.versions.active("agent", "greet") is not None

    assert play(workspace, scenario)
    assert (workspace.root / "agents" / "greet.py").exists()


@pytest.mark.parametrize("becomes", ["changed", "gone"])
def test_k14_a_running_plan_keeps_its_agent_and_playbook_whatever_becomes_of_them(workspace, becomes):
    decision = waiting(workspace)
    for path in ("agents/greet.py", "agents/words.py", "playbooks/offer.yaml", "templates/offer.md"):
        (workspace.root / path).unlink()
    if becomes == "changed":
        write(workspace, "agents/greet.py", AGENT.replace("{GREETING}", "Servus"))
        write(workspace, "agents/words.py", WORDS)
        write(workspace, "playbooks/offer.yaml", OFFER)
        write(workspace, "templates/offer.md", "Nothing.")

    async def scenario(owner):
        await activate(owner)
        return await approve(owner, decision)

    assert play(workspace, scenario)["status"] == "completed"
    assert report(workspace) == "Hello, Bo: our offer.\n"


async def look_up(owner):
    return owner.contracts.agent("greet")


def test_k14_code_that_was_placed_is_made_again_when_it_is_gone_or_altered(workspace):
    decision = waiting(workspace)
    (placed,) = workspace.code.glob("v*")
    (placed / "agents" / "words.py").chmod(0o600)
    (placed / "agents" / "words.py").write_text('GREETING = "Your money, please"\n')
    (workspace.code / "part-1234").mkdir()  # of an owner that died while it wrote

    async def scenario(owner):
        return await approve(owner, decision)

    assert play(workspace, scenario)["status"] == "completed"
    assert report(workspace) == "Hello, Bo: our offer.\n"
    assert list(workspace.code.iterdir()) == [placed]
    (placed / "agents" / "json.py").symlink_to("words.py")  # more than was activated is no match either
    play(workspace, look_up)
    assert not (placed / "agents" / "json.py").is_symlink()


def test_j1_a_step_whose_agent_version_can_not_be_had_gets_stuck_and_says_so(workspace):
    decision = waiting(workspace)
    for placed in workspace.code.glob("v*"):
        shutil.rmtree(placed)
    for blob in workspace.blobs.rglob("*"):
        if blob.is_file() and blob.stat().st_size == len(WORDS) + 28:  # nonce and tag
            blob.unlink()

    async def scenario(owner):
        standing = await approve(owner, decision)
        plan = owner.engine.load(standing["plan"])
        return plan.slots["hello"].status, plan.slots["hello"].failure

    status, failure = play(workspace, scenario)
    assert (status, failure.error_class) == ("stuck", "needs_operator")
    assert failure.message.startswith("The code of agents/greet.py, version ")
    assert "backup" in failure.remedy


def test_k14_a_step_made_with_another_version_of_mainstays_own_agent_gets_stuck(workspace):
    async def scenario(owner):
        found = owner.contracts.agent("reconcile")
        with pytest.raises(OperationError, match=r"made with version 0 of agent 'reconcile'.*has version") as refused:
            owner.contracts.agent("reconcile", "0")
        assert owner.contracts.agent("reconcile", found.version) is found
        return refused.value.error_class

    assert play(workspace, scenario) == "needs_operator"


# --- putting back


def test_o4_revert_writes_the_older_version_and_keeps_what_was_never_saved(workspace):
    async def scenario(owner):
        await activate(owner)
        versions = owner.requests.activation.versions
        first = versions.active("playbook", "offer")
        write(workspace, "templates/offer.md", "Never saved.\n")
        done = await revert(owner, "playbook", "offer", first.digest)
        assert (done.written, states(owner)) == (("templates/offer.md",), [])
        (kept,) = [one for one in versions.past("playbook", "offer").versions if one.digest != first.digest]
        assert (kept.activated_us, versions.content(kept)["templates/offer.md"]) == (None, b"Never saved.\n")
        await revert(owner, "playbook", "offer", kept.digest)
        return (workspace.root / "templates" / "offer.md").read_text()

    assert play(workspace, scenario) == "Never saved.\n"


def test_o4_revert_brings_a_deleted_agent_back_with_what_it_imports(workspace):
    async def scenario(owner):
        await activate(owner)
        digest = owner.requests.activation.versions.active("agent", "greet").digest
        (workspace.root / "agents" / "greet.py").unlink()
        write(workspace, "agents/words.py", "# empty now\n")
        done = await revert(owner, "agent", "greet", digest)
        kept = [one.fact for one in owner.ledger.tail() if isinstance(one.fact, e.VersionKept)]
        return sorted(done.written), [sorted(fact.files) for fact in kept]

    assert play(workspace, scenario) == (["agents/greet.py", "agents/words.py"], [["agents/words.py"]])
    assert (workspace.root / "agents" / "words.py").read_text() == WORDS


def test_o4_revert_names_others_that_share_a_file_it_wrote(workspace):
    write(workspace, "playbooks/other.yaml", OFFER.replace("playbook: offer", "playbook: other"))

    async def scenario(owner):
        await activate(owner)
        first = owner.requests.activation.versions.active("playbook", "offer")
        write(workspace, "templates/offer.md", "New for both.\n")
        await activate(owner)
        return (await revert(owner, "playbook", "offer", first.digest)).changed

    assert play(workspace, scenario) == ("playbooks/other.yaml",)


# --- what is wrong is named, and then nothing is active


SECOND = AGENT.replace("Greet a lead", "Greet twice")
WRONG = {
    "syntax": ({"agents/greet.py": AGENT + "def broken(:\n"}, PlaybookError, r"agents/greet\.py:19:12: invalid syntax"),
    "imported syntax": ({"agents/words.py": "x = = 1\n"}, PlaybookError, r"agents/words\.py:1:5: invalid syntax"),
    "raises": ({"agents/greet.py": AGENT + "\n1 / 0\n"}, OperationError, r"agents/greet\.py:20: .*ZeroDivisionError"),
    "import": (
        {"agents/greet.py": AGENT.replace("from .words", "from words")},
        OperationError,
        r"agents/greet\.py:4: it fails when it is loaded: ModuleNotFoundError",
    ),
    "same name": (
        {"agents/second.py": SECOND},
        InputError,
        r"agents/second\.py has an agent 'greet', and so has agents/greet\.py",
    ),
    "built in": (
        {"agents/greet.py": AGENT.replace("def greet(", "def reconcile(")},
        InputError,
        r"an agent 'reconcile', and so has Mainstay itself",
    ),
    "no plain form": (
        {"agents/greet.py": AGENT.replace("    text: str", "    text: bytes")},
        OperationError,
        "The field 'text' of Said is a bytes",
    ),
    "no types": (
        {"agents/greet.py": AGENT.replace("given: Lead", "given")},
        OperationError,
        r"agents/greet\.py: Agent 'greet' does not say what it takes",
    ),
    "ends its process": (
        {"agents/greet.py": AGENT + "\nimport os\nos._exit(3)\n"},
        OperationError,
        "exit status 3",
    ),
    "playbook": (
        {"playbooks/offer.yaml": OFFER.replace("hello.text", "hello.txt").replace("inputs.name", "inputs.nam")},
        PlaybookError,
        r"offer\.yaml:6:\d+: .*nam",
    ),
    "account": (
        {"playbooks/offer.yaml": OFFER.replace("do: files.write,", "do: files.write, account: nobody,")},
        PlaybookError,
        r"offer\.yaml:7:\d+: files has no account 'nobody' here; leave 'account' out",
    ),
    "operation": (
        {"agents/greet.py": AGENT.replace("output=Said", 'output=Said, operations=["mail.sent"]')},
        PlaybookError,
        r"Agent 'greet' may not be run: There is no operation 'mail\.sent'\. Did you mean 'mail\.send'",
    ),
    "other name": (
        {"playbooks/offer.yaml": OFFER.replace("playbook: offer", "playbook: quote")},
        PlaybookError,
        "it calls itself 'quote'",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_o4_what_can_not_run_is_not_activated_and_says_where_it_is_wrong(workspace, case):
    files, error, said = WRONG[case]
    for path, text in files.items():
        write(workspace, path, text)

    async def scenario(owner):
        before = owner.ledger.head()
        with pytest.raises(error, match=said):
            await activate(owner)
        return owner.ledger.head() == before

    assert play(workspace, scenario)


def test_o4_an_agent_that_is_not_active_is_named_with_its_command(workspace):
    async def scenario(owner):
        with pytest.raises(
            PlaybookError, match=r"agents/greet\.py is not active yet.*mainstay activate agents/greet\.py"
        ):
            await activate(owner, "playbooks/offer.yaml")

    play(workspace, scenario)


def test_o4_active_playbooks_that_no_longer_fit_a_changed_agent_are_named(workspace):
    async def scenario(owner):
        await activate(owner)
        write(workspace, "agents/greet.py", AGENT.replace("name: str", "full_name: str").replace("given.name", "given"))
        return (await activate(owner)).broken

    ((path, finding),) = play(workspace, scenario)
    assert path == "playbooks/offer.yaml"
    assert finding == "offer.yaml:6:31: greet needs 'full_name' (text)"


def test_o4_active_playbooks_whose_agent_is_taken_out_of_use_are_named(workspace):
    async def scenario(owner):
        await activate(owner)
        (workspace.root / "agents" / "greet.py").unlink()
        return (await activate(owner)).broken

    ((path, finding),) = play(workspace, scenario)
    assert path == "playbooks/offer.yaml"
    assert "There is no agent 'greet'" in finding


def test_a2_a_class_with_prompts_files_and_lists_is_an_agent_too(workspace):
    write(workspace, "agents/count.md", "Count them.")
    write(
        workspace,
        "agents/count.py",
        """\
from pathlib import Path

import msgspec
from mainstay.agent import AgentResult, File, Money, agent


class Item(msgspec.Struct, frozen=True):
    price: Money | None = None


class Order(msgspec.Struct, frozen=True):
    file: File
    items: list[Item] = []


class Sum(msgspec.Struct, frozen=True):
    bytes: int
    prompt: str


@agent(name="count_up", output=Sum, success="out.bytes > 0")
class Count:
    def run(self, given: Order, files: dict[str, bytes]) -> AgentResult:
        \"\"\"Count the bytes of an order.\"\"\"
        prompt = Path(__file__).with_suffix(".md").read_text()
        return AgentResult(Sum(len(files[given.file.blob.digest]), prompt))
""",
    )
    write(
        workspace,
        "playbooks/order.yaml",
        """\
playbook: order
title: "Count an order"
inputs:
  order: {type: file}
steps:
  count: {agent: count_up, with: {file: "= inputs.order"}}
  write: {do: files.write, with: {path: "reports/offer.md", text: "{{count.bytes}} {{count.prompt}}"}}
""",
    )
    write(workspace, "inbox/order.txt", "12345")

    async def scenario(owner):
        await activate(owner)
        write(workspace, "agents/count.md", "Guess them.")
        assert states(owner) == [("agents/count.py", "changed")]
        return await run(owner, "order", f"order={workspace.root / 'inbox' / 'order.txt'}")

    assert play(workspace, scenario)["status"] == "completed"
    assert report(workspace) == "5 Count them."


def test_l9_versions_are_facts_and_a_rebuild_gives_the_same(workspace):
    async def scenario(owner):
        await activate(owner)
        await run(owner, "offer", "name=Bo")
        return owner.ledger.differing()

    assert play(workspace, scenario) == []


def test_l3_what_a_struct_of_an_agent_says_is_personal_stays_so_in_its_contract(workspace):
    marked = AGENT.replace("    text: str", "    text: str\n    mail: PersonMail\n    names: list[PersonName] = []")
    write(workspace, "agents/greet.py", "from mainstay.agent import PersonMail, PersonName\n" + marked)

    async def scenario(owner):
        await activate(owner, "agents/greet.py")
        return shape_of(owner.contracts.agent("greet").output)

    class Said(msgspec.Struct):
        text: str
        mail: PersonMail
        names: tuple[PersonName, ...] = ()

    assert play(workspace, scenario) == shape_of(Said) is not None


def test_a2_the_agent_that_the_documents_show_can_be_activated(workspace):
    text = (Path(__file__).parents[1] / "docs" / "versions.md").read_text()
    ((name, code),) = re.findall(r"```python\n# agents/(\w+\.py)\n(.*?)```", text, re.DOTALL)
    write(workspace, f"agents/{name}", code)

    async def scenario(owner):
        await activate(owner, f"agents/{name}")
        return [told.summary for told in owner.requests.activation.versions.active("agent", "qualify").contracts]

    assert play(workspace, scenario) == ["Say whether a lead fits"]
