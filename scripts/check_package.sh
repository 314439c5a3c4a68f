#!/usr/bin/env bash
# Builds the engine's source distribution, from it the wheel, and checks both: what the package
# index would say of them, what is in them, and that the wheel's command runs, with the packages
# of build/engine. Run it with `make check-package`.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
tools=build/packaging
log=build/log/check-package.log
mkdir -p build/log
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

say() { printf '%s\n' "$*"; }
quietly() {
    if ! "$@" >"$log" 2>&1 </dev/null; then
        tail -n 40 "$log" >&2
        say "Failed: $*; the whole output is in $log." >&2
        return 1
    fi
}

stamp=$(cat requirements/packaging.lock - <<<"$root" | sha256sum)
if [ "$(cat $tools/.stamp 2>/dev/null)" != "$stamp" ]; then
    say "Installing build and twine in $tools ..."
    rm -rf $tools
    quietly build/engine/bin/python -m venv $tools
    quietly $tools/bin/python -m pip install --quiet --no-input --disable-pip-version-check \
        -r requirements/packaging.lock
    printf '%s' "$stamp" >$tools/.stamp
fi

# From the files that git knows, so that nothing else of this folder can help or harm.
mkdir "$temporary/source"
git ls-files -z --cached --others --exclude-standard |
    tar --create --null --files-from=- | tar --extract --directory "$temporary/source"
quietly $tools/bin/python -m build --no-isolation --outdir "$temporary/dist" "$temporary/source"
quietly $tools/bin/python -m twine check --strict "$temporary"/dist/*
wheel=$(echo "$temporary"/dist/*.whl)
$tools/bin/python scripts/check_package.py "$wheel"

# An environment of its own, which sees the engine's packages but not its link to core/.
quietly build/engine/bin/python -m venv --without-pip "$temporary/venv"
packages=$("$temporary/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
(cd build/engine && bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') \
    >"$packages/engine.pth"
quietly $tools/bin/python -m pip --python "$temporary/venv/bin/python" install --quiet --no-input \
    --disable-pip-version-check --no-deps --no-index "$wheel"
cd "$temporary"
unset PYTHONPATH
if [[ $(venv/bin/python -c 'import mambahsi; print(mambahsi.__file__)') != "$temporary"/venv/* ]]; then
    say "The engine was not imported from the wheel." >&2
    exit 1
fi
venv/bin/mambahsi doctor >doctor.txt || { cat doctor.txt >&2; exit 1; }
say "$(basename "$wheel") and the source distribution are well; from the wheel, mambahsi doctor says:"
head -n 12 doctor.txt
