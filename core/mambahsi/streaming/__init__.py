"""Classifying a scene that does not fit into memory, with the same result.

The network spans the whole scene in two ways. The spatial scan and its convolution run over
all pixels, row by row, but *causally*: what they need of the rows above is a small state, which
is carried from one strip of rows to the next. A normalization layer needs the mean and variance
of its input over all pixels, so nothing behind it can be computed before its input has been
seen whole: each of them costs one more pass.

Between the passes, features lie in files (:mod:`~mambahsi.streaming.spool`); which pass reads
and writes what is told in :mod:`~mambahsi.streaming.passes`, the arithmetic of one strip is in
:mod:`~mambahsi.streaming.stages`, and how large a strip may be in
:mod:`~mambahsi.streaming.plan`.
"""
