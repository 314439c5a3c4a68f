#!/usr/bin/env bash
# Goes through the README's tutorial in a real QGIS window on a screen in memory, as
# scripts/tutorial_session.py does it with mouse and keyboard. Run it with `make tutorial`.
#
#   scripts/tutorial.sh [indian_pines | enmap_potsdam]
#
# Indian Pines is the demo's scene; EnMAP's comes from the folder that MAMBAHSI_TEST_DATA names.
# The environment may choose another look: THEME="Night Mapping", or QT_SCALE_FACTOR=2 with
# SCREEN=2800x1760; and another session: SESSION=window_checks_session.
set -euo pipefail
cd "$(dirname "$0")/.."
scene=${1:-indian_pines}
session=${SESSION:-tutorial_session}
name=$scene${THEME:+_dark}${QT_SCALE_FACTOR:+_scaled}${SESSION:+_checks}
pictures=$PWD/build/tutorial/$name
log=build/log/tutorial_$name.log
mkdir -p "$pictures" build/log
rm -f "$pictures"/*.png
export LC_ALL=C.UTF-8

# The pictures show this path, which is nobody's. QGIS marks layers below its temporary folder,
# so that is another one.
folder=$(mktemp -d /tmp/tutorial.XXXX)
trap 'rm -rf "$folder"' EXIT
export TMPDIR=$PWD/build/tmp
mkdir -p "$TMPDIR"
case $scene in
    indian_pines)
        build/engine/bin/python - "$folder" <<'END'
import sys
from pathlib import Path
sys.path.insert(0, "scripts")
import indian_pines
indian_pines.prepare(Path(sys.argv[1]))
END
        ;;
    enmap_potsdam)
        source=${MAMBAHSI_TEST_DATA:-../shared}/data/enmap_potsdam
        if [ ! -f "$source/enmap_potsdam.tif" ]; then
            echo "Skipped: there is no $source/enmap_potsdam.tif. MAMBAHSI_TEST_DATA names its folder." >&2
            exit 0
        fi
        cp "$source"/enmap_potsdam.tif* "$folder"
        chmod u+w "$folder"/*
        ;;
    *) echo "Unknown scene: $scene" >&2; exit 2 ;;
esac

# A profile that nobody has used yet.
profile=$folder/profile
mkdir -p "$profile/profiles/default/QGIS"
cat >"$profile/profiles/default/QGIS/QGIS3.ini" <<END
[PythonPlugins]
mambahsi_qgis=true

[UI]
UITheme=${THEME:-default}
END
echo "Going through the tutorial in a QGIS window; training takes a few minutes ..."
# The window manager is ended with its screen. The keyboard is one that has umlauts.
scripts/in_qgis.sh xvfb-run --auto-servernum --server-args="-screen 0 ${SCREEN:-1400x880}x24" \
    env -u QT_QPA_PLATFORM QGIS_CUSTOM_CONFIG_PATH="$profile" PYTHONPATH="$PWD/scripts" \
    PICTURES="$pictures" SCENE="$folder/$scene.tif" SESSION="$session" bash -c '
        openbox &
        setxkbmap de
        exec qgis --nologo --noversioncheck --code "scripts/$SESSION.py"
    ' >"$log" 2>&1 || true
if ! grep -q "^All steps are done." "$log"; then
    tail -n 30 "$log" >&2
    echo "The session in QGIS failed; its output is in $log." >&2
    exit 1
fi
ls -l "$pictures"
