"""The tab “Samples”: spectra, separability and warnings of the polygons as they are now.

``panel`` is what is seen and ``view`` its widgets. ``check`` runs the engine in the background;
``order`` makes the job for it; ``figures`` is what it found, which ``spectra`` and ``matrix``
show.
"""
