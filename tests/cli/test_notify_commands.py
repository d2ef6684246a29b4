"""`mainstay notify test`: each way is tried, with its secrets, and what became of it is said."""

from __future__ import annotations

import base64
import importlib.util
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "runtime"))

from test_attention import configured
from test_notify import Place

CANARY = "canary-9f2c-word"


@pytest.mark.skipif(importlib.util.find_spec("apprise") is None, reason="it is newer than this environment: make setup")
def test_s55_s59_each_way_is_tried_with_a_secret_that_goes_to_its_host_only(desk, tmp_path):
    words = tmp_path / "passphrase"
    words.write_text("a passphrase of some words\n")
    words.chmod(0o600)
    desk.env["MAINSTAY_PASSPHRASE_FILE"] = str(words)
    with Place().listening() as place:
        configured(desk, f'[notify.to]\nphone = "json://me:secret:pw@{place.at}/x"\ngone = "json://127.0.0.1:1/x"')
        without = desk.json("notify", "test", "phone", status=1)
        (missing,) = desk.json("connectors")["credentials"]
        assert (missing["name"], missing["state"], missing["next"]) == ("pw", "missing", "mainstay secret set pw")
        assert "the secret 'pw', and there is none" in desk.run("doctor").stdout
        kept = desk.run("secret", "set", "pw", stdin=CANARY)
        assert (kept.returncode, "Kept, for 127.0.0.1 and notify only." in kept.stdout) == (0, True), kept.stderr
        assert "Try it with: mainstay notify test" in kept.stdout
        assert "mainstay notify test" in desk.run("secret", "test", "pw").stderr
        assert desk.json("connectors")["credentials"][0]["next"] == "mainstay notify test"
        shown = desk.run("notify", "test")
        rows = {row["way"]: row for row in desk.json("notify", "test", status=1)["ways"]}
        (headers, body), *_ = place.heard
    assert "There is no secret 'pw'" in without["ways"][0]["why"]
    assert (rows["phone"]["taken"], rows["gone"]["taken"]) == (True, False)
    assert rows["gone"]["why"]
    assert base64.b64decode(headers["Authorization"].partition(" ")[2]).decode() == f"me:{CANARY}"
    assert body["title"].startswith("Mainstay: This is a test")
    assert "phone: it took the message." in shown.stdout
    assert CANARY not in shown.stdout + shown.stderr + (desk.folder / "mainstay.toml").read_text()
    assert desk.run("notify", "test", "nowhere").returncode == 2
