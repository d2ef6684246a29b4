"""When a payer is a customer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.agents.names import ALIKE, NEAR, SAME, similarity, words_of


def likeness(one, other):
    return similarity(words_of(one), words_of(other))


@pytest.mark.parametrize(
    ("one", "other", "least"),
    [
        ("Müller GmbH", "MUELLER", SAME),
        ("Øberg, Ingrid", "Ingrid Oberg", SAME),
        ("Παπαδόπουλος", "PAPADOPOYLOS", ALIKE),
        ("Ромашка Дизайн", "ROMASHKA DIZAIN", SAME),
        ("I. Lindqvist", "Ingrid Lindqvist", NEAR),
        ("Architekturbüro Weidenbach und Partner", "ARCHITEKTURBURO WEIDENBACH U", ALIKE),
        ("S.p.A. Rivage", "Rivage", SAME),
        ("株式会社ミライ", "ミライ", SAME),
        ("上海蓝天贸易有限公司", "上海蓝天贸易", SAME),
        ("Παπαδόπουλου Τσαγάδικο", "TSAGADIKO PAPADOPOULOU", SAME),
        ("Юлия Жукова", "YULIYA ZHUKOVA", SAME),
        ("Århus Kaffe A/S", "AARHUS KAFFE", SAME),
        ("Nordwind GmbH c/o Petersen", "NORDWIND", SAME),
        ("Dr. med. Anna Huber", "HUBER ANNA", SAME),
        ("Zederberg Yoga UG (haftungsbeschränkt)", "Zederberg Yoga UG (haftungsbeschrän", SAME),
    ],
)
def test_a_bank_s_spelling_is_the_same_name(one, other, least):
    assert likeness(one, other) >= least


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna Müller", "Anna Möller"),
        ("Nordwind", "Nordwind Logistik"),
        ("Delta Bau GmbH", "Delta Media GmbH"),
        ("AB", "AG"),
    ],
)
def test_nearly_the_same_is_not_the_same(one, other):
    assert likeness(one, other) < ALIKE


def test_a_name_in_a_script_we_can_not_read_says_nothing():
    assert likeness("株式会社ミライ", "MIRAI") is None


@given(st.text(max_size=20), st.text(max_size=20))
def test_likeness_is_a_share_and_the_same_both_ways(one, other):
    found = likeness(one, other)
    assert found == likeness(other, one)
    assert found is None or 0 <= found <= 1
