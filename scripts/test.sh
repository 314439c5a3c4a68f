#!/usr/bin/env bash
# Runs the tests of both halves, each in its own interpreter, and fails if either fails.
# Further arguments go to both runs of pytest.
set -uo pipefail
cd "$(dirname "$0")/.."

failed=()
run() {
    local name=$1
    shift
    printf '\n== %s ==\n' "$name"
    "$@" || failed+=("$name")
}

# Compiled kernels are kept below build/, which makes a second run quick.
export NUMBA_CACHE_DIR=${NUMBA_CACHE_DIR:-$PWD/build/cache/numba}
run "The engine and the project" \
    build/engine/bin/python -m pytest tests --ignore=tests/qgis -q "$@"
run "The plugin, in QGIS" env QT_QPA_PLATFORM=offscreen \
    scripts/in_qgis.sh build/qgis/bin/python -m pytest tests/qgis -q \
    -o pythonpath=build/plugins "$@"

if [ ${#failed[@]} -gt 0 ]; then
    printf 'Failed: %s\n' "${failed[@]}" >&2
    exit 1
fi
