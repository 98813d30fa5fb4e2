"""What is known of callables that pickles name, one file a framework.

Owns: which callables only make data, which run code, and which carry code with them.
Does not own: the checks of arguments (`judge.py`), reading pickles.
To add one: a TOML file with an `id` of `callables.NAME` and tables `harmless`, `code`, `dangerous`: module to names.
"""
