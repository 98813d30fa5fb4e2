"""Bartizan: security for AI systems over their whole life.

`ls` is the architecture: a room is a verb where the product acts and a noun where it is infrastructure.
See docs/architecture.md for the plan of the house.
"""

from importlib.metadata import version

__version__ = version("bartizan")
__all__ = ["__version__"]
