#!/usr/bin/env bash
# The source of a release, as `make dist` packs it: source.sh DIRECTORY makes DIRECTORY/nvme-registry-VERSION and prints
# it. The tree without what was built there, and with the crates that Cargo.lock names in vendor/, so that the packages
# are built without network, as the distributions' builders do it.
set -euo pipefail

to=$(realpath -- "${1:?usage: source.sh DIRECTORY}")
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$top/Cargo.toml" | head -n 1)
tree=$to/nvme-registry-$version
rm -rf -- "$tree"
mkdir -p "$tree"
tar -C "$top" --exclude=./.git --exclude=./target --exclude=./tests/fuzz/{target,artifacts} \
    --exclude=./tests/bench/floor/target -cf - . | tar -C "$tree" -xf -
if [[ ! -d $tree/vendor ]]; then
    # What cargo prints (and does not with --quiet) tells it to look there.
    (cd "$tree" && cargo vendor --locked --versioned-dirs vendor >>.cargo/config.toml 2>"$to/vendor.log") ||
        { cat "$to/vendor.log" >&2; exit 1; }
fi
printf '%s\n' "$tree"
