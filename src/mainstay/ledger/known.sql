-- What was learned from the operator's answers: whole records, by their ids. What was taken back says so.
CREATE TABLE known_record (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,    -- payer layout
    record BLOB NOT NULL,  -- as recorded, with the plan it was learned in
    removed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
