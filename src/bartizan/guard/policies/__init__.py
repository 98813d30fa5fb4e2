"""The shelf of policies.

Owns: one policy a file, with the reason of each of its rules.
Does not own: how rules are matched and combined (`guard/rulebook.py`, `guard/decision.py`).
To add one: copy the neighbour that is most like it; the file's name is the policy's id.
"""
