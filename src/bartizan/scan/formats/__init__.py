"""Readers of artefact formats, one a file.

Owns: telling a format by its bytes, and reading it as data.
Does not own: files, archives' depth and budgets, findings; a reader yields notes and the engine does the rest.
To add one: a file with a frozen dataclass of `Format`, its `meta`, `recognises` and `read`.
"""
