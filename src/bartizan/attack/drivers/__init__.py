"""A shelf of the attack room: how a conversation is led.

Owns: one file each, found by `registry.scan`.
Does not own: the base class, which is `Driver` in `attack/driver.py`.
To add one: a file here whose name is the tail of its id; nothing else changes.
"""
