#!/usr/bin/env bash
# Checks for what the build needs and adds what rustup can add; says what to install otherwise.
set -euo pipefail

missing() {
    printf 'setup: %s is missing. %s\n' "$1" "$2" >&2
    exit 1
}

command -v cargo >/dev/null || missing "cargo (Rust 1.92 or later)" "Install it from your distribution or with rustup, then run this again."
command -v cc >/dev/null || missing "a C compiler (cc)" "On Debian: apt-get install build-essential"

for part in rustfmt clippy; do
    if ! cargo "${part/rustfmt/fmt}" --version >/dev/null 2>&1; then
        command -v rustup >/dev/null || missing "$part" "On Debian: apt-get install $part"
        rustup component add "$part"
    fi
done
