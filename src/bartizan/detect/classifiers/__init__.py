"""Sequence classifiers of one's own, named by the configuration.

Owns: opening an exported model with its tokenizer and labels, windows over long texts, and the cache of its answers.
Does not own: the models that ship (`detect/models`), and the section of the configuration (`config.py`).
To add one: a table `detect.classifiers.NAME` in the configuration; nothing here.
"""
