"""The web console: what the ledger knows, on pages that a person can act on.

Owns: pages, their JSON twins, log-in, sessions, the look. A strict content security policy; no script or style inline.
Does not own: queries in SQL (`store`), or what any engine decides.
To add one: a file on `pages/` with a context record, its function and `PAGE`; beside it a template of the same name.
"""
