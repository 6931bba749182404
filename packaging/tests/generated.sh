#!/usr/bin/env bash
# What the packages say about the crates: generated.sh write|check CACHE. The crates are those of Cargo.lock, as cargo unpacks
# them for a release.
set -euo pipefail

what=${1:?usage: generated.sh write|check CACHE-DIR}
cache=$(realpath -m -- "${2:?usage: generated.sh write|check CACHE-DIR}")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
rm -rf -- "$cache/vendor"
mkdir -p "$cache"
cargo vendor --quiet --locked --versioned-dirs "$cache/vendor" >/dev/null
packaging/generate/generate.py "$what" "$cache/vendor"
rm -rf -- "$cache/vendor"
