"""Training and classifying in windows, for scenes too large to train whole.

Normalization layers and the spatial scan span whatever the network is given, so a network
that was trained on windows knows windows, and is applied to windows of the same size. Only
what lies around labels is trained on, at a place that is drawn anew in every epoch; a map is
made of windows that overlap and are blended.

- :mod:`~mambahsi.windows.placement` decides where windows lie;
- :mod:`~mambahsi.windows.tiles` reads them, and keeps what was read in 8 bits;
- :mod:`~mambahsi.windows.training` and :mod:`~mambahsi.windows.inference` do the rest.
"""
