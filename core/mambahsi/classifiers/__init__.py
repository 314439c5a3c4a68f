"""Classifiers of single pixels beside the network: a random forest and a support vector machine.

They see the same normalized bands of the same training pixels, are chosen on the same
validation pixels and tested on the same test pixels, so that it can be told whether the
network, which sees the neighborhood too, is worth its time. Each is fitted by scikit-learn
(``*_fitting.py``), is a handful of plain arrays in the model file, and comes back from them
checked (``forest.py``, ``svm.py``): reading a model executes nothing, and whatever the arrays
hold, at worst an error is raised.

Like the network's logits, *scores* are what a classifier says of each class; calibrated
probabilities follow from them alike (see :mod:`mambahsi.certainty`).

scikit-learn takes a while to import. Nothing that a network alone needs imports it.
"""

from __future__ import annotations

from mambahsi.jobs import NETWORK

BACKEND = "scikit-learn"
"""What a model file and a map name in the place of the network's scan."""

TITLES = {NETWORK: "MambaHSI", "forest": "random forest", "svm": "support vector machine"}
"""What the classifiers are called in sentences, by their names in a job."""

PIXELWISE = tuple(name for name in TITLES if name != NETWORK)
"""The classifiers of single pixels."""
