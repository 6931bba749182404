#!/usr/bin/env bash
# Is this tree ready to be released? release-check.sh ARCHIVE DIRECTORY, after `make dist` and `make dist-test`; DIRECTORY is what
# dist-files.sh made. What fails soonest comes first: release-check.sh words looks at version and changelog alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

problems=()
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
same() { # WHAT VERSION
    [[ $2 == "$version" ]] || problems+=("$1 is of version $2, Cargo.toml of $version")
}

words() {
    same Cargo.lock "$(sed -n '/^name = "nvme-registry"$/{n;s/^version = "\(.*\)"$/\1/p}' Cargo.lock)"
    same packaging/debian/changelog "$(sed -n '1s/^nvme-registry (\(.*\)-[^-]*) .*/\1/p' packaging/debian/changelog)"
    same packaging/rpm/nvme-registry.spec "$(sed -n 's/^Version: *//p' packaging/rpm/nvme-registry.spec)"
    same packaging/arch/PKGBUILD "$(sed -n 's/^pkgver=//p' packaging/arch/PKGBUILD)"
    same packaging/alpine/APKBUILD "$(sed -n 's/^pkgver=//p' packaging/alpine/APKBUILD)"
    [[ $(grep -m 1 '^## ' CHANGELOG.md) =~ ^"## $version ("[0-9]{4}-[0-9]{2}-[0-9]{2}\)$ ]] ||
        problems+=("CHANGELOG.md does not begin with \"## $version (YEAR-MONTH-DAY)\"")
    [[ -z $(git status --porcelain) ]] || problems+=('there are changes that are not committed')
}

files() { # ARCHIVE DIRECTORY
    local archive=$1 to=$2 name=${1##*/} bom
    bom=$to/${name%.tar.xz}.cdx.json
    (cd "$to" && sha256sum --quiet --check SHA256SUMS) || problems+=("$to: the sums are not those of the files")
    cmp -s "$archive" "$to/$name" || problems+=("$to/$name is not the archive that was made last")
    grep -qF "$(sha256sum <"$archive" | cut -d' ' -f1)" "$to/arch/PKGBUILD" || problems+=('PKGBUILD has another sum')
    grep -qF "$(sha512sum <"$archive" | cut -d' ' -f1)" "$to/alpine/APKBUILD" || problems+=('APKBUILD has another sum')
    # Once more, from the start: the same bytes.
    CARGO=${CARGO:-cargo} tests/bench/dist.sh pack "$to/again/$name" >/dev/null
    cmp -s "$archive" "$to/again/$name" || problems+=('packing the archive twice gives two archives')
    rm -r "$to/again"
    if [[ -e $bom ]]; then
        packaging/generate/sbom.py "$to/again.json"
        cmp -s "$bom" "$to/again.json" || problems+=('the software bill of materials is not that of this tree')
        rm "$to/again.json"
        [[ $(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["metadata"]["component"]["version"])' "$bom") == "$version" ]] ||
            problems+=('the software bill of materials is of another version')
    else
        problems+=('there is no software bill of materials')
    fi
}

words
[[ $1 == words ]] || files "$@"
((${#problems[@]} == 0)) || { printf 'release-check: %s\n' "${problems[@]}" >&2; exit 1; }
[[ $1 == words ]] || echo "$version can be released"
