"""Pictures of screens for the docs: small, and the same from run to run as far as the screens are.

What differs each time without saying anything (ids, moments, digests) is written over before a picture is taken.
"""

from __future__ import annotations

import base64
import struct
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from playwright.sync_api import Page

COLOURS = 16
_WRITE_OVER = r"""() => {
  const day = 86400000, today = new Date().toISOString().slice(0, 10), first = Date.parse("2026-11-02");
  const moved = (text) => {
    const by = (Date.parse(text) - Date.parse(today)) / day;
    return by >= -8 && by < 400 ? new Date(first + by * day).toISOString().slice(0, 10) : text;
  };
  const plain = (text) => text
    .replace(/\b(\d{4}-\d\d-\d\d)([ T])\d\d:\d\d/g, (_, one, gap) => moved(one) + gap + "09:30")
    .replace(/\b\d{4}-\d\d-\d\d\b/g, moved)
    .replace(/\b\d\d:\d\d:\d\d\b/g, "09:30:00")
    .replace(/\/tmp\/\S*?\/acme\b/g, "~/acme")
    .replace(/\b[0-9a-f]{12,}\b/g, (one) => "0".repeat(one.length))
    .replace(/\b(?=[a-z0-9]*\d)(?=[a-z0-9]*[a-z])[a-z0-9]{10}\b/g, "a1b2c3d4e5")
    .replace(/\b[0-9a-f]{4}(-[0-9a-f]{4}){3,}\b/g, (one) => one.replace(/[0-9a-f]/g, "0"))
    .replace(/\b\d+(\.\d+)? (ms|s)\b/g, "0.1 s")
    .replace(/\b\d+ seconds?\b/g, "5 seconds")
    .replace(/\bin \d+:\d\d:\d\d\b/g, "in 4:00:00");
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode, text = plain(node.data);
    if (text !== node.data) node.data = text;
  }
  for (const field of document.querySelectorAll("input[type=date]")) field.value = "";
}"""
_FEWER_COLOURS = """async ([text, most]) => {
  const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const canvas = new OffscreenCanvas(image.width, image.height), brush = canvas.getContext("2d");
  brush.drawImage(image, 0, 0);
  const seen = new Uint32Array(brush.getImageData(0, 0, image.width, image.height).data.buffer), counts = new Map();
  for (const one of seen) counts.set(one, (counts.get(one) || 0) + 1);
  const parts = (one) => [one & 255, (one >> 8) & 255, (one >> 16) & 255];
  const bright = (one) => Math.max(...parts(one)) - Math.min(...parts(one)) > 40; // few, and they say much
  const often = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]).map(([one]) => one);
  const first = often.slice(0, most - 5);
  const palette = [...first, ...often.filter((one) => bright(one) && !first.includes(one)).slice(0, 5)];
  const held = palette.map(parts), nearest = new Map();
  const near = (one) => {
    const [r, g, b] = parts(one);
    let best = 0, least = Infinity;
    held.forEach(([x, y, z], at) => {
      const far = (x - r) ** 2 + (y - g) ** 2 + (z - b) ** 2;
      if (far < least) { least = far; best = at; }
    });
    return best;
  };
  const out = new Uint8Array(seen.length);
  seen.forEach((one, at) => { if (!nearest.has(one)) nearest.set(one, near(one)); out[at] = nearest.get(one); });
  let whole = "";
  for (let at = 0; at < out.length; at += 32768) whole += String.fromCharCode(...out.subarray(at, at + 32768));
  return { width: image.width, height: image.height, palette: held.flat(), pixels: btoa(whole) };
}"""


def take(page: Page, file: Path) -> None:
    """Take a picture of what is seen at the top of a page."""
    page.evaluate("document.fonts.ready")
    page.evaluate("scrollTo(0, 0)")
    page.evaluate(_WRITE_OVER)
    shot = page.screenshot(animations="disabled", caret="hide")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_png(page.evaluate(_FEWER_COLOURS, [base64.b64encode(shot).decode(), COLOURS])))


def _png(image: Mapping[str, Any]) -> bytes:
    """Write a picture with a palette."""
    width, pixels = image["width"], base64.b64decode(image["pixels"])
    rows = b"".join(b"\0" + pixels[at : at + width] for at in range(0, len(pixels), width))
    head = struct.pack(">IIBBBBB", width, image["height"], 8, 3, 0, 0, 0)
    parts = ((b"IHDR", head), (b"PLTE", bytes(image["palette"])), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_part(name, content) for name, content in parts)


def _part(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
