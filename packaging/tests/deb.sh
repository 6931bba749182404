#!/usr/bin/env bash
# Builds the Debian package with dpkg-buildpackage, source and binary, from a copy of the tree: deb.sh CACHE. The result is
# CACHE/deb/nvme-registry_VERSION_ARCH.deb.
set -euo pipefail

cache=${1:?usage: deb.sh CACHE-DIR}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$cache/deb
rm -rf -- "$work"
mkdir -p "$work"
work=$(cd "$work" && pwd)
tree=$("$here/source.sh" "$work")
version=${tree##*-}
cp -r -- "$tree/packaging/debian" "$tree/debian"

# Rust may be rustup's instead of Debian's: then the build dependencies are not packages. debhelper gives the build a
# home of its own, so rustup and cargo are told where theirs are.
options=()
cd "$tree"
if ! dpkg-checkbuilddeps 2>"$work/builddeps"; then
    command -v cargo >/dev/null || { cat "$work/builddeps" >&2; exit 1; }
    printf 'deb: not from packages: %s\n' "$(<"$work/builddeps")" >&2
    options+=(-d)
fi
export CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
# The make that runs this has flags and variables that are not the package's.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL CARGO_TARGET_DIR DESTDIR PREFIX TARGET
build() { dpkg-buildpackage -us -uc "$@" >>"$work/build.log" 2>&1 || { tail -n 40 "$work/build.log" >&2; exit 1; }; }

XZ_OPT='-1 -T0' tar -C "$work" --exclude="${tree##*/}/debian" -cJf "$work/nvme-registry_$version.orig.tar.xz" "${tree##*/}"
build -d -S
build "${options[@]}" -b

rm -rf -- "$tree"
ls -l "$work"/*.deb
