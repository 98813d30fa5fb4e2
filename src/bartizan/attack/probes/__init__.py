"""A shelf of the attack room: what is tried, as TOML records.

Owns: one file each, found by `registry.scan`.
Does not own: the base class, which is `Probe` in `attack/probe.py`.
To add one: a file here whose name is the tail of its id; nothing else changes.
"""
