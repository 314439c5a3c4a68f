#!/usr/bin/env bash
# Checks style, types, readiness for Qt 6 and what the plugin repository scans for, all of them even where an early one fails.
set -uo pipefail
cd "$(dirname "$0")/.."
python=build/engine/bin/python
status=0

check() {
    printf '%s: ' "$1"
    shift
    "$@" || status=1
}

check "ruff check" $python -m ruff check .
check "ruff format" $python -m ruff format --check .
check "mypy, engine" $python -m mypy core/mambahsi
check "mypy, plugin" $python -m mypy mambahsi_qgis
check "mypy, scripts" $python -m mypy scripts benchmarks
check "Qt 6" scripts/check_qt6.sh
check "scan of the zip" $python scripts/scan_plugin.py
exit $status
