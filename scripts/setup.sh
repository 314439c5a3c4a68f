#!/usr/bin/env bash
# Installs what a part of the project needs, and does nothing where it is there already.
#
#   scripts/setup.sh engine      build/engine: the engine's isolated environment
#   scripts/setup.sh qgis        QGIS, and build/qgis: the environment that tests the plugin
#   scripts/setup.sh screenshot  a screen in memory, with a window manager, mouse and keyboard
#
# An environment carries a stamp with a digest of everything it was made from, and is made
# anew when that changes. System packages come from apt, as root or through sudo; where there
# is no apt, the commands have to be there. pip keeps the user's own configuration.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
log=build/log
mkdir -p "$log"

# Two targets running at the same time must not build the same environment.
exec 9>build/setup.lock
flock 9

say() { printf '%s\n' "$*" >&2; }

# Run a command with its output in a log file, and show the end of that only if it fails.
quietly() {
    local name=$1
    shift
    if ! "$@" >"$log/$name.log" 2>&1 </dev/null 9>&-; then
        tail -n 40 "$log/$name.log" >&2
        say "Failed: $*"
        say "The whole output is in $log/$name.log."
        return 1
    fi
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Install those of the named Debian packages that are missing.
packages() {
    command -v dpkg-query >/dev/null || return 0
    local name missing=()
    for name in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] ||
            missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        say "These packages are missing: ${missing[*]}"
        say "Run as root: apt-get install --no-install-recommends ${missing[*]}"
        return 1
    fi
    say "Installing Debian packages: ${missing[*]}"
    # An unreachable extra source of the user's must not stop an install from the others.
    quietly apt-update as_root env DEBIAN_FRONTEND=noninteractive apt-get update ||
        say "apt-get update failed; going on with the package lists that are there."
    quietly apt-install as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "${missing[@]}"
}

# The first interpreter that the engine's packages are made for. The system's comes first.
engine_interpreter() {
    local candidate
    for candidate in "${PYTHON:-}" /usr/bin/python3 python3.13 python3.12 python3.11 python3.10 python3; do
        [ -n "$candidate" ] || continue
        "$candidate" -c 'import sys, ensurepip; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' \
            2>/dev/null || continue
        "$candidate" -c 'import sys; print(sys.executable)'
        return 0
    done
    say "The engine needs Python 3.10, 3.11, 3.12 or 3.13 with venv. Name one: make PYTHON=..."
    return 1
}

digest() { cat "$@" | cat - <(printf '%s' "$root") | sha256sum | cut -d' ' -f1; }

# Is the environment $1 the one with digest $2?
ready() { [ -x "$1/bin/python" ] && [ "$(cat "$1/.stamp" 2>/dev/null)" = "$2" ]; }

engine() {
    local stamp interpreter pip
    pip=(build/engine/bin/python -m pip install --quiet --disable-pip-version-check --no-input)
    stamp=$(digest core/requirements.lock requirements/tools.lock)
    if ! ready build/engine "$stamp"; then
        packages python3 python3-venv
        interpreter=$(engine_interpreter)
        say "Making the engine's environment in build/engine (2 GB, some minutes) ..."
        rm -rf build/engine
        quietly engine-venv "$interpreter" -m venv build/engine
        # torch goes first, alone: whichever build of it the user's pip configuration prefers,
        # the call that brings the others sees it installed and keeps it.
        quietly engine-torch "${pip[@]}" "$(grep -o '^torch==[^ ;]*' core/requirements.lock)"
        quietly engine-packages "${pip[@]}" -r core/requirements.lock -r requirements/tools.lock
        printf '%s' "$stamp" >build/engine/.stamp
    fi
    stamp=$(digest pyproject.toml)
    [ "$(cat build/engine/.project 2>/dev/null)" = "$stamp" ] && return 0
    # setuptools is in the lock, so that nothing else is fetched to build our own package.
    quietly engine-project "${pip[@]}" --no-deps --no-build-isolation --editable .
    printf '%s' "$stamp" >build/engine/.project
}

qgis() {
    # A test installs the zip in a window of QGIS, on a screen in memory.
    packages qgis python3-qgis python3-gdal python3-matplotlib python3-venv xvfb xauth
    if ! /usr/bin/python3 -c 'import qgis.core, osgeo.gdal' 2>"$log/qgis-import.log"; then
        cat "$log/qgis-import.log" >&2
        say "QGIS 3.22 or later with its Python packages for /usr/bin/python3 is needed."
        return 1
    fi
    local stamp
    stamp=$(digest requirements/qgis.lock <(/usr/bin/python3 --version))
    ready build/qgis "$stamp" && return 0
    say "Making the environment that tests the plugin in build/qgis ..."
    rm -rf build/qgis
    quietly qgis-venv /usr/bin/python3 -m venv --system-site-packages build/qgis
    quietly qgis-packages build/qgis/bin/python -m pip install --quiet \
        --disable-pip-version-check --no-input -r requirements/qgis.lock
    printf '%s' "$stamp" >build/qgis/.stamp
}

screenshot() {
    packages xvfb openbox xauth xdotool x11-xkb-utils fonts-dejavu-core
}

for part in "$@"; do
    case $part in
        engine | qgis | screenshot) "$part" ;;
        *) say "Unknown part: $part"; exit 2 ;;
    esac
done
