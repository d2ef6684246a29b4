"""The keys of people: who is who, what is sealed, and what is gone once a key is destroyed (KERNEL L3)."""

from __future__ import annotations

import msgspec
import pytest

from mainstay.errors import LedgerError
from mainstay.ledger.database import connect_reader, create
from mainstay.ledger.people import PersonKeyring, PersonKeys
from mainstay.ledger.reader import SqliteReader
from mainstay.values import Sealed

DATABASE, PEOPLE = bytes(range(32)), bytes(range(32, 64))
ANNA = (("iban", "DE89 3704 0044 0532 0130 00"), ("name", "Anna Meier"))


@pytest.fixture
def path(tmp_path):
    create(tmp_path / "ledger.db", DATABASE, "test")
    return tmp_path / "ledger.db"


@pytest.fixture
def people(path):
    with PersonKeyring(path, DATABASE, PEOPLE) as keyring:
        yield keyring


def again(path):
    return PersonKeyring(path, DATABASE, PEOPLE)


def cells(path):
    """Give everything in the tables of people."""
    with SqliteReader(path, DATABASE) as reader:
        tables = ("person_key", "person_name", "person_receipt")
        return [cell for table in tables for row in reader.rows(f"SELECT * FROM {table}") for cell in row]


def forget(people, *keys, at_us=5):
    people.destroy(keys, at_us, f"receipt-{at_us}", "{}")


def test_l3_a_person_has_one_key_wherever_their_account_is_met_and_however_it_is_written(path, people):
    key = people.find(ANNA)
    people.flush()
    assert people.find((("iban", "de89370400440532013000"),)) == key
    with again(path) as later:
        assert later.find((("iban", "DE89370400440532013000"),)) == key


def test_l3_two_people_of_one_name_have_two_keys_and_the_name_finds_both(people):
    one = people.find((("iban", "DE1"), ("name", "Thomas Müller")))
    two = people.find((("iban", "DE2"), ("name", "Müller, Thomas")))
    people.flush()
    assert one != two
    assert people.known_as("thomas müller") == tuple(sorted((one, two)))


def test_l3_an_address_met_beside_a_number_is_the_same_person_later_on(people):
    customer = people.find((("id", "C-7"), ("mail", "anna@example.com"), ("name", "Anna")))
    assert people.find((("mail", "Anna Meier <Anna@example.com>"),)) == customer


def test_l3_what_is_sealed_opens_again_and_the_same_value_is_the_same_mark(path, people):
    sealed = people.seal(people.find(ANNA), b"Anna Meier")
    people.flush()
    assert b"Anna" not in msgspec.msgpack.encode(sealed)
    with again(path) as later:
        assert later.open(sealed) == b"Anna Meier"
        assert later.seal(later.find(ANNA), b"Anna Meier") == sealed
        assert later.seal(later.find(ANNA), b"Bert Meier").nonce != sealed.nonce


def test_l3_one_value_of_two_people_is_two_marks(people):
    one, two = people.find((("name", "A"),)), people.find((("name", "B"),))
    assert people.seal(one, b"x").ciphertext != people.seal(two, b"x").ciphertext


def test_l3_the_tables_hold_no_names(path, people):
    people.find((("id", "C-1001"), ("mail", "anna@example.com"), *ANNA))
    people.flush()
    held = b"".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells(path)).lower()
    assert not any(text in held for text in (b"anna", b"meier", b"c-1001", b"de89"))


def test_l3_a_key_is_no_use_without_the_workspaces_own(path, people):
    sealed = people.seal(people.find(ANNA), b"Anna Meier")
    people.flush()
    with PersonKeyring(path, DATABASE, bytes(32)) as stranger, pytest.raises(LedgerError, match="altered"):
        stranger.open(sealed)


def test_l3_an_altered_value_is_told_from_a_forgotten_one(people):
    sealed = people.seal(people.find(ANNA), b"Anna Meier")
    with pytest.raises(LedgerError, match="altered"):
        people.open(Sealed(sealed.key_id, sealed.nonce, sealed.ciphertext[:-1] + b"\0"))


def test_m7_a_destroyed_key_opens_nothing_for_anybody_and_its_names_find_nobody(path, people):
    key = people.find(ANNA)
    sealed = people.seal(key, b"Anna Meier")
    people.flush()
    with SqliteReader(path, DATABASE) as rows:
        looking = PersonKeys(rows.rows, PEOPLE)
        assert looking.known_as("DE89370400440532013000") == (key,)
        forget(people, key)
        assert people.open(sealed) is None
        assert PersonKeys(rows.rows, PEOPLE).open(sealed) is None
        assert looking.known_as("Anna Meier") == ()
    assert people.kinds([key]) == {}
    assert people.destroyed_at_us(key) == 5


def test_m7_a_text_about_two_people_is_gone_with_either_of_them(people):
    one, two = people.find((("name", "A"),)), people.find((("name", "B"),))
    sealed = people.seal("+".join(sorted((one, two))), b"A paid for B")
    people.flush()
    assert people.open(sealed) == b"A paid for B"
    forget(people, two)
    assert people.open(sealed) is None
    assert people.open(people.seal(one, b"A")) == b"A"


def pages(path):
    """Give the database's pages, decrypted, what was freed in them too."""
    source = connect_reader(path, DATABASE)
    try:
        return source.serialize("main")
    finally:
        source.close()


