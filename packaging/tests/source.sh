#!/usr/bin/env bash
# A copy of the tree as a release has it: source.sh DIRECTORY makes DIRECTORY/nvme-registry-VERSION and prints it.
# What git would ignore, and git itself, stay behind.
set -euo pipefail

to=${1:?usage: source.sh DIRECTORY}
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$top/Cargo.toml" | head -n 1)
tree=$to/nvme-registry-$version
rm -rf -- "$tree"
mkdir -p "$tree"
tar -C "$top" --exclude=./target --exclude=./.git -cf - . | tar -C "$tree" -xf -
printf '%s\n' "$tree"
