#!/usr/bin/env bash
# Runs debian/tests with Debian's autopkgtest, in a fresh Debian (debootstrap), with the package that deb.sh built:
# autopkgtest.sh CACHE. A test that is skipped is a failure here.
set -euo pipefail

cache=$(realpath -- "${1:?usage: autopkgtest.sh CACHE-DIR}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
base=$("$here/debian-root.sh" "$cache")
work=$cache/autopkgtest
rm -rf -- "$work"
mkdir -p "$work/source"
cp -a --reflink=auto -- "$base" "$work/root"
cp -r -- "$here/../debian" "$work/source/debian"
mount -t proc proc "$work/root/proc"
trap 'umount "$work/root/proc"' EXIT

code=0
autopkgtest --output-dir "$work/output" "$cache"/deb/nvme-registry_*.deb "$work/source/" -- chroot "$work/root" \
    >"$work/log" 2>&1 || code=$?
cat "$work/output/summary"
if ((code)) || grep -qv ' PASS$' "$work/output/summary"; then
    tail -n 60 "$work/log"
    exit 1
fi
umount "$work/root/proc"
trap - EXIT
rm -rf -- "$work/root"
