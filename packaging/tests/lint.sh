#!/usr/bin/env bash
# Everything under packaging/ that is a shell script, through shellcheck; the recipe that this host has no builder for
# (Alpine's) is also sourced, as its builder does it, and asked for what a recipe must have: lint.sh CACHE. The examples are
# linted by what reads them, as far as that is to be had; and what is generated is what would be generated now.
set -euo pipefail

cache=$(realpath -m -- "${1:?usage: lint.sh CACHE-DIR}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
shellcheck -x tests/*.sh generate/*.sh
shellcheck -s bash completions/nvme-registry.bash dracut/55nvme-registry/module-setup.sh mkinitcpio/install/nvme-registry
shellcheck -e SC1091 initramfs-tools/hooks/nvme-registry
shellcheck boot-claim/boot-claim metrics/metrics-textfile dracut/55nvme-registry/boot-claim.sh initramfs-tools/scripts/init-bottom/nvme-registry
# ash again.
shellcheck -s dash mkinitcpio/hooks/nvme-registry
shellcheck -s bash arch/PKGBUILD
# ash has `local` and the rest; SC2148: openrc-run is the interpreter.
shellcheck -s dash alpine/APKBUILD
shellcheck -s dash -e SC2034 alpine/nvme-registry.initd examples/openrc/nvme-data
shellcheck debian/tests/life debian/tests/units examples/dracut/90nvme-connect/*.sh examples/scripts/*
bash -n arch/PKGBUILD
dash -n alpine/APKBUILD
sh -n debian/nvme-registry.postinst
zsh -n completions/_nvme-registry
fish -n completions/nvme-registry.fish

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' ../Cargo.toml | head -n 1)
# shellcheck disable=SC2016 # the inner shell's
arch=$(bash -c 'set -eu; CARCH=x86_64; . arch/PKGBUILD; declare -F build check package >/dev/null
    echo "$pkgname $pkgver $pkgrel ${#source[@]} ${#sha256sums[@]}"')
# shellcheck disable=SC2016
alpine=$(dash -c 'set -eu; . alpine/APKBUILD; for f in build check package; do command -v $f >/dev/null; done
    echo "$pkgname $pkgver $pkgrel"')
rpm=$(rpmspec -q --srpm --qf '%{name} %{version}' rpm/nvme-registry.spec)
debian=$(dpkg-parsechangelog -l debian/changelog -S Version)
[[ $arch == "nvme-registry $version 1 1 1" ]] || { printf 'PKGBUILD: %s\n' "$arch"; exit 1; }
[[ $alpine == "nvme-registry $version 0" ]] || { printf 'APKBUILD: %s\n' "$alpine"; exit 1; }
[[ $rpm == "nvme-registry $version" ]] || { printf 'spec: %s\n' "$rpm"; exit 1; }
[[ ${debian%-*} == "$version" ]] || { printf 'changelog: %s\n' "$debian"; exit 1; }

# No address but the placeholder, which is nobody's (README.md here): until there is a real one, and then in all of them.
strange=$(grep -rnoE '[[:alnum:].+_-]+@[[:alnum:]-]+\.[[:alpha:].-]+|https?://[[:alnum:]./-]+' debian rpm arch alpine |
    grep -v -e 'maintainers@nvme-registry\.invalid$' -e 'https://nvme-registry\.invalid$' \
        -e 'https://www\.debian\.org/doc/packaging-manuals/' -e '^debian/copyright:.*unlicense\.org' \
        -e '^debian/copyright:.*\.unicode\.org/' -e '^debian/copyright:.*icu-project\.org/' || true)
[[ -z $strange ]] || { printf 'an address that is no placeholder:\n%s\n' "$strange"; exit 1; }

# What SECURITY.md says is linked into the program is what is.
said=$(sed -n 's/^| \([a-z_-]*\) | \([0-9.]*\) | \(.*\) |$/\1 v\2 \3/p' ../SECURITY.md | LC_ALL=C sort)
linked=$(cargo tree --locked --edges normal --target x86_64-unknown-linux-musl --prefix none --format '{p} {l}' |
    sed '1d; s/ (\*)$//' | LC_ALL=C sort -u)
diff <(echo "$said") <(echo "$linked") || { echo 'SECURITY.md: not the crates that are linked'; exit 1; }

# The Kubernetes example against the schemas of the Kubernetes API, which this package of PyPI carries. It lives in the cache.
validate=$cache/venv/bin/kubernetes-validate
if [[ ! -x $validate ]]; then
    python3 -m venv "$cache/venv"
    "$cache/venv/bin/pip" --quiet install kubernetes-validate==1.37.0
fi
"$validate" --strict examples/kubernetes/*.yaml
# What the example is for: the host's directory, made if it is not there.
"$cache/venv/bin/python" - examples/kubernetes/csi-node-plugin.yaml <<'PYTHON'
import sys, yaml
pod = yaml.safe_load(open(sys.argv[1]))["spec"]["template"]["spec"]
volume = next(volume for volume in pod["volumes"] if volume.get("hostPath", {}).get("path") == "/run/nvme")
assert volume["hostPath"]["type"] == "DirectoryOrCreate", volume
mounts = pod["containers"][0]["volumeMounts"]
assert {"name": volume["name"], "mountPath": "/run/nvme"} in mounts, mounts
PYTHON

# The examples are all in the table, and what the table names is there.
# shellcheck disable=SC2016 # Markdown
diff <(find examples -type f ! -name README.md | cut -d/ -f2- | sed 's,^\(dracut\|s6-rc\)/\([^/]*\)/.*,\1/\2/,' | LC_ALL=C sort -u) \
    <(sed -n 's/^| `\([^`]*\)` .*/\1/p' examples/README.md | LC_ALL=C sort) || { echo 'examples/README.md: not every example'; exit 1; }
tests/generated.sh check "$cache"
echo 'scripts, recipes and examples are clean'
