"""A practice lab: deliberately weak AI applications behind an OpenAI-compatible API, to attack and to learn on.

Owns: the simulated model, its weaknesses, its world of documents, mails and files, the answer key at `/lab/profile`.
Does not own: production code paths, the attacks on it (`attack/`), real models; its model is a simulator and says so.
To add one: a table in `applications.toml`; a document in `documents/`; a weakness in `temper.toml`.
"""
