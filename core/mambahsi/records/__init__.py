"""The record of a run: what went in, how it was done, what came out; enough to repeat it.

A run leaves ``OUTPUT.record.json`` beside its main output. It holds the whole job, the digest
of every file that was read and written, machine, versions, device, threads and plan, and the
results. A training leaves ``MODEL.split.tif``, too: which pixels it trained on, chose by and
was tested on, and of which class they are. A rerun takes the labels from there, because their
layer may be gone: what QGIS hands over is a temporary copy of a layer that may exist nowhere
else.

:mod:`~mambahsi.records.record` is the file, :mod:`~mambahsi.records.digests` tells files apart,
:mod:`~mambahsi.records.sources` finds the files of a job, :mod:`~mambahsi.records.split_raster`
writes and reads the split, :mod:`~mambahsi.records.replay` makes the job of a rerun, and
:mod:`~mambahsi.records.comparison` says how far apart two runs are.
"""