def test_m7_the_wrapped_key_is_on_no_page_and_the_wal_is_empty(path, people):
    key = people.find(ANNA)
    people.flush()
    with SqliteReader(path, DATABASE) as reader:
        ((wrapped,),) = reader.rows("SELECT wrapped FROM person_key WHERE id = ?", (key,))
    assert wrapped in pages(path)
    forget(people, key)
    assert people.truncate()
    assert wrapped not in pages(path)
    assert path.with_name("ledger.db-wal").stat().st_size == 0


def test_m7_who_comes_back_after_being_forgotten_is_somebody_new(people):
    key = people.find(ANNA)
    people.flush()
    forget(people, key, at_us=5)
    new = people.find(ANNA, since_us=6)
    assert new != key
    assert people.open(people.seal(new, b"back")) == b"back"


def test_f21_what_a_plan_under_way_still_says_of_a_forgotten_person_is_forgotten_at_once(people):
    key = people.find(ANNA)
    people.flush()
    forget(people, key, at_us=5)
    late = people.find(ANNA, since_us=4)
    assert late == key
    assert people.seal(late, b"Anna Meier") == Sealed(key, b"", b"")


def test_a_receipt_stays_until_the_history_holds_it(path, people):
    key = people.find(ANNA)
    people.flush()
    people.destroy([key], 5, "r1", '{"id":"r1"}')
    with again(path) as later:
        assert later.receipts() == [("r1", '{"id":"r1"}')]
        later.recorded("r1")
        assert later.receipts() == []


def test_a_key_that_was_never_flushed_is_not_on_disk(path, people):
    key = people.find(ANNA)
    with again(path) as other:
        assert other.kinds([key]) == {}


def test_looking_at_a_history_of_before_there_were_keys_finds_nobody(path):
    with SqliteReader(path, DATABASE) as reader:
        old = PersonKeys(reader.rows, PEOPLE)
        assert old.known_as("Anna") == ()
        assert old.kinds(["x"]) == {}
        assert old.open(Sealed("x", b"n" * 12, b"c" * 20)) is None


LINE = "3f9c0d5e77aa10b2c4d6"  # a digest of a bank line: account, day, amount, payer and text


def test_l3_a_line_has_one_id_whatever_becomes_known_of_its_payer(path, people):
    ident = people.id_of(LINE, ANNA)
    people.flush()
    people.find((("id", "C-1"), ANNA[0]))  # the account turns out to be used by two customers
    people.find((("id", "C-2"), ANNA[0]))
    assert people.id_of(LINE, (("iban", "DE89370400440532013000"),)) == ident
    people.flush()
    with again(path) as later:
        assert later.id_of(LINE, ()) == ident
        assert later.id_of(LINE[::-1], ANNA) != ident


def test_l3_the_id_of_a_line_can_not_be_tried_out_without_the_workspaces_key(path, people, tmp_path):
    ids = people.id_of(LINE, ANNA), people.id_of(LINE, ())
    people.flush()
    assert not any(LINE in str(cell) or LINE.encode() in bytes(str(cell), "utf-8") for cell in cells(path))
    create(tmp_path / "other.db", DATABASE, "test")
    with PersonKeyring(tmp_path / "other.db", DATABASE, bytes(32)) as stranger:
        assert {stranger.id_of(LINE, ANNA), stranger.id_of(LINE, ())}.isdisjoint(ids)


def test_l3_m7_the_id_of_a_line_dies_with_its_payer_and_with_nobody_else(path, people):
    ident, other = people.id_of(LINE, ANNA), people.id_of(LINE[::-1], (("name", "Bert"),))
    people.flush()
    (anna,) = people.known_as("Anna Meier")
    forget(people, anna)
    assert people.name_of("thing", LINE) not in cells(path)
    with again(path) as later:  # who has the workspace's key, every key that is left and the line itself
        made = {later.id_of(LINE, names) for names in (ANNA, (), (("name", "Bert"),))}
        assert ident not in made
        assert later.id_of(LINE[::-1], (("name", "Bert"),)) == other


def test_m7_a_line_about_two_people_can_not_be_told_once_one_of_them_is_forgotten(people):
    anna, bert = (people.find(((kind, text),)) for kind, text in (("id", "C-1"), ("id", "C-2")))
    people.find((("id", "C-1"), ANNA[0]))
    people.find((("id", "C-2"), ANNA[0]))
    ident = people.id_of(LINE, ANNA[:1])
    people.flush()
    forget(people, anna)
    assert people.known_as(ANNA[0][1]) == (bert,)
    assert ident not in {people.id_of(LINE, ANNA[:1]), people.id_of(LINE, ())}


def test_f21_a_line_that_is_read_while_its_payer_is_forgotten_gets_an_id_that_is_never_met_again(path, people):
    anna = people.find(ANNA)
    people.flush()
    forget(people, anna, at_us=10)
    assert people.id_of(LINE, ANNA, since_us=9) != people.id_of(LINE, ANNA, since_us=9)
    people.flush()
    assert people.name_of("thing", LINE) not in cells(path)
    assert people.id_of(LINE, ANNA, since_us=11) == people.id_of(LINE, ANNA, since_us=11)


def test_l3_a_line_that_names_nobody_keeps_its_id_whoever_is_forgotten(path, people):
    ident = people.id_of(LINE, ())
    forget(people, people.find(ANNA))
    with again(path) as later:
        assert later.id_of(LINE, ()) == ident
