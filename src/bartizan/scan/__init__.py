"""Reading artefacts without running them.

Owns: walking a folder, recognising formats by content, the readers of formats, the verdict on each artefact.
Does not own: running or converting an artefact, saving what was found, finding assets that are not files.
To add one: a file on `formats/` with a frozen dataclass of `Format` and its `meta`; the engine finds it.
"""
