#!/usr/bin/env bash
# Checks that the plugin is ready for Qt 6: no enum without its scope, no exec_, no PyQt but
# qgis.PyQt, nothing that Qt 6 removed or moved. The rules of QGIS's own migration script, as
# flake8-qgis has them, find what they know by name; mypy with the types of PyQt6 finds the rest.
set -uo pipefail
cd "$(dirname "$0")/.."
python=build/engine/bin/python
status=0
# qt.py is the one place that may know both.
$python -m flake8 --isolated --select=QGS101,QGS102,QGS103,QGS104,QGS106,QGS107,QGS4 \
    --per-file-ignores=mambahsi_qgis/qt.py:QGS402 mambahsi_qgis || status=1
$python -m mypy --config-file scripts/qt6/mypy.ini --cache-dir .mypy_cache/qt6 \
    mambahsi_qgis || status=1
exit $status
