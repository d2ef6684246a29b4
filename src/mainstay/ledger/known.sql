-- What was learned from the operator's answers: whole records, by their ids. What was taken back says so.
CREATE TABLE known_record (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,    -- payer layout
    record TEXT NOT NULL,  -- JSON
    plan TEXT NOT NULL,
    path TEXT NOT NULL,
    removed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
