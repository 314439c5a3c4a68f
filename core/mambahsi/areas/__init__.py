"""Accuracy and class areas from a probability sample of a map's pixels.

A map's own pixel counts are biased areas, because the map is wrong somewhere; and accuracy
counted over sample points alike is biased where rare classes were sampled more densely. Both
are put right by estimators that know the sampling design:

- :mod:`~mambahsi.areas.estimators`: the estimators and their standard errors.
- :mod:`~mambahsi.areas.pixel_area`: how much ground a pixel covers.
- :mod:`~mambahsi.areas.sample_size`: how many points, and how many in each stratum.
- :mod:`~mambahsi.areas.drawing`: drawing the points from a map of any size.
- :mod:`~mambahsi.areas.sample_file`: the points as a GeoPackage with a form to fill in.
- :mod:`~mambahsi.areas.reading`: the points, interpreted, against a map.
- :mod:`~mambahsi.areas.results`: what is reported, as JSON and CSV.
"""
