#!/usr/bin/env bash
# Runs every step of the tests in turn, prints the time of each, stops at the first that fails.
set -euo pipefail
cd "$(dirname "$0")/.."

declare -a names=() times=()

step() {
    local name=$1 started=$SECONDS
    shift
    printf '\n== %s: %s\n' "$name" "$*"
    if ! "$@"; then
        printf '\n== %s failed after %d s\n' "$name" "$((SECONDS - started))"
        exit 1
    fi
    names+=("$name")
    times+=("$((SECONDS - started))")
}

step formatting make --no-print-directory fmt
step lints make --no-print-directory lint
step documentation make --no-print-directory doc
step build make --no-print-directory build
step tests make --no-print-directory check
demo=${CARGO_TARGET_DIR:-target}/debug/sotto-demo
step "demo mix" "$demo" --json
step "demo tor+mix" "$demo" --json --route tor+mix
step "demo tor" "$demo" --json --route tor

printf '\n== time of each step\n'
for i in "${!names[@]}"; do
    printf '%-14s %5d s\n' "${names[$i]}" "${times[$i]}"
done
printf '%-14s %5d s\n' "total" "$SECONDS"
