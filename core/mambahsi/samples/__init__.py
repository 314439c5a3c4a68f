"""Are the samples any good? What labeled pixels tell before anything is trained on them.

- :mod:`~mambahsi.samples.reading`: the spectra of the labeled pixels, and no more of the scene;
- :mod:`~mambahsi.samples.signatures`: mean and spread of each class over the bands;
- :mod:`~mambahsi.samples.separability`: how far apart the classes are, each of the ``pairs``;
- :mod:`~mambahsi.samples.findings`: what a colleague would point at on the screen;
- :mod:`~mambahsi.samples.figures`, ``chart``, ``report``: the same as JSON, CSV and HTML.

No PyTorch here: the answer is wanted while polygons are being drawn.
"""
