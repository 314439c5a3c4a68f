#!/usr/bin/env bash
# Runs the tests of both halves, each in its own interpreter, and fails if any fails. Further
# arguments go to all runs of pytest.
set -uo pipefail
cd "$(dirname "$0")/.."

failed=()
run() {
    local name=$1
    shift
    printf '\n== %s ==\n' "$name"
    "$@" || failed+=("$name")
}

# Both run with a profile and caches below build/: tests of the engine read their maps back with
# QGIS, too. The compiled kernels kept there make a second run quick.
export QT_QPA_PLATFORM=offscreen
run "The engine and the project" scripts/in_qgis.sh \
    build/engine/bin/python -m pytest tests --ignore=tests/qgis --ignore=tests/qt6 -q "$@"
run "Widgets that need no QGIS, in Qt 6" scripts/in_qgis.sh \
    build/engine/bin/python -m pytest tests/qt6 -q -o "pythonpath=tests/qt6/stand_in ." "$@"
run "The plugin, in QGIS" scripts/in_qgis.sh \
    build/qgis/bin/python -m pytest tests/qgis -q -o pythonpath=build/plugins "$@"

if [ ${#failed[@]} -gt 0 ]; then
    printf 'Failed: %s\n' "${failed[@]}" >&2
    exit 1
fi
