"""Agents that call operations; they run in worker processes."""

from __future__ import annotations

import time

import msgspec

from mainstay.agent import AgentResult, AsyncContext, Context, OperationError, Permanent, Rejected, agent


class Word(msgspec.Struct, frozen=True):
    word: str = ""
    number: int = 0


class Said(msgspec.Struct, frozen=True):
    word: str = ""
    token: str = ""


ALL = (
    "test.nothing",
    "test.noted",
    "test.deadly",
    "test.look",
    "test.say",
    "test.shout",
    "test.refuse",
    "test.slow",
    "test.fickle",
    "test.whisper",
)


@agent(operations=ALL)
def simple(given: Word, ctx: Context) -> Said:
    found = ctx.call("test.look", word=given.word)
    said = ctx.call("test.say", word=found["word"])
    assert ctx.now().year > 2000
    assert 0 <= ctx.random() < 1
    return Said(found["word"], said["token"])


@agent(operations=ALL)
async def aside(given: Word, ctx: AsyncContext) -> Said:
    async def branch(number: int) -> str:
        found = await ctx.call("test.look", word=given.word, number=number % 3)
        return f"{number}{found['word']}{found['token']}"

    found = await ctx.gather(*(branch(number) for number in range(given.number or 5)))
    return Said(" ".join(found), await ctx.uuid())


@agent(operations=ALL)
def together(given: Word, ctx: Context) -> Said:
    said = ctx.gather(*(lambda word=word: ctx.call("test.say", word=word) for word in given.word.split()))
    return Said(" ".join(each["word"] for each in said))


@agent(operations=ALL)
def careful(given: Word, ctx: Context) -> Said:
    try:
        ctx.call("test.shout", word=given.word)
    except Rejected as no:
        return Said(f"no: {no.message}")
    return Said("yes")


@agent(operations=ALL)
def trusting(given: Word, ctx: Context) -> Said:
    ctx.call("test.shout", word=given.word)
    return Said("yes")


@agent(operations=("test.look",))
def greedy(given: Word, ctx: Context) -> Said:
    return Said(ctx.call(given.word, word="x")["word"])


@agent(operations=("decide", "activate", "token_make", "link", "policy.write"))
def ruler(given: Word, ctx: Context) -> Said:
    ctx.call(given.word, decision="?", choice="approve")
    return Said("done")


@agent(operations=ALL)
def endless(given: Word, ctx: Context) -> Said:
    while True:
        ctx.random()


@agent(operations=ALL)
def huge(given: Word, ctx: Context) -> Said:
    return Said(ctx.call("test.look", word="x" * given.number)["word"][:5])


@agent(operations=ALL, timeout_s=1.0)
def sleepy(given: Word, ctx: Context) -> Said:
    ctx.random()
    time.sleep(60)
    return Said()


@agent(operations=ALL)
def twice(given: Word, ctx: Context) -> Said:
    """Read the same two times, then act, which lets it go: it runs again from its journal."""
    one, two = (ctx.call("test.look", word=given.word)["token"] for _ in range(2))
    ctx.call("test.say", word=given.word)
    return Said(f"{one} {two}")


@agent(operations=ALL)
def chancy(given: Word, ctx: Context) -> Said:
    """Say by the clock and by chance: run again, it says the same only if both are journaled."""
    said = f"{ctx.now().isoformat()} {ctx.random()} {ctx.uuid()}"
    ctx.call("test.say", word=said)
    return Said(said)


ORDERS: list[str] = []


@agent(operations=ALL)
def reordered(given: Word, ctx: Context) -> Said:
    """Make the tool calls of one response in another order each time."""
    ORDERS.append("run")
    found = {}
    for index in (0, 1) if len(ORDERS) % 2 else (1, 0):
        found[index] = ctx.tool_call("response-1", index, "test.look", {"word": f"w{index}"})
    ctx.call("test.say", word=given.word)
    return Said(" ".join(f"{found[index]['word']}={found[index]['token']}" for index in (0, 1)) + f" {len(ORDERS)}")


RUNS: list[int] = []


@agent(operations=ALL)
def wavering(given: Word, ctx: Context) -> Said:
    """Ask by how often this process ran it: what no agent should do."""
    RUNS.append(1)
    ctx.call("test.look", word="same")
    return Said(ctx.call("test.say", word=f"run{(len(RUNS) + 1) // 2 if len(RUNS) > 2 else len(RUNS)}")["word"])


