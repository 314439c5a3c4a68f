#!/usr/bin/env bash
# Runs the plugin's tests, and the zip through qgis_process, in other versions of QGIS than the
# machine's own. Each lives in a root folder of its own, build/roots/VERSION, with a whole small
# Debian in it; it is made once and kept.
#
#   scripts/test_matrix.sh                          every version
#   scripts/test_matrix.sh 3.40                     one
#   scripts/test_matrix.sh 3.40 -- -k provider      with arguments for pytest
#
# Needs root (debootstrap, chroot), about 3 GB of disk a version, and a Debian mirror: the one
# that this machine's apt uses. Mounts live in a namespace of their own and end with the tests,
# so that no removal of a root can reach what was mounted into it.
set -uo pipefail
cd "$(dirname "$0")/.."
log=build/log
roots=build/roots
mkdir -p "$log" "$roots"

# The version of QGIS, the Debian that has it, and the part of that Debian where it is.
versions=(
    "3.22 bookworm bookworm"
    "3.40 bookworm bookworm-backports"
    "3.44 trixie trixie-backports"
)
packages=(qgis python3-qgis python3-gdal python3-matplotlib python3-numpy xvfb xauth)

say() { printf '%s\n' "$*" >&2; }

quietly() {
    local name=$1
    shift
    if ! "$@" >"$log/$name.log" 2>&1 </dev/null; then
        tail -n 40 "$log/$name.log" >&2
        say "Failed: $*"
        say "The whole output is in $log/$name.log."
        return 1
    fi
}

requirements() {
    if [ "$(id -u)" != 0 ]; then
        say "Only root can make and enter a root folder: sudo make test-matrix."
        say "Without root, in any container that has QGIS: make test."
        return 1
    fi
    if ! command -v apt-get >/dev/null; then
        say "The roots are made with debootstrap from apt's mirror; this machine has no apt."
        return 1
    fi
    if ! command -v debootstrap >/dev/null; then
        quietly apt-debootstrap apt-get install -y --no-install-recommends debootstrap
    fi
}

