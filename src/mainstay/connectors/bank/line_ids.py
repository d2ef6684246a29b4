"""The ids of lines, and which lines several statements share.

An id must be the same whenever the same entry is read, also from another, overlapping statement, and must differ
for two entries that only look alike. So it is made of the account, the booking day, the amount, and
 - the reference the bank gave the entry, with an ordinal where several of one day and amount have the same;
 - without one, all normal fields, and an ordinal among lines that are equal in all of them.
The day is part of every id, so the ordinal counts within one day, however long the statement is. The day and the
amount stand beside the bank's reference because some banks use one again. Such a digest could be tried out by anybody
who guesses the line, so it never leaves memory: `with_ids` has another one made of it, under its payer's key.

Where statements hold the same line, they overlap, and it counts once; unless balances show that one goes on where the
other ends. Balances may also meet by chance. So the days must follow each other too, and what both hold of the day
they have in common must not add up to nothing: then both could begin or end with it and have these balances.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from msgspec import structs

from mainstay.values import Money, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    from mainstay.connectors.bank.statement import Draft, Part, StatementRead
    from mainstay.contracts import IdOf
    from mainstay.records import BankLine

ID_HEX = 20  # 80 bits: no two of a lifetime's lines meet by chance

_End: TypeAlias = tuple[Money, str]  # a balance, and the first or last day booked


class Numbered(NamedTuple):
    """A line with its id. It is not new when an earlier statement has it; a payout has it all the same."""

    line: BankLine
    payout: str
    is_new: bool


class _Marked:
    """The lines seen with one mark, day and amount: their ordinals, by all their fields."""

    def __init__(self) -> None:
        self.count = 0
        self.numbers: dict[str, list[int]] = {}

    def add(self, described: str) -> int:
        """Give a line the next ordinal."""
        self.count += 1
        self.numbers.setdefault(described, []).append(self.count)
        return self.count


class Account:
    """What was seen of one account while the statements of several files are numbered."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.ids: set[str] = set()
        self.used: Counter[str] = Counter()  # the highest ordinal of each key
        self.marks: dict[str, _Marked] = {}  # by key
        self.days: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)  # the keys of a day, in checked statements
        self.openings: dict[_End, Counter[str]] = {}  # the keys of the day there
        self.closings: dict[_End, Counter[str]] = {}


def number(parts: Sequence[Part], accounts: dict[tuple[str, str], Account]) -> list[list[Numbered]]:
    """Number the lines of one file, and tell which of them are known; `accounts` remembers, by account and currency.

    A file counts equal lines from one, as if it were read alone, so that a line it shares with another has the same id
    in both; unless balances show that it shares nothing.
    """
    file: defaultdict[tuple[str, str], _InFile] = defaultdict(_InFile)
    found: list[list[Numbered]] = []
    for part in parts:
        name = (part.head.account, part.head.currency)
        account = accounts.setdefault(name, Account())
        numbered = _Statement(part, account, file[name]).numbered()
        account.ids.update(one.line.id for one in numbered if one.is_new)
        found.append(numbered)
    return found


def digest(*parts: str) -> str:
    """Make one digest of several texts."""
    return digest_of(*(part.encode() for part in parts))


def with_ids(read: StatementRead, id_of: IdOf, booked: Callable[[Sequence[str]], Container[str]]) -> StatementRead:
    """Give what was read as it is recorded: with ids that can't be told from the lines.

    Earlier releases recorded the digests themselves. A line that is `booked` under its digest keeps it as its id: else
    nobody would know it again.
    """
    before = booked([line.id for line in read.lines])
    ids = {line.id: line.id if line.id in before else id_of(line.id, _payer(line)) for line in read.lines}
    lines = tuple(structs.replace(line, id=ids[line.id]) for line in read.lines)
    payouts = tuple(
        structs.replace(payout, line_ids=tuple(ids.get(one) or id_of(one, ()) for one in payout.line_ids))
        for payout in read.payouts
    )
    return structs.replace(read, lines=lines, payouts=payouts)


def _payer(line: BankLine) -> tuple[tuple[str, str], ...]:
    return tuple((kind, text) for kind, text in (("iban", line.iban), ("name", line.counterparty)) if text)


class _InFile:
    """What was numbered of one account in the file that is read."""

    def __init__(self) -> None:
        self.used: Counter[str] = Counter()
        self.marks: defaultdict[str, set[int]] = defaultdict(set)  # the ordinals of a key


