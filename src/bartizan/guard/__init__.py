"""Deciding what happens to content: signals and a policy in, a verdict with its reasons out.

Owns: policies on the shelf `policies/`, how verdicts combine, redaction, the failure policy, the guard of streams.
Does not own: finding signals (`detect/`), sockets (`gateway/`), keeping verdicts (`store/`).
To add one: a TOML file in `policies/`, whose name is its id; `docs/policies.md` explains every key.
"""
