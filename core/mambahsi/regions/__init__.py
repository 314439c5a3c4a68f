"""Regions of a map: pixels of one class that hang together.

A map becomes polygons in steps that never hold all its pixels: its regions are labeled strip by
strip (:mod:`mambahsi.regions.labeling`), small ones are given to their neighbors by looking at
regions alone (:mod:`mambahsi.regions.merging`), and GDAL draws outlines around the labels
(:mod:`mambahsi.regions.outlines`). What has to fit into memory is regions and outlines.

GDAL has a sieve filter of its own, which is not used: it counts pixels, and in degrees hectares are
not a number of pixels; it leaves small regions alone that have only small neighbors, so the result
has no minimum mapping unit; and it holds the whole raster.
"""
