"""Signs that an input of a model of images, sounds or tables was perturbed, or is none of those it was made for.

Owns: pure functions over arrays, for callers that have a `predict`, logits, features or rows.
Does not own: the models, and what is done about a score (`monitor/`, `guard/`).
To add one: a function in the file of its kind that returns one score a row, higher for what is more suspicious.
"""
