"""Use cases: run an engine, append what it yields to the ledger, report progress.

Owns: the order of things, batches, the summary of a run.
Does not own: the engines' logic, what the ledger does with a record, printing.
To add one: a file with `run(...)` that takes the ledger and a `Progress` by keyword and returns a frozen summary.
"""
