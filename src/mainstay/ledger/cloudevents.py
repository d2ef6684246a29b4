"""Records as CloudEvents 1.0 in JSON, one on each line, and back with the same digests (requirement O7).

    id        stream@sequence       position, sequence, eventversion, codec    where it stands, and how it is coded
    source    the history           actor, cause, plan                         who, because of what, in which plan
    type      mainstay.event.KIND   digest, bodydigest                         its link of the chain, in hex
    subject   the stream            timeus                                     microseconds of a year no calendar has
    time      of its recording      bodybase64                                 the body, where JSON can't give it back

Attributes that are empty are left out. Besides records a file holds a line for its beginning, one for each person's
key and each blob, and one for its end: their types are in `OTHER`.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from mainstay.ledger import chain, plainjson
from mainstay.ledger.chain import StoredRecord
from mainstay.ledger.codec import CODEC_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

SPEC = "1.0"
EVENT = "mainstay.event."
BEGIN, PERSON, BLOB, END = OTHER = ("mainstay.begin", "mainstay.person", "mainstay.blob", "mainstay.end")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Line: TypeAlias = "dict[str, Any]"

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(dict[str, Any])


def source_of(first_digest: bytes) -> str:
    """Name a history by the digest of its first record: it stays the same wherever the history goes."""
    return f"urn:mainstay:history:{first_digest.hex()[:32]}"


def other(kind: str, ident: str, source: str, data: object, **more: object) -> Line:
    """Make a line that is no record."""
    data_of = {} if data is None else {"datacontenttype": "application/json", "data": data}
    return {"specversion": SPEC, "id": ident, "source": source, "type": kind, **more, **data_of}


def line_of(record: StoredRecord, source: str) -> Line:
    """Make the line of a record whose body is whole."""
    body_digest = blake2b(record.body, digest_size=32).hexdigest()
    data = plainjson.to_json(record.body)
    given = {
        "specversion": SPEC,
        "id": f"{record.stream}@{record.sequence}",
        "source": source,
        "type": f"{EVENT}{record.kind}",
        "subject": record.stream,
        **_time_of(record.recorded_at_us),
        "position": record.position,
        "sequence": record.sequence,
        "eventversion": record.version,
        "codec": CODEC_VERSION,
        "actor": record.actor,
        "cause": record.cause,
        "plan": record.plan,
        "digest": record.digest.hex(),
        "bodydigest": body_digest,
        **({"bodybase64": b64encode(record.body).decode()} if data is None else {}),
    }
    content = {} if data is None else {"datacontenttype": "application/json", "data": data}
    return {name: value for name, value in given.items() if value != ""} | content


def record_of(line: Mapping[str, Any]) -> StoredRecord:
    """Read a record back. Raises ValueError, in words, where the line is not what `line_of` makes of that record."""
    try:
        body = b64decode(line["bodybase64"]) if "bodybase64" in line else plainjson.from_json(line["data"])
        record = StoredRecord(
            line["position"],
            line.get("subject", ""),
            line["sequence"],
            line["type"].removeprefix(EVENT),
            line["eventversion"],
            _time_us(line),
            line.get("actor", ""),
            line.get("cause", ""),
            line.get("plan", ""),
            body,
            bytes.fromhex(line["digest"]),
        )
        same = as_json(line_of(record, line["source"])) == as_json(line)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, msgspec.MsgspecError) as error:
        raise ValueError(f"it is no record of a history ({error})") from None
    if not same:
        raise ValueError("it was altered")
    return record


def is_link(record: StoredRecord, previous: bytes) -> bool:
    """Whether a record follows the one with this digest, unaltered."""
    return hmac.compare_digest(chain.link(previous, record.position, record[1:9], record.body), record.digest)


def as_json(line: Mapping[str, Any]) -> bytes:
    """Give a line's bytes, the attributes in one order."""
    return _encoder.encode(dict(sorted(line.items())))


def parse(line: bytes) -> Line:
    """Read a line; raises ValueError, in words, when it is no CloudEvent of this kind."""
    try:
        found = _decoder.decode(line)
    except msgspec.MsgspecError as error:
        raise ValueError(f"it is no JSON object ({error})") from None
    if found.get("specversion") != SPEC or not all(
        isinstance(found.get(name), str) for name in ("id", "source", "type")
    ):
        raise ValueError("it is no CloudEvent")
    return found


def _time_of(at_us: int) -> dict[str, str]:
    try:
        return {
            "time": (_EPOCH + timedelta(microseconds=at_us)).isoformat(timespec="microseconds").replace("+00:00", "Z")
        }
    except OverflowError:
        return {"timeus": str(at_us)}


def _time_us(line: Mapping[str, Any]) -> int:
    if "timeus" in line:
        return int(line["timeus"])
    return (datetime.fromisoformat(line["time"]) - _EPOCH) // timedelta(microseconds=1)
