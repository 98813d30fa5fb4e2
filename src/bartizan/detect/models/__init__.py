"""The learned stages of detection.

Owns: how text becomes units and tokens, the linear stage, the encoder stage, their calibration, and the weights.
Does not own: training (`training/` of the repository), and which detectors the heads stand for (`detect/detectors`).
To add one: a head in `training/`, trained, and a record on the shelf of detectors that names it.
"""
