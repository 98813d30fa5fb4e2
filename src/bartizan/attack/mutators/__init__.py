"""A shelf of the attack room: how a payload is disguised.

Owns: one file each, found by `registry.scan`.
Does not own: the base class, which is `Mutator` in `attack/mutator.py`.
To add one: a file here whose name is the tail of its id; nothing else changes.
"""
