"""Content in, signals out.

Owns: the one-pass engine, the normaliser that unwraps hidden text, and the detectors on the shelf `detectors/`.
Does not own: what to do about a signal (`guard/`), or where content comes from.
To add one: a TOML record (patterns) or a Python file (patterns with computed validation) in `detectors/`; nothing else.
"""