class _Statement:
    """A statement while its lines are numbered."""

    def __init__(self, part: Part, account: Account, file: _InFile) -> None:
        self.part = part
        self.file = file
        self.account = account
        self.keys = [_key(part.head.account, draft) for draft in part.drafts]
        self.minor = {
            key: 0 if draft.line.pending else draft.line.amount.minor
            for draft, key in zip(part.drafts, self.keys, strict=True)
        }
        days: dict[str, list[str]] = {}
        for draft, key in zip(part.drafts, self.keys, strict=True):
            days.setdefault(draft.line.booked_on, []).append(key)
        self.days = {day: Counter(keys) for day, keys in days.items()}

    def numbered(self) -> list[Numbered]:
        """Give the lines with their ids."""
        adjoining = self.adjoining()
        repeated = self.repeated() - adjoining
        marked = self.marked(adjoining)
        again: Counter[str] = Counter()
        found: list[Numbered] = []
        for at, (draft, key) in enumerate(zip(self.part.drafts, self.keys, strict=True)):
            day = draft.line.booked_on
            counts = again if day in repeated else self.account.used if day in adjoining else self.file.used
            if not draft.mark:
                counts[key] += 1
            ordinal = marked[at] if draft.mark else counts[key]
            if day not in repeated:
                for most in (self.file.used, self.account.used):
                    most[key] = max(most[key], ordinal)
            ident = digest(key, str(ordinal))[:ID_HEX]
            line = structs.replace(draft.line, id=ident, account=self.part.head.account)
            found.append(Numbered(line, draft.payout, day not in repeated and ident not in self.account.ids))
        return found

    def adjoining(self) -> set[str]:
        """Find the first and the last day, where an earlier statement ends or begins there; remember this one's."""
        head = self.part.head
        if not self.days or head.balance != "checked" or head.opening is None or head.closing is None:
            return set()
        opens, closes = (head.opening, min(self.days)), (head.closing, max(self.days))
        account = self.account
        found: set[str] = set()
        # What begins just where an earlier statement began is that one again, and goes on from nothing.
        if opens not in account.openings and self.meets(account.closings.get(opens), opens[1]):
            found.add(opens[1])
        if closes not in account.closings and self.meets(account.openings.get(closes), closes[1]):
            found.add(closes[1])
        account.openings.setdefault(opens, self.days[opens[1]])
        account.closings.setdefault(closes, self.days[closes[1]])
        return found

    def meets(self, other: Counter[str] | None, day: str) -> bool:
        """Tell whether a day another statement ends or begins with shows that the two share no line."""
        if other is None:
            return False
        shared = self.days[day] & other
        return not shared or sum(self.minor[key] * count for key, count in shared.items()) != 0

    def repeated(self) -> set[str]:
        """Find the days that an earlier statement held in just the same way, and remember those of this one.

        Statements repeat a day only when they overlap. Those without balances are never held to repeat anything, as
        nothing would prove it.
        """
        if self.part.head.balance != "checked":
            return set()
        held = {day: tuple(sorted(keys.elements())) for day, keys in self.days.items()}
        repeated = {day for day, keys in held.items() if keys in self.account.days[day]}
        for day, keys in held.items():
            self.account.days[day].add(keys)
        return repeated

    def marked(self, adjoining: set[str]) -> dict[int, int]:
        """Give the ordinals of the lines that have a mark, by their place."""
        groups: dict[str, list[int]] = {}
        for at, draft in enumerate(self.part.drafts):
            if draft.mark:
                groups.setdefault(self.keys[at], []).append(at)
        ordinals: dict[int, int] = {}
        for key, places in groups.items():
            known = self.account.marks.setdefault(key, _Marked())
            day = self.part.drafts[places[0]].line.booked_on
            described = [_described(self.part.head.account, self.part.drafts[at].line) for at in places]
            taken = self.file.marks[key]
            numbers = _ordinals(described, known, taken, new=day in adjoining)
            taken.update(numbers)
            ordinals |= zip(places, numbers, strict=True)
        return ordinals


def _ordinals(described: Sequence[str], known: _Marked, taken: set[int], *, new: bool) -> list[int]:
    """Number lines with the same mark, day and amount, and add those to `known` that are not among them.

    Each takes the number of the line it is equal to, if there is one; the others the numbers that are left, in an
    order that does not depend on the file's. One `taken` by another statement of the file, or all where balances show
    that these lines are `new`, are only for an equal line: a reference is believed before balances, which may meet by
    chance.
    """
    found: dict[int, int] = {}
    again: Counter[str] = Counter()
    for at, fields in enumerate(described):
        equal = known.numbers.get(fields, [])
        if again[fields] < len(equal):
            found[at] = equal[again[fields]]
            again[fields] += 1
    free: list[int] = []
    if not new and len(found) < len(described) and len(taken) < known.count:
        free = sorted(set(range(1, known.count + 1)) - taken - set(found.values()), reverse=True)
    for at in sorted((at for at in range(len(described)) if at not in found), key=lambda at: described[at]):
        found[at] = free.pop() if free else known.add(described[at])
    return [found[at] for at in range(len(described))]


def _key(account: str, draft: Draft) -> str:
    if not draft.mark:
        return _described(account, draft.line)
    line = draft.line
    return digest("mark", account, line.booked_on, str(line.amount.minor), line.amount.currency, draft.mark)


def _described(account: str, line: BankLine) -> str:
    amount = (str(line.amount.minor), line.amount.currency)
    fields = (line.booked_on, line.value_on, *amount, line.counterparty, line.iban, line.text, str(line.reversal))
    return digest("fields", account, *fields, *line.references)
