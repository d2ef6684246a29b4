-- The ledger itself. Streams are interned: the index that guards (stream, sequence) then holds small integers,
-- and the streams in use lie side by side at its end.
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE stream (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- One row per event, appended in the order of `position`, never changed. `digest` is the link of the chain.
CREATE TABLE event (
    position INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    recorded_at_us INTEGER NOT NULL,
    actor TEXT NOT NULL,
    cause TEXT NOT NULL,
    plan TEXT NOT NULL,
    body BLOB NOT NULL,
    digest BLOB NOT NULL,
    UNIQUE (stream, sequence)
) STRICT;

-- Which projections the tables beside these were made by.
CREATE TABLE projection (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    schema TEXT NOT NULL,
    tables TEXT NOT NULL -- names, separated by spaces
) STRICT, WITHOUT ROWID;
