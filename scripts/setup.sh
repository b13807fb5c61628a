#!/usr/bin/env bash
# Checks for what the build needs and adds what rustup can add; with the argument `tests` also for what the tests of
# routes over Tor and of sweeps need, which it installs where it may (as root on Debian and its descendants). Otherwise it says what
# to install.
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

[ "${1:-}" = tests ] || exit 0

# Distributions put these where not everybody looks.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

# Program and the Debian package that holds it.
needed=(tor:tor tor-gencert:tor tcpdump:tcpdump ip:iproute2 unshare:util-linux nsenter:util-linux parallel:parallel)
absent() {
    local pair
    for pair in "${needed[@]}"; do
        command -v "${pair%%:*}" >/dev/null || printf '%s\n' "${pair##*:}"
    done | sort -u
}

mapfile -t packages < <(absent)
if [ "${#packages[@]}" -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    printf 'setup: installing %s\n' "${packages[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
    mapfile -t packages < <(absent)
fi
if [ "${#packages[@]}" -gt 0 ]; then
    missing "${packages[*]}" "The tests of routes over Tor or of sweeps need it. On Debian: apt-get install ${packages[*]}"
fi
