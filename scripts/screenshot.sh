#!/usr/bin/env bash
# Takes the README's pictures: a real QGIS window on a screen in memory, in which
# scripts/screenshot_session.py does what a user does. Run it with `make screenshot`.
set -euo pipefail
cd "$(dirname "$0")/.."
pictures=$PWD/docs/images
log=build/log/screenshot.log
mkdir -p "$pictures" build/log
export LC_ALL=C.UTF-8

# The pictures show this path, which is nobody's. QGIS marks layers below its temporary folder,
# so that is another one.
demo=/tmp/indian_pines
export TMPDIR=$PWD/build/tmp
mkdir -p "$TMPDIR"
build/engine/bin/python - "$demo" <<'END'
import sys
from pathlib import Path
sys.path.insert(0, "scripts")
import indian_pines, qgis_process
indian_pines.prepare(Path(sys.argv[1]))
qgis_process.enable_plugin()
END
echo "Training in a QGIS window; this takes as long as make demo ..."
# The window manager is ended with its screen.
scripts/in_qgis.sh xvfb-run --auto-servernum --server-args="-screen 0 1400x880x24" \
    env -u QT_QPA_PLATFORM PICTURES="$pictures" DEMO="$demo" bash -c '
        openbox &
        exec qgis --nologo --noversioncheck --code scripts/screenshot_session.py
    ' >"$log" 2>&1 || true
if ! grep -q "^All pictures are taken." "$log"; then
    tail -n 30 "$log" >&2
    echo "The session in QGIS failed; its output is in $log." >&2
    exit 1
fi
ls -l "$pictures"
