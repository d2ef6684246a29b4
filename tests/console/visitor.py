"""A browser without a screen: it keeps its cookie, follows links, fills in forms and sends them, over real HTTP."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from urllib.parse import urlencode

from mainstay.console.access import make_link
from mainstay.ledger.lock import holder

if TYPE_CHECKING:
    from http_kit import Reply, Served

FORM = "application/x-www-form-urlencoded"
LINE = "----a-browsers-line"
Part: TypeAlias = "tuple[str, str | None, bytes]"  # field, name of the file, content
VOID = {"input", "meta", "link", "br", "hr", "img"}


class Form(NamedTuple):
    action: str
    fields: list[tuple[str, str]]  # those that are sent whatever is pressed
    buttons: list[tuple[str, str]]
    method: str = "post"


class Page(HTMLParser):
    """What a page holds: its text, its forms, the places it links to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.headings: list[str] = []
        self._open: list[str] = []
        self._form: Form | None = None
        self._named: dict[str, Form] = {}
        self._apart: list[tuple[str, str, dict[str, str]]] = []  # what says itself to which form it belongs
        self.feed(text)
        for form, tag, given in self._apart:
            self._belongs(self._named[form], tag, given)
        self.text = re.sub(r"\s+", " ", self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        if tag not in VOID:
            self._open.append(tag)
        if tag == "form":
            self._form = Form(given.get("action", ""), [], [], given.get("method", "get").lower())
            self.forms.append(self._form)
            self._named[given.get("id", "")] = self._form
        elif tag == "a":
            self.links.append(given.get("href", ""))
        elif tag in ("input", "textarea", "button") and "form" in given:
            self._apart.append((given["form"], tag, given))
        elif self._form is not None:
            self._belongs(self._form, tag, given)
        if tag == "h1":
            self.headings.append("")

    def _belongs(self, form: Form, tag: str, given: dict[str, str]) -> None:
        unticked = given.get("type") == "checkbox" and "form" in given and "checked" not in given
        unticked |= given.get("type") == "radio" and "checked" not in given
        if tag in ("input", "textarea") and "name" in given and not unticked:
            form.fields.append((given["name"], given.get("value", "")))
        elif tag == "button" and "name" in given and "formaction" in given:  # it sends the same to another place
            self.forms.append(Form(given["formaction"], form.fields, [(given["name"], given.get("value", ""))]))
        elif tag == "button" and "name" in given:
            form.buttons.append((given["name"], given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass
        if tag == "form":
            self._form = None

    def handle_data(self, data: str) -> None:
        if "style" not in self._open and "title" not in self._open:
            self.text += data
        if self._open[-1:] == ["textarea"] and self._form is not None and self._form.fields:
            name, before = self._form.fields.pop()
            self._form.fields.append((name, before + (data if before else data.removeprefix("\n"))))
        if "h1" in self._open:
            self.headings[-1] += data


class Visitor:
    """Somebody at a browser."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.cookie = ""
        self.last: Reply | None = None

    def get(self, path: str, **headers: str | None) -> Reply:
        return self._keep(self.served.send("GET", path, Authorization=None, Cookie=self.cookie or None, **headers))

    def post(self, path: str, fields: list[tuple[str, str]], **headers: str | None) -> Reply:
        given = {"Content_Type": FORM, "Origin": f"http://{self.served.host}", **headers}
        body = urlencode(fields).encode()
        return self._keep(self.served.send("POST", path, body, Authorization=None, Cookie=self.cookie or None, **given))

    def page(self, path: str) -> Page:
        reply = self.get(path)
        assert reply.status == 200, reply.text
        return Page(reply.text)

    def upload(self, path: str, *parts: Part, csrf: str | None = None, **headers: str | None) -> Reply:
        """Send a form with files as a browser does, by default one of this session's."""
        body = with_files(("csrf", None, (self.csrf() if csrf is None else csrf).encode()), *parts)
        given = {"Content_Type": f"multipart/form-data; boundary={LINE}", "Origin": f"http://{self.served.host}"}
        given |= {"Content_Length": str(len(body)), "Cookie": self.cookie or None, **headers}
        return self._keep(self.served.send("POST", path, body, Authorization=None, **given))

    def press(self, form: Form, button: tuple[str, str] | None = None, **fields: str) -> Reply:
        """Send a form; gives the answer to that, and goes where it leads."""
        given = [(name, fields.get(name, value)) for name, value in form.fields]
        return self.post(form.action, [*given, *([button] if button else [])])

    def log_in(self) -> Visitor:
        """Use a link of the terminal."""
        (form,) = self.page(link(self.served)).forms
        assert self.press(form).status == 303
        return self

    def csrf(self) -> str:
        return next(value for form in self.page("/").forms for name, value in form.fields if name == "csrf")

    def _keep(self, reply: Reply) -> Reply:
        if "set-cookie" in reply.headers:
            name, _, value = reply.headers["set-cookie"].partition(";")[0].partition("=")
            self.cookie = f"{name}={value}" if value.strip('"') else ""
        self.last = reply
        return reply


def with_files(*parts: Part) -> bytes:
    """Write a form with files as a browser does."""
    body = b""
    for field, file, content in parts:
        named = f'; filename="{file}"\r\nContent-Type: text/html' if file is not None else ""
        head = f'--{LINE}\r\nContent-Disposition: form-data; name="{field}"{named}\r\n\r\n'
        body += head.encode() + content + b"\r\n"
    return body + f"--{LINE}--\r\n".encode()


def link(served: Served) -> str:
    """Give the path of a link, as `mainstay console` makes it: a command takes a second for it."""
    state = served.desk.folder / ".mainstay"
    held = holder(state)
    assert held is not None
    keys = Path(served.desk.env["XDG_CONFIG_HOME"]) / "mainstay" / "keys"
    session = (keys / f"{(state / 'id').read_text()}.session").read_text().strip()
    return f"/login/{make_link(session, held.since_us, time.time_ns() // 1000)}"


def answers_to(page: Page, question: str) -> list[Form]:
    """Give the forms of a page that answer a question."""
    return [form for form in page.forms if form.action == f"/questions/{question}"]
