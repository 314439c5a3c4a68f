#!/usr/bin/env bash
# Tests the plugin in the QGIS of the root folder that this runs in (scripts/test_matrix.sh):
# the zip through qgis_process in an empty profile, then the plugin's tests.
set -uo pipefail
cd "$(dirname "$0")/.."
status=0

# The zip, as the plugin manager would unpack it.
python3 scripts/assemble_plugin.py zip build >/dev/null || exit 1
smoke=$(mktemp -d)
mkdir -p "$smoke/profile/profiles/default/python/plugins"
python3 -m zipfile -e build/mambahsi_qgis-*.zip "$smoke/profile/profiles/default/python/plugins"
qgis_process() {
    env QGIS_CUSTOM_CONFIG_PATH="$smoke/profile" QT_QPA_PLATFORM=offscreen \
        XDG_RUNTIME_DIR="$smoke" qgis_process.bin "$@" 2>>"$smoke/errors"
}
if qgis_process plugins enable mambahsi_qgis >"$smoke/output" &&
    qgis_process run mambahsi:engineinfo >"$smoke/output"; then
    echo "qgis_process ran mambahsi:engineinfo from the zip."
else
    echo "qgis_process failed with the zip:"
    cat "$smoke/output" "$smoke/errors"
    status=1
fi

# As on a developer's machine: tests tell QGIS's own Python from that of the tests.
python3 -m venv --system-site-packages --without-pip build/qgis
python3 scripts/assemble_plugin.py link build/plugins
export QT_QPA_PLATFORM=offscreen
scripts/in_qgis.sh build/qgis/bin/python -m pytest tests/qgis -q -o pythonpath=build/plugins "$@" || status=1
exit $status
