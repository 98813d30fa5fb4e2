"""Generated training data, a module a recipe.

Owns: `rows(random)` of each module, which yields rows; phrase tables lie in `training/phrases/`.
Does not own: the shared data, sampling, splits.
To add one: a module with `rows(random: Random) -> Iterator[Row]` and, where it enumerates, a TOML table of its name.
"""
