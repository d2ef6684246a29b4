"""Where a setting stands in mainstay.toml: what is refused there names its line, so that nobody has to look for it."""

from __future__ import annotations

import re

_SECTION = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?")
_NAME = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([\w.-]+?))\s*[=.]""")
# How messages name a setting: its section and name. Those of types come with a path, in which a name may be left out.
_NAMED = (
    re.compile(r"under \[(?P<section>[\w.]+)\](?:, (?P<name>[^:,]+))?"),
    re.compile(r"(?P<section>budget) '(?P<name>[^']+)'"),
    re.compile(r"`\$\.(?P<section>\w+)(?:\.(?P<name>\w+))?"),
    re.compile(r"unknown field `(?P<section>\w+)` - at `\$`"),
)


def line_of(text: str, section: str, name: str = "") -> int:
    """Give the line on which a setting stands, else that of its section; 0 where that is not there either."""
    here, found = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if head := _SECTION.fullmatch(line):
            here = head[1].replace('"', "").replace("'", "")
            if name and here == f"{section}.{name}":
                return number
            found = found or (number if here == section or here.startswith(f"{section}.") else 0)
        elif name and here == section and (key := _NAME.match(line)) and name in key.groups():
            return number
    return found


def placed(message: str, file: str, text: str) -> str:
    """Give a message that begins with the name of the file with the line of the setting that it names."""
    for pattern in _NAMED:
        if message.startswith(f"{file}:") and (named := pattern.search(message, len(file))):
            section = "budgets" if named["section"] == "budget" else named["section"]
            line = line_of(text, section, (named.groupdict().get("name") or "").strip("'\" "))
            return f"{file}, line {line}{message[len(file) :]}" if line else message
    return message
