#!/usr/bin/env bash
# What lies beside a release's archive: dist-files.sh ARCHIVE DIRECTORY. Makes in DIRECTORY
#
#   nvme-registry-VERSION.tar.xz, .cdx.json   the archive, and its software bill of materials (CycloneDX)
#   SHA256SUMS                                of both
#   arch/, alpine/                            the recipes with the archive's checksum filled in, and the archive: makepkg and
#                                             abuild run there as they are
set -euo pipefail

archive=$(realpath -- "${1:?usage: dist-files.sh ARCHIVE DIRECTORY}")
to=$(realpath -m -- "${2:?usage: dist-files.sh ARCHIVE DIRECTORY}")
packaging=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
name=${archive##*/}
rm -rf -- "$to"
mkdir -p "$to/arch" "$to/alpine"
cp -- "$archive" "$to/$name"

sum() { "$1" <"$archive" | cut -d' ' -f1; }
sed "s/^sha256sums=.*/sha256sums=('$(sum sha256sum)')/" "$packaging/arch/PKGBUILD" >"$to/arch/PKGBUILD"
sed "s/^sha512sums=.*/sha512sums=\"$(sum sha512sum)  $name\"/; /^# Filled in by/d" "$packaging/alpine/APKBUILD" >"$to/alpine/APKBUILD"
for recipe in arch alpine; do ln -- "$to/$name" "$to/$recipe/$name"; done

sums=("$name")
if "$packaging/../tests/needs.sh" dist cargo-cyclonedx:cargo=cargo-cyclonedx@0.5.9; then
    "$packaging/generate/sbom.py" "$to/${name%.tar.xz}.cdx.json"
    sums+=("${name%.tar.xz}.cdx.json")
else
    echo 'dist: made without a software bill of materials; make release-check refuses that' >&2
fi
(cd "$to" && sha256sum "${sums[@]}" >SHA256SUMS)
echo "the release: ${to#"$PWD/"}"
