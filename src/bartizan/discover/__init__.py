"""Finding the AI in a folder: libraries, services, models, MCP servers and the application that uses them.

Owns: walking a folder, the sources that read it, the catalogue of known providers, merging what was seen twice.
Does not own: judging what was found, saving it.
To add one: a file on `sources/` with a frozen dataclass of `Source`; a provider is a record in `catalogue.toml`.
"""
