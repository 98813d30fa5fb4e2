-- The records, in order, exactly as they were appended. `body` is JSON, `hash` the chain up to and with this record.
CREATE TABLE entries (
    sequence INTEGER PRIMARY KEY,
    body BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT;

-- Signed checkpoints. The last one is renewed in each transaction that appends; the earlier ones are kept for good.
-- `frontier` holds the roots of the full subtrees at that size, from which the Merkle tree grows on.
CREATE TABLE checkpoints (
    size INTEGER PRIMARY KEY,
    note TEXT NOT NULL,
    frontier BLOB NOT NULL
) STRICT;
