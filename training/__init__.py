"""How the detection models are made: data recipes, training, evaluation. `python -m training` runs all of it."""