@agent(operations=ALL)
def model_user(given: Word, ctx: Context) -> Said:
    return Said(ctx.model("draft", {"text": given.word}))


@agent(operations=ALL)
def tool_user(given: Word, ctx: Context) -> Said:
    one = ctx.tool_call("response-1", 0, "test.say", {"word": given.word})
    two = ctx.tool_call("response-1", 1, "test.say", {"word": given.word})
    return Said(one["token"] + " " + two["token"])


@agent(operations=ALL)
def persistent(given: Word, ctx: Context) -> Said:
    ctx.call("test.say", word="once")
    return Said(ctx.call("test.fickle", word=given.word)["word"])


@agent(operations=ALL)
def handling(given: Word, ctx: Context) -> Said:
    try:
        ctx.call("test.refuse", word="permanent")
    except Permanent as error:
        return Said(error.message)
    return Said("strange")


@agent(operations=ALL)
def swallowing(given: Word, ctx: Context) -> Said:
    try:
        ctx.call("test.say", word=given.word)
    except BaseException:  # noqa: BLE001
        return Said("swallowed")
    return Said("said")


@agent(operations=ALL)
async def foreign(given: Word, ctx: AsyncContext) -> Said:
    import asyncio

    try:
        await asyncio.sleep(0)
    except OperationError as error:
        return Said(error.message)
    return Said("slept")


@agent(operations=ALL, output=Said)
def result(given: Word, ctx: Context) -> AgentResult:
    with ctx.scope("first"):
        one = ctx.call("test.look", word="a")
    with ctx.scope("first"):
        two = ctx.call("test.look", word="a")
    return AgentResult(Said(one["word"] + two["word"]), rationale="I looked.", confidence=0.5)


@agent(operations=ALL)
def no_such(given: Word, ctx: Context) -> Said:
    return Said(ctx.call("test.nothing"))


@agent(operations=ALL)
def wrong(given: Word, ctx: Context) -> Said:
    return Said(ctx.call("test.look", number="many"))


@agent(operations=ALL)
def dying(given: Word, ctx: Context) -> Said:
    said = ctx.call("test.say", word=given.word)
    found = ctx.call("test.look", word=said["word"])
    return Said(found["word"] + ctx.call("test.deadly")["word"])


@agent(operations=ALL)
def lethal(given: Word, ctx: Context) -> Said:
    """Say words, reading each before: the owner dies of some."""
    said: list[str] = []
    for word in given.word.split():
        said += [ctx.call("test.look", word=word)["word"], ctx.call("test.say", word=word)["word"]]
    return Said(" ".join(sorted(said[::2]) + said[1::2]))


@agent(operations=ALL)
def reader(given: Word, ctx: Context) -> Said:
    one = ctx.call("test.noted", word=given.word)
    return Said(one["word"] + " " + ctx.call("test.noted", word="kill")["word"])


@agent(operations=ALL)
def both(given: Word, ctx: Context) -> Said:
    found = ctx.gather(*(lambda word=word: ctx.call("test.fickle", word=word) for word in given.word.split()))
    return Said(" ".join(each["word"] for each in found))


@agent(operations=ALL)
async def both_aside(given: Word, ctx: AsyncContext) -> Said:
    found = await ctx.gather(*(ctx.call("test.fickle", word=word) for word in given.word.split()))
    return Said(" ".join(each["word"] for each in found))


DONE: list[str] = []


@agent(operations=ALL)
def forgetful(given: Word, ctx: Context) -> Said:
    """Call something only when this process has not done so: what no agent should do."""
    if not DONE:
        DONE.append("once")
        ctx.call("test.say", word=given.word)
    return Said("nothing")


@agent(operations=ALL)
def erring(given: Word, ctx: Context) -> Said:
    """Say two words; in its third run it wants another second one: what no agent should do."""
    RUNS.append(1)
    ctx.call("test.say", word="first")
    second = "third" if given.number else "second"
    return Said(ctx.call("test.say", word={2: "second", 3: "other"}.get(len(RUNS), second))["word"])


@agent(operations=ALL)
def failing(given: Word, ctx: Context) -> Said:
    """Say a word that is given, and then fail."""
    if given.word:
        ctx.call("test.say", word=given.word)
        raise Permanent("no")
    return Said("fine")


@agent(operations=ALL)
def model_askers(given: Word, ctx: Context) -> Said:
    """Ask a model for each word, all at once."""
    told = ctx.gather(*(lambda word=word: ctx.model("draft", word)["text"] for word in given.word.split()))
    return Said(" ".join(told))
