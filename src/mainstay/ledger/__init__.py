"""The history on disk. Start reading at `sqlite.py`: one append, from the queue to the commit.

    writing     sqlite, batch, codec, chain; checkpoint; database (opens the file), lock (one owner), disk, trouble
    reading     reader; projections keeps tables made of facts: views, books, known; queries, places, outside, traces
    size        blobs (large values), segments (old bodies); archive, collect and sizes care for both
    is it whole head (where it ended, and on which file), anchor, anchor_places, signing (outside), repair (lists)
    keys        keys, keeping (file, keyring, passphrase), passphrase; people (a key for each person)
    secrets     vault (passwords of outside services, beside the workspace's key)
    elsewhere   backup and restore in chunks; exporting and importing as cloudevents with plainjson

Engine and kernel reach it through `ports` only.
"""
