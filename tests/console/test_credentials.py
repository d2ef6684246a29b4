"""What is known of credentials: when a certificate expires, and where nobody can know."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from cli_desk import new_desk
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mainstay.config import Config
from mainstay.values import DAY_S, SECOND_US
from mainstay.views.credentials import credentials
from mainstay.views.settings import SECTIONS, settings
from mainstay.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_desk(tmp_path_factory.mktemp("settings")).folder


UNTIL = dt.datetime(2027, 3, 1, 12, tzinfo=dt.UTC)


def certificate() -> bytes:
    """Make one that expires then."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "office.example.com")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, UNTIL - dt.timedelta(days=90), UNTIL)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_o1_a_certificate_says_when_it_expires_and_before_it_does_and_a_file_that_is_none_says_so(tmp_path: Path):
    desk = new_desk(tmp_path)
    file = desk.folder / "office.pem"
    config = desk.folder / "mainstay.toml"
    config.write_text(f'{config.read_text()}\n[api]\ncertificate = "{file}"\nkey = "{file}"\n')
    workspace, until_us = Workspace(desk.folder), int(UNTIL.timestamp()) * SECOND_US
    file.write_bytes(certificate())
    for before_days, state in ((31, "kept"), (29, "soon"), (-1, "expired")):
        (found,) = credentials(workspace, until_us - before_days * DAY_S * SECOND_US)
        assert (found["state"], found["expires"][:16]) == (state, "2027-03-01T12:00")
    file.write_bytes(b"nothing of the kind")
    (found,) = credentials(workspace, until_us)
    assert (found["state"], found["expires"]) == ("unreadable", "")
    assert found["says"].startswith("not known")


def test_every_section_of_mainstay_toml_is_explained_and_every_line_of_it(tmp_path: Path):
    assert set(SECTIONS) == set(Config.__struct_fields__)
    shown = {one["name"]: one["lines"] for one in settings(Workspace(new_desk(tmp_path).folder))["sections"]}
    for name, lines in shown.items():
        named = isinstance(getattr(Config(), name), dict)
        assert all(line["means"] or named for line in lines), name


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("ntfys://ntfy.sh/secret:topic", "ntfys at ntfy.sh"),
        ("ntfys://me:secret:pw@ntfy.example.com:8443/notes", "ntfys at ntfy.example.com"),
        ("tgram://secret:telegram/12345678", "tgram"),
        ("tgram://123456:AAbb/9", "tgram"),
        ("tgram://123456:AAbb/secret:chat", "tgram"),
        ("slack://T0/B0/XXX", "slack"),
        ("pover://user@token/secret:device", "pover"),
        ("mailto://u@example.com?pass=word", "mailto"),
        ("json://example.com/x?+Authorization=word", "json"),
        ("ntfys://ntfy.sh/a-topic", "ntfys"),
    ],
)
def test_settings_name_a_place_outside_without_what_may_let_somebody_in(workspace: Path, address: str, says: str):
    config = workspace / "mainstay.toml"
    before = config.read_text().partition("\n[notify.to]")[0]
    config.write_text(f'{before}\n[notify.to]\nphone = "{address}"\n')
    (notify,) = [one for one in settings(Workspace(workspace))["sections"] if one["name"] == "notify"]
    (place,) = [line["value"] for line in notify["lines"] if line["name"] == "to"]
    assert place == f"phone: {says}"
