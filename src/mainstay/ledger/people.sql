-- The keys of people (KERNEL L3): what is about a person can be read as long as the key is here. No projection: what
-- stands here can't be made anew. No names either: a name is an HMAC under the workspace's key.
CREATE TABLE IF NOT EXISTS person_key (
    id TEXT PRIMARY KEY,       -- random
    kind TEXT NOT NULL,        -- person; text: of one plan's texts about several people; file: of one file given as input
    wrapped BLOB,              -- nonce and key, encrypted under the workspace's key; NULL once destroyed
    destroyed_at_us INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS person_name (
    name BLOB NOT NULL,
    key_id TEXT NOT NULL,
    made INTEGER NOT NULL,     -- 1: the key was made for this name; 0: the name was met beside it, or is of what they did
    PRIMARY KEY (name, key_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS person_name_key ON person_name (key_id);
-- What was forgotten, until the history holds the receipt: written in the transaction that destroys the keys.
CREATE TABLE IF NOT EXISTS person_receipt (
    id TEXT PRIMARY KEY,
    receipt TEXT NOT NULL      -- JSON of the fact
) STRICT, WITHOUT ROWID;
