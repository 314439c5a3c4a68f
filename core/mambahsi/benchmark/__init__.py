"""Benchmarks: the same run many times over, and what came of it in one table.

A *run* is one method on one scene with one division of its labels: an ordinary training and an
ordinary classification, as any user starts them, so that the figures are those of the code
that users have. What is added here is the bookkeeping around runs:

- :mod:`~mambahsi.benchmark.methods` names what is compared, as fields of a training;
- :mod:`~mambahsi.benchmark.protocols` divides labels, as fields of a training, too;
- :mod:`~mambahsi.benchmark.prepare` and :mod:`~mambahsi.benchmark.scenes` import a scene, and tell
  it apart by its content;
- :mod:`~mambahsi.benchmark.seed` does what is missing of one run, and nothing again;
- :mod:`~mambahsi.benchmark.fit` decides whether what lies there belongs to the run;
- :mod:`~mambahsi.benchmark.work` counts parameters and floating-point operations;
- :mod:`~mambahsi.benchmark.pictures` draws the map beside the ground truth, and
  :mod:`~mambahsi.benchmark.result` writes all figures of a run;
- :mod:`~mambahsi.benchmark.published` holds figures of others;
- :mod:`~mambahsi.benchmark.summary` and :mod:`~mambahsi.benchmark.tables` put all together.
"""
