#!/usr/bin/env bash
# Runs the tests that need a graphics card and the benchmark on a bare machine, within nine minutes.
#
#     scripts/on_gpu.sh [FOLDER]
#
# Needs a Python with torch, triton, numpy, scipy, safetensors and pytest, no engine of ours and no
# internet; PYTHON names it. Table, JSON and logs go to FOLDER, or to $OUT. UPSTREAM may name
# sources of mamba-ssm and causal-conv1d (folders or .tar.gz, separated by spaces), which are
# built while the tests run; BUILT the folder that they are built into, or lie in from before.
# What takes too long is cut, and says so. MINUTES (9) is all there is, TESTS (4) what tests may take.
set -uo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
out=${1:-${OUT:?Name a folder for the results, or set OUT.}}
mkdir -p "$out"
out=$(cd "$out" && pwd)
end=$((SECONDS + ${MINUTES:-9} * 60))
export PYTHONPATH=$PWD/core:$PWD PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
exec > >(tee "$out/log.txt") 2>&1

nvidia-smi || echo 'There is no nvidia-smi.'
"$python" -c 'import sys, torch; print(sys.version, torch.__version__, torch.cuda.is_available())'

work=$(mktemp -d)
built=${BUILT:-}
builder=
if [ -n "${UPSTREAM:-}" ] && [ ! -d "$built/mamba_ssm" ]; then
    built=${built:-$work/upstream}
    # shellcheck disable=SC2086
    setsid "$python" -m benchmarks.gpu.upstream "$built" $UPSTREAM >"$out/upstream.txt" 2>&1 &
    builder=$!
fi

printf '\n== Tests ==\n'
pytest=("$python" -m pytest -m gpu -v -ra -p no:cacheprovider)
timeout "$((${TESTS:-4} * 60))" "${pytest[@]}" tests/gpu --durations=10 --junitxml="$out/tests.xml"
tests=$?
[ $tests -ne 124 ] || echo 'The tests took too long and were ended.'

if [ -n "$builder" ]; then
    printf '\n== Waiting for mamba-ssm ==\n'
    # The benchmark gets at least three minutes.
    while kill -0 "$builder" 2>/dev/null && [ $((end - SECONDS)) -gt 180 ]; do sleep 1; done
    if kill -- -"$builder" 2>/dev/null; then
        mkdir -p "$built" && echo 'its build took too long' >"$built/why_not.txt"
    fi
    tail -3 "$out/upstream.txt"
fi

if [ -n "$built" ] && [ ! -e "$built/why_not.txt" ]; then
    printf '\n== Tests of mamba-ssm ==\n'
    PYTHONPATH=$PYTHONPATH:$built timeout 60 "${pytest[@]}" tests/gpu/test_mamba_ssm_on_gpu.py
fi

printf '\n== Benchmark ==\n'
left=$((end - SECONDS - 10))
"$python" -m benchmarks.gpu --out "$out" --kept "$work/parts" --limit "$left" --largest-trials 3 \
    ${built:+--upstream "$built"}
benchmark=$?
nvidia-smi || true
rm -rf "$work"
exit $((tests || benchmark))
