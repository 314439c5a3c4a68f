"""Places in the tables with which the kernels between the Mamba blocks are told what to do.

A group normalization reaches them as a table of rows: scale; shift; center, the mean of the
channel's group; and for the gradient two numbers by which the gradient of b depends on those of
all pixels: with dn the gradient of n = b * scale + shift, it is
dn * scale + offset + slope * (b - center).
"""

SCALE, SHIFT, CENTER, OFFSET, SLOPE = range(5)
"""Rows of a normalization's table."""

INPUT, SPATIAL, SPECTRAL = range(3)
"""Places of the input's and the branches' factors."""
