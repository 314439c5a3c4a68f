#!/usr/bin/env bash
# Runs a command with the plugin of this checkout in a QGIS of its own: profile, settings and
# caches lie below build/, so that the user's own QGIS is never touched. For example:
#
#   scripts/in_qgis.sh qgis_process run mambahsi:engineinfo
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

export QGIS_CUSTOM_CONFIG_PATH=$root/build/profile
export QGIS_PLUGINPATH=$root/build/plugins
export XDG_CONFIG_HOME=$root/build/profile/config
export XDG_DATA_HOME=$root/build/profile/data
export XDG_CACHE_HOME=$root/build/cache
export MAMBAHSI_ENGINE_PYTHON=${MAMBAHSI_ENGINE_PYTHON-$root/build/engine/bin/python}
# Without a screen Qt draws into memory.
[ -n "${DISPLAY:-}" ] || export QT_QPA_PLATFORM=${QT_QPA_PLATFORM:-offscreen}
# Qt complains about a missing runtime folder on machines without a login session.
if [ ! -d "${XDG_RUNTIME_DIR:-}" ]; then
    export XDG_RUNTIME_DIR=$root/build/runtime
    mkdir -p -m 0700 "$XDG_RUNTIME_DIR"
fi
mkdir -p "$QGIS_CUSTOM_CONFIG_PATH" "$XDG_CONFIG_HOME" "$XDG_DATA_HOME" "$XDG_CACHE_HOME"

# Debian's wrapper of qgis_process breaks on an option that its own configuration adds; the
# program behind it works.
if [ "${1:-}" = qgis_process ] && command -v qgis_process.bin >/dev/null; then
    set -- qgis_process.bin "${@:2}"
fi

exec "$@"
