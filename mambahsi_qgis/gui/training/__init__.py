"""Training from the dock: a run in the background, its curve, and its map in the canvas.

``panel`` is what is seen. ``trainer`` holds the state of the run, which does not depend on
anything being seen, and ``run_folder``
is where the run's files lie, from which it can be resumed.
"""
