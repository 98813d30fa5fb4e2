"""Topics of one's own, told by example sentences.

Owns: how alike two sentences are, and how a few examples and counter-examples become a score that means something.
Does not own: the encoder whose vectors it uses where they are there (`detect/models`), and the section of the
configuration (`config.py`).
To add one: a table `detect.topics.NAME` in the configuration; nothing here.
"""
