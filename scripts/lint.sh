#!/usr/bin/env bash
# Checks style and types, all of them even where an early one fails.
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
exit $status
