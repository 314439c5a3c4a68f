"""PyQt6 where QGIS has its own package of this name, for the parts that need nothing of QGIS."""
