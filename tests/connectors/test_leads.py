"""Leads and topics as people, forms and mail programs write them."""

from __future__ import annotations

import pytest

from mainstay.connectors.leads import ReadLead, read
from mainstay.connectors.posts import ReadTopics, read_topics
from mainstay.errors import FileError
from mainstay.records import File, Topic
from mainstay.values import BlobRef

MAIL = b"From: Ada Berg <ADA@example.com>\r\nSubject: A website\r\n\r\nWe need one.\r\n"


def lead(content, name="ada.txt"):
    content = content if isinstance(content, bytes) else content.encode()
    return read(ReadLead(File(name, BlobRef("d", len(content)))), {"d": content})


def topics(content):
    content = content if isinstance(content, bytes) else content.encode()
    return read_topics(ReadTopics(File("topics.md", BlobRef("d", len(content)))), {"d": content}).topics


def test_a_text_with_names_at_its_top_is_a_lead():
    found = lead("Name: Ada Berg\nE-Mail: ada@example.com\nCompany: Bakery\nBudget: 3000\n\nA website.\nSoon.\n")
    assert (found.name, found.email, found.company, found.source) == ("Ada Berg", "ada@example.com", "Bakery", "file")
    assert found.brief == "A website.\nSoon.\n\nBudget: 3000"


def test_a_form_and_a_mail_are_leads_of_the_same_person():
    form = lead('{"your name": "Ada", "email": "ada@example.com", "message": "A website.", "budget": 3000}', "f.json")
    mail = lead(MAIL, "x.eml")
    assert form.id == mail.id
    assert (form.brief, mail.brief) == ("A website.\n\nbudget: 3000", "A website\n\nWe need one.")
    assert (mail.name, mail.email, mail.source) == ("Ada Berg", "ada@example.com", "mail")


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        ("", "a.txt", "a.txt: the file is empty"),
        (" \n", "a.txt", "a.txt: the file is empty"),
        ("Name: Ada\n\nA website.", "a.txt", "names no mail address"),
        ("Name: Ada\nEmail: ada at example\n\nA website.", "a.txt", "'ada at example' is not one mail address"),
        ("Name: Ada\nEmail: a@x.example, b@x.example\n\nA website.", "a.txt", "not one mail address"),
        ("Name: Ada\nEmail: ada@example.com\n", "a.txt", "does not say what is wanted"),
        ('{"name": "Ada"', "a.json", "this is not JSON"),
        ('["Ada"]', "a.json", "one JSON object"),
        ("not a mail", "a.eml", "this is no mail"),
        (b"\x00\xff\xfe", "a.txt", "names no mail address"),
    ],
)
def test_what_is_no_lead_is_named_with_what_it_lacks(content, name, said):
    with pytest.raises(FileError, match=said) as caught:
        lead(content, name)
    assert caught.value.remedy


def test_topics_are_headings_with_text():
    assert topics("\ufeff# One\nfirst\n\nmore\n\n# Two\n") == (Topic("One", "first\n\nmore"), Topic("Two", ""))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("just words", "line 1: this stands before the first"),
        ("", "empty"),
        ("\n\n## Small\n", "line 3"),
        (b"# \xff", "no text in UTF-8"),
        ("# x\n" * 101, "101 topics"),
    ],
)
def test_what_is_no_list_of_topics_is_named(content, said):
    with pytest.raises(FileError, match=said):
        topics(content)
