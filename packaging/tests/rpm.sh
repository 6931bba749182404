#!/usr/bin/env bash
# Builds the RPM package with rpmbuild, from a copy of the tree: rpm.sh CACHE. The result is in CACHE/rpm/RPMS.
set -euo pipefail

cache=${1:?usage: rpm.sh CACHE-DIR}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$cache/rpm
rm -rf -- "$work"
mkdir -p "$work"/{SOURCES,BUILD,BUILDROOT,RPMS,SRPMS,tree}
work=$(cd "$work" && pwd)
tree=$("$here/source.sh" "$work/tree")
XZ_OPT='-1 -T0' tar -C "$work/tree" -cJf "$work/SOURCES/${tree##*/}.tar.xz" "${tree##*/}"
# Make's flags and variables are not the package's. Debian's rpm knows no RPM packages, so what is built with cannot be
# checked as dependencies: --nodeps.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL CARGO_TARGET_DIR DESTDIR PREFIX TARGET
rpmbuild --nodeps --define "_topdir $work" -ba "$tree/packaging/rpm/nvme-registry.spec" >"$work/build.log" 2>&1 ||
    { tail -n 40 "$work/build.log" >&2; exit 1; }
rm -rf -- "$work/tree" "$work/BUILD"
ls -l "$work"/RPMS/*/*.rpm
