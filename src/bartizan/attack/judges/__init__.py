"""A shelf of the attack room: how an answer is scored.

Owns: one file each, found by `registry.scan`.
Does not own: the base class, which is `Judge` in `attack/judge.py`.
To add one: a file here whose name is the tail of its id; nothing else changes.
"""
