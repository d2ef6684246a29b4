"""One sheet of paper as HTML: an invoice or a credit note, to be opened, printed and kept. Texts stay texts."""

from __future__ import annotations

from html import escape

import msgspec

_STYLE = (
    "body{font:11pt/1.45 sans-serif;max-width:42em;margin:3em auto;color:#111}"
    "table{width:100%;border-collapse:collapse}"
    "td{padding:.3em 0;border-bottom:1px solid #ccc;vertical-align:top}"
    "td:last-child{text-align:right;white-space:nowrap}"
    "tfoot td{border:0;font-weight:bold}.from{color:#555}"
)


class Sheet(msgspec.Struct, frozen=True):
    """What stands on it, in order; names and values in pairs."""

    title: str
    issuer: tuple[str, ...]
    customer: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    lines: tuple[tuple[str, str], ...]
    totals: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()


def html_of(sheet: Sheet) -> bytes:
    """Write it: the same bytes for the same content."""
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(sheet.title)}</title>',
        f"<style>{_STYLE}</style></head><body>",
        f'<p class="from">{_lines(sheet.issuer)}</p>',
        f"<p>{_lines(sheet.customer)}</p>",
        f"<h1>{escape(sheet.title)}</h1>",
        f"<p>{_lines(tuple(f'{name}: {value}' for name, value in sheet.facts))}</p>",
        f"<table><tbody>{_rows(sheet.lines)}</tbody><tfoot>{_rows(sheet.totals)}</tfoot></table>",
        *(f"<p>{_lines((note,))}</p>" for note in sheet.notes),
        "</body></html>\n",
    ]
    return "\n".join(parts).encode()


def _lines(texts: tuple[str, ...]) -> str:
    return "<br>".join(escape(line) for text in texts for line in text.splitlines())


def _rows(pairs: tuple[tuple[str, str], ...]) -> str:
    return "".join(f"<tr><td>{_lines((name,))}</td><td>{escape(value)}</td></tr>" for name, value in pairs)
