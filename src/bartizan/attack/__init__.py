"""Red teaming: an attempt is a target, an objective, a delivery channel, a mutator and a judge, each a part of its own.

Owns: probes, mutators, drivers, judges, the plan, the one engine over all attempts, rates and the findings they make.
Does not own: speaking HTTP (`llm/`), keeping what was tried (`jobs/` and `store/`), the practice lab (`lab/`).
To add one: a TOML record in `probes/`, or a frozen dataclass with a `meta` in `mutators/`, `drivers/` or `judges/`.
"""
