"""What is shown in QGIS's window; nothing here is loaded without one."""
