#!/usr/bin/env bash
# Builds rst-storm when that is needed, then runs one test of it in the lab.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: run-test.sh TEST [OPTIONS]

Builds rst-storm when its sources are newer than the binary, then runs
'rst-storm run TEST OPTIONS'.

  sudo ./infra/run-test.sh tcp-lifecycle/rst-storm          shows how to watch, starts on ENTER
  sudo ./infra/run-test.sh tcp-lifecycle/rst-storm --auto   starts at once

It works without sudo too. Under sudo the build is done by the user who called
sudo, so that nothing in target/ belongs to root. CARGO_TARGET_DIR is honoured.
'rst-storm run --help' lists the options; an unknown TEST lists the tests.
TEXT
}

complain() {
    printf 'run-test.sh: %s\n' "$1" >&2
}

case "${1-}" in
    -h | --help)
        usage
        exit 0
        ;;
    '' | -*)
        usage >&2
        exit 2
        ;;
esac

root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
target=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")
binary=$target/release/rst-storm

# Who builds: under sudo the user behind it, else whoever calls.
builder=()
search_path=$PATH
if [ "$(id -u)" -eq 0 ] && [ "${SUDO_USER:-root}" != root ]; then
    home=$(getent passwd "$SUDO_USER" | cut -d: -f6)
    search_path=$home/.cargo/bin:$PATH
    builder=(sudo -H -u "$SUDO_USER" --)
fi

as_builder() {
    "${builder[@]}" env PATH="$search_path" CARGO_TARGET_DIR="$target" "$@"
}

is_stale() {
    [ ! -x "$binary" ] || [ -n "$(find "$root/Cargo.toml" "$root/Cargo.lock" "$root/src" "$root"/crates/*/Cargo.toml \
        "$root"/crates/*/src -newer "$binary" -print -quit)" ]
}

# Why the builder can't or shouldn't build; empty when it may.
obstacle() {
    local place=$target
    while [ ! -e "$place" ]; do
        place=$(dirname "$place")
    done
    if ! as_builder sh -c 'command -v cargo' >/dev/null 2>&1; then
        printf 'cargo is not found for %s' "$(as_builder id -un)"
    elif ! as_builder test -w "$place"; then
        printf '%s is not writable for %s' "$place" "$(as_builder id -un)"
    elif [ "$(as_builder id -u)" -eq 0 ] && [ "$place" = "$target" ] && [ "$(stat -c %u "$target")" -ne 0 ]; then
        printf '%s belongs to %s, and root would leave its files in it' "$target" "$(stat -c %U "$target")"
    fi
}

if is_stale; then
    why_not=$(obstacle)
    if [ -z "$why_not" ]; then
        (cd "$root" && as_builder cargo build --release --locked --bin rst-storm)
    elif [ -x "$binary" ]; then
        complain "$why_not; using $binary as it is, which is older than its sources"
    else
        complain "$why_not, and there is no $binary; build it first: cd $root && cargo build --release --locked"
        exit 3
    fi
fi

exec "$binary" run "$@"
