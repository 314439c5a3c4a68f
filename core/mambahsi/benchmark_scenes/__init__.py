"""The literature's benchmark scenes: what is known of them, reading their files, importing them.

Their cubes may not be redistributed, so users bring the files that they have: MATLAB's of version 5
or 7.3, NumPy's, ENVI's or GeoTIFFs. :func:`find_scene` recognizes what lies there, and
:func:`import_scene` makes of it a scene and polygons such as a user of a GIS would have, so that
whatever is measured on a benchmark scene is measured on the way that all other scenes take.
"""

from __future__ import annotations

from mambahsi.benchmark_scenes.catalog import BenchmarkScene, catalog
from mambahsi.benchmark_scenes.importing import ImportedScene, import_scene
from mambahsi.benchmark_scenes.recognize import SceneFiles, find_scene

__all__ = [
    "BenchmarkScene",
    "ImportedScene",
    "SceneFiles",
    "catalog",
    "find_scene",
    "import_scene",
]
