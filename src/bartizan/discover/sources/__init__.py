"""Places where AI shows itself, one a file.

Owns: reading one kind of file for sightings of AI assets.
Does not own: which providers there are (`catalogue.toml`), walking, merging.
To add one: a file with a frozen dataclass of `Source`, its `meta`, `wants` and `read`.
"""
