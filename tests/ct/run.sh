#!/usr/bin/env bash
# Runs every case of tests/ct under valgrind: two backends, two optimisation levels, or those of the four that
# CT_VARIANTS names, as backend/profile. Exits 0 if every control was
# reported and nothing else was, 77 if there is no valgrind, 1 otherwise. Arguments: names of cases, all without.
set -euo pipefail
cd "$(dirname "$0")"

if ! command -v valgrind >/dev/null; then
    echo "SKIPPED: constant time: valgrind is not installed"
    exit 77
fi
if [ "$(uname -m)" != x86_64 ]; then
    echo "SKIPPED: constant time: the requests to valgrind are written for x86-64"
    exit 77
fi

# What users build, whatever this machine's settings say: never target-cpu=native.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
target=$(realpath -m "${CARGO_TARGET_DIR:-../../target}/ct")
logs=$target/logs
jobs=${CT_JOBS:-$(nproc)}

# One case in one process: its name is in the log's name, and one report cannot hide another case's.
run_case() {
    local binary=$1 log=$2/$3.log status=0
    timeout 300 valgrind -q --error-exitcode=9 --num-callers=60 --suppressions=known.supp \
        "$binary" "$3" >"$log" 2>&1 || status=$?
    case $3/$status in
    control-*/9 | [!c]*/0 | c[!o]*/0) ;;
    control-*) echo "FAILED: $3: a leak on purpose was not reported (status $status)" ;;
    *) echo "FAILED: $3: status $status, see $log" ;;
    esac
}
export -f run_case

read -ra variants <<<"${CT_VARIANTS:-default/release default/release-s blst/release blst/release-s}"

# All at once, each in a directory of its own: a crate of one unit keeps one core busy.
builds=()
for variant in "${variants[@]}"; do
    backend=${variant%/*}
    profile=${variant#*/}
    features=()
    [ "$backend" = default ] || features=(--features "$backend")
    cargo build --quiet --profile "$profile" ${features[@]+"${features[@]}"} --target-dir "$target/$backend-$profile" &
    builds+=($!)
done
for build in "${builds[@]}"; do wait "$build"; done

failed=0
for variant in "${variants[@]}"; do
    backend=${variant%/*}
    profile=${variant#*/}
    binary=$target/$backend-$profile/$profile/sesphr-ct
    dir=$logs/$backend-$profile
    rm -rf "$dir"
    mkdir -p "$dir"
    names=("$@")
    [ $# -gt 0 ] || mapfile -t names < <("$binary")
    start=$SECONDS
    out=$(printf '%s\n' "${names[@]}" | xargs -P "$jobs" -I{} bash -c 'run_case "$@"' _ "$binary" "$dir" {})
    echo "constant time: $backend, $profile: ${#names[@]} cases in $((SECONDS - start)) s"
    if [ -n "$out" ]; then
        failed=1
        echo "$out"
        # The first frames of a report are enough to find the place.
        for name in $(echo "$out" | sed -n 's/^FAILED: \([^:]*\):.*/\1/p'); do
            echo "--- $backend, $profile: $name"
            grep -E -A4 'Conditional|uninitialised|panicked' "$dir/$name.log" | head -n 12 || true
        done
    fi
done
exit "$failed"