# The mirror that this machine takes Debian from.
mirror() {
    local uri
    uri=$(apt-get indextargets --format '$(REPO_URI)' \
        'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)
    if [ -z "$uri" ]; then
        say "apt knows no Debian mirror: add one to its sources, and run apt-get update."
        return 1
    fi
    printf '%s' "$uri"
}

# Run a command in the root $1, with the machine's devices and whatever else is named
# as FROM:TO, mounted for reading only.
inside() {
    local root=$1 mounts=()
    shift
    while [ "$1" != -- ]; do
        mounts+=("$1")
        shift
    done
    shift
    unshare --mount --propagation private bash -euc '
        root=$1; count=$2; shift 2
        mount --bind /proc "$root/proc"
        mount --rbind /dev "$root/dev"
        for ((; count; count--)); do
            mkdir -p "$root${1#*:}"
            mount --bind "${1%%:*}" "$root${1#*:}"
            mount -o remount,bind,ro "$root${1#*:}"
            shift
        done
        exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
            LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
    ' inside "$PWD/$root" "${#mounts[@]}" "${mounts[@]}" "$@"
}

# Make the root of QGIS $1 from Debian $2 with packages of its part $3.
make_root() {
    local version=$1 release=$2 part=$3 root=$roots/$1 stamp uri
    stamp="$release $part ${packages[*]}"
    [ "$(cat "$root/.stamp" 2>/dev/null)" = "$stamp" ] && return 0
    uri=$(mirror) || return 1
    say "Making $root from Debian's $part (3 GB, some minutes) ..."
    if [ "$(cat "$root/.base" 2>/dev/null)" != "$release" ]; then
        rm -rf --one-file-system "$root"
        quietly "root-$version-base" debootstrap --variant=minbase --include=ca-certificates \
            "$release" "$root" "$uri" || return 1
        printf '%s' "$release" >"$root/.base"
    fi
    printf "deb $uri %s main\n" "$release" "$part" | uniq >"$root/etc/apt/sources.list"
    # Proxies and the like, as this machine's apt has them.
    apt-config dump Acquire >"$root/etc/apt/apt.conf.d/99machine"
    # Services of packages do not start, and documentation stays out.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    printf 'path-exclude=/usr/share/%s/*\n' doc man >"$root/etc/dpkg/dpkg.cfg.d/small"
    quietly "root-$version-lists" inside "$root" -- apt-get update || return 1
    quietly "root-$version-packages" inside "$root" -- apt-get install -y \
        --no-install-recommends -t "$part" "${packages[@]}" || return 1
    inside "$root" -- apt-get clean
    printf '%s' "$stamp" >"$root/.stamp"
}

# Put the project as it is now into the root, fresh, and pytest beside it.
copy_project() {
    local root=$1
    rm -rf --one-file-system "$root/project"
    mkdir -p "$root/project/build"
    git ls-files -z --cached --others --exclude-standard |
        tar --create --null --files-from=- --ignore-failed-read 2>/dev/null |
        tar --extract --no-same-owner --directory "$root/project"
}

# pytest for the root $1, made for its Python by the machine's own pip, which knows the way to
# its package index.
make_pytest() {
    local root=$1 python stamp
    python=$(inside "$root" -- python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    stamp="$python $(sha256sum requirements/qgis.lock)"
    [ "$(cat "$root/pytest/.stamp" 2>/dev/null)" = "$stamp" ] && return 0
    rm -rf "$root/pytest"
    quietly "${root##*/}-pytest" build/engine/bin/python -m pip install --quiet --no-input \
        --disable-pip-version-check --only-binary=:all: --python-version "$python" \
        --target "$root/pytest" -r requirements/qgis.lock || return 1
    printf '%s' "$stamp" >"$root/pytest/.stamp"
}

# Test in the root of QGIS $1; what follows goes to pytest.
test_in() {
    local version=$1 root=$roots/$1 found engine engine_says mounts python=""
    shift
    make_pytest "$root" && copy_project "$root" || return 1
    mounts=()
    [ ! -d "${MAMBAHSI_TEST_DATA:-}" ] || mounts+=("$MAMBAHSI_TEST_DATA:/shared")
    found=$(inside "$root" -- python3 -c 'from qgis.core import Qgis; print(Qgis.QGIS_VERSION)')
    say "QGIS $found, $(inside "$root" -- python3 --version)"
    if [[ $found != "$version".* ]]; then
        say "$root holds another QGIS than $version; remove it and try again."
        return 1
    fi
    # The machine's engine serves where its base Python exists in the root, too.
    engine=$(realpath build/engine)
    engine_says=$(inside "$root" "$engine:/project/build/engine" -- \
        /project/build/engine/bin/python -c 'import numpy, rasterio' 2>&1)
    if [ $? = 0 ]; then
        mounts+=("$engine:/project/build/engine")
        python=/project/build/engine/bin/python
    else
        say "The engine does not run with this Python (${engine_says##*$'\n'}); tests skip what needs it."
    fi
    inside "$root" "${mounts[@]}" -- env PYTHONPATH=/pytest MAMBAHSI_TEST_DATA=/shared \
        MAMBAHSI_ENGINE_PYTHON="$python" PYTHONDONTWRITEBYTECODE=1 bash /project/scripts/test_one_qgis.sh "$@"
}

# A function, so that bash has read all of the script before tests run for minutes.
main() {
    local version known wanted=() failed=()
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        wanted+=("$1")
        shift
    done
    [ $# -eq 0 ] || shift
    [ ${#wanted[@]} -gt 0 ] || wanted=("${versions[@]%% *}")
    requirements || return 1
    for version in "${wanted[@]}"; do
        printf '\n== QGIS %s ==\n' "$version"
        for known in "${versions[@]}" ""; do
            [ "${known%% *}" != "$version" ] || break
        done
        if [ -z "$known" ]; then
            say "No root is known for QGIS $version. There are: ${versions[*]%% *}"
            failed+=("$version")
            continue
        fi
        # Two runs must not share a root.
        exec 9>"$roots/$version.lock"
        flock 9
        # shellcheck disable=SC2086 # three words
        make_root $known && test_in "$version" "$@" || failed+=("$version")
    done
    if [ ${#failed[@]} -gt 0 ]; then
        say "Failed on QGIS: ${failed[*]}"
        return 1
    fi
    say "Passed on QGIS: ${wanted[*]}"
}

main "$@"
exit $?
