"""The ledger: what every room records, in order, so that nothing can be changed, dropped or added unseen.

Owns: the SQLite file, its hash chain, Merkle tree and signed checkpoints; current state as a view; the only SQL.
Does not own: what records mean, or any analysis of them.
To add one: a numbered SQL file in `migrations/` for a table; a line in `view.INDEXES` for a field to be found by.
"""
