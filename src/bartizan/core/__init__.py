"""The nouns of Bartizan as frozen records.

Owns: assets, findings, attempts, segments, signals, verdicts, events, credentials; their ids, severity and tags.
Does not own: I/O, or what any engine does with a noun.
To add one: a file here with a `LedgerRecord` subclass; the ledger, every page's JSON and the contract tests follow.
"""
