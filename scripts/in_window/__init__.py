"""QGIS's window, operated as a person does; used by the sessions that QGIS runs."""
