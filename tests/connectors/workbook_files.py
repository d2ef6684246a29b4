"""Workbooks for tests, written by hand."""

from __future__ import annotations

import io
import zipfile

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
STYLES = f"""<styleSheet xmlns="{MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="dd/mm/yyyy"/></numFmts>
<cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="22"/></cellXfs></styleSheet>"""
DAY, TIME = 1, 2  # styles
APRIL_3 = 46115  # 2026-04-03 as Excel counts days from 1900


def cell(place: str, value: object) -> str:
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'
    if isinstance(value, tuple):
        return f'<c r="{place}" s="{value[1]}"><v>{value[0]}</v></c>'
    return "" if value is None else f'<c r="{place}"><v>{value}</v></c>'


def rows(*lines: list[object], first: int = 1) -> str:
    return "".join(
        f'<row r="{n}">' + "".join(cell(f"{'ABCDEFGH'[at]}{n}", value) for at, value in enumerate(line)) + "</row>"
        for n, line in enumerate(lines, first)
    )


def workbook(
    *bodies: str, states: tuple[str, ...] = (), extra: dict[str, bytes] | None = None, flag: str = ""
) -> bytes:
    """Write a workbook by hand: each body is what stands in a sheet's data."""
    names = [f'<sheet name="Sheet {n}" sheetId="{n}" r:id="r{n}"' for n in range(1, len(bodies) + 1)]
    names = [f'{name} state="{states[n] if n < len(states) else "visible"}"/>' for n, name in enumerate(names)]
    links = [
        f'<Relationship Id="r{n}" Type="{LINKS}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(bodies) + 1)
    ]
    parts = {
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{LINKS}">{flag}<sheets>'
        f"{''.join(names)}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">{"".join(links)}</Relationships>',
        "xl/styles.xml": STYLES,
    }
    for n, body in enumerate(bodies, 1):
        parts[f"xl/worksheets/sheet{n}.xml"] = f'<worksheet xmlns="{MAIN}"><sheetData>{body}</sheetData></worksheet>'
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in {**parts, **(extra or {})}.items():
            archive.writestr(name, part)
    return packed.getvalue()
