#!/usr/bin/env bash
# `make release-check` in a copy of this commit whose changelog is finished: it passes. And with one thing wrong at a time: it
# fails, and says which. The binary that the archive must give is the one built here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL
export CARGO_TARGET_DIR=$work/target
git clone --quiet --shared . "$work/tree"
cd "$work/tree"
commit() { git -c user.name=test -c user.email=test@localhost commit --quiet --all --message "$1"; }
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)

failed=0
says() { # PROBLEM: release-check refuses this tree for it
    if packaging/generate/release-check.sh words 2>"$work/err"; then
        failed=1
        printf 'FAILED: a release with this problem passes: %s\n' "$1"
    elif ! grep -qF "$1" "$work/err"; then
        failed=1
        printf 'FAILED: not said: %s\n' "$1"
        cat "$work/err"
    fi
}

sed -i '0,/^## /s/^## .*/## Unreleased/' CHANGELOG.md
says 'CHANGELOG.md does not begin with'
sed -i "0,/^## /s/^## .*/## $version (2026-01-01)/" CHANGELOG.md
says 'changes that are not committed'
commit 'the changelog of a release'
packaging/generate/release-check.sh words || failed=1
for file in rpm/nvme-registry.spec arch/PKGBUILD alpine/APKBUILD debian/changelog; do
    sed -i "s/$version/9.9.9/" "packaging/$file"
    says "packaging/$file is of version 9.9.9"
    git checkout --quiet "packaging/$file"
done
((failed == 0))

"${MAKE:-make}" --no-print-directory release-check
