"""The shelf of detectors.

Owns: one detector a file: patterns, tags, severity, false-positive note, examples that must and must not hit.
Does not own: how patterns are run, located and unwrapped (`detect/engine.py`).
To add one: copy the neighbour that is most like it; the file's name is the tail of the id.
"""
