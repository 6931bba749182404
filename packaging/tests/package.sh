#!/usr/bin/env bash
# Installs the packages that deb.sh and rpm.sh built, runs the program where it was installed, removes it, and compares
# the tree with what it was: package.sh CACHE. The .deb goes into a fresh Debian (debootstrap) with dpkg, the .rpm into
# another one, with rpm and a database of its own.
set -euo pipefail

cache=$(realpath -- "${1:?usage: package.sh CACHE-DIR}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$("$here/debian-root.sh" "$cache")
work=$cache/package
rm -rf -- "$work"
mkdir -p "$work"

fail() { printf 'FAILED: %s\n' "$*"; exit 1; }

# Every path with type, mode, link target, and the content of files; what the tools that ran keep for themselves (caches,
# logs, their own databases, their state of this boot) is not the package's.
contents() { # TREE
    (
        cd "$1"
        find . -xdev \( -path ./var/cache -o -path ./var/log -o -path ./var/lib/dpkg -o -path ./var/lib/rpm \
            -o -path ./usr/lib/sysimage -o -path ./proc -o -path ./sys -o -path ./dev -o -path ./boot \
            -o -path ./run/systemd \) -prune -o \
            -printf '%p %y %m %l\n' | sort
        find etc usr -xdev -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum
    )
}

# The program in a root, through its life: version, a registry in a tree of its own, the link that udev runs.
exercise() { # ROOT
    local root=$1 out
    out=$(chroot "$root" nvme-registry --version)
    [[ $out == nvme-registry\ * ]] || fail "version: $out"
    mkdir -p "$root"/tmp/t/{run,dev,sys/kernel,sys/class/nvme/nvme4}
    : >"$root/tmp/t/dev/nvme4"
    echo 1000 >"$root/tmp/t/sys/kernel/uevent_seqnum"
    echo tcp >"$root/tmp/t/sys/class/nvme/nvme4/transport"
    chroot "$root" nvme-registry --root /tmp/t register nvme4 --owner stas
    out=$(chroot "$root" nvme-registry --root /tmp/t owner nvme4)
    [[ $out == stas ]] || fail "owner: $out"
    rm -r "$root/tmp/t/dev/nvme4" "$root/tmp/t/sys/class/nvme/nvme4"
    chroot "$root" /usr/bin/env -i ACTION=remove DEVNAME=/dev/nvme4 SEQNUM=1001 SUBSYSTEM=nvme \
        /usr/lib/udev/nvme-registry --root /tmp/t uevent 2>/dev/null
    [[ ! -e $root/tmp/t/run/nvme/registry/nvme4 ]] || fail 'uevent left the entry'
    rm -r "$root/tmp/t"
}

# --- Debian ---

deb=("$cache"/deb/nvme-registry_*.deb)
fresh=$work/debian
cp -a --reflink=auto -- "$root" "$fresh"
contents "$fresh" >"$work/before"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 INITRD=No
# The image that the trigger would build takes a minute and is tested on its own (initramfs-test).
cp -- "${deb[0]}" "$fresh/tmp/nvme-registry.deb"
chroot "$fresh" dpkg -i /tmp/nvme-registry.deb >"$work/dpkg.log" 2>&1 || { cat "$work/dpkg.log"; fail 'dpkg -i'; }
rm "$fresh/tmp/nvme-registry.deb"
grep -q 'Processing triggers for initramfs-tools' "$work/dpkg.log" || fail 'no trigger of update-initramfs'
# What to do next is said at the first installation, and nothing else is printed by the package.
grep -q '^  nvme-registry status ' "$work/dpkg.log" || fail 'the package does not say what to do next'
exercise "$fresh"
for unit in sweep boot-claim; do
    chroot "$fresh" systemctl is-enabled "nvme-registry-$unit.service" >/dev/null || fail "nvme-registry-$unit is not enabled"
done
chroot "$fresh" systemd-analyze verify --man=yes nvme-registry-sweep.service nvme-registry-boot-claim.service \
    nvme-registry-metrics.service nvme-registry-metrics.timer \
    /usr/share/doc/nvme-registry/examples/systemd/nvme-data.service >"$work/verify" 2>&1 || true
[[ ! -s $work/verify ]] || { cat "$work/verify"; fail 'systemd-analyze verify'; }
for unit in sweep metrics; do
    chroot "$fresh" systemd-analyze security --offline=true --no-pager "nvme-registry-$unit.service" | tail -n 1
done
chroot "$fresh" udevadm verify --no-style /usr/lib/udev/rules.d/70-nvme-registry.rules \
    /usr/share/doc/nvme-registry/examples/udev/71-nvme-registry-export.rules || fail 'udevadm verify'
chroot "$fresh" dpkg --verify nvme-registry || fail 'dpkg --verify'
chroot "$fresh" dpkg --purge nvme-registry >>"$work/dpkg.log" 2>&1 || { cat "$work/dpkg.log"; fail 'dpkg --purge'; }
contents "$fresh" >"$work/after"
diff "$work/before" "$work/after" || fail 'the .deb leaves something behind'
rm -rf -- "$fresh"
echo 'the .deb: installed, run, purged; nothing is left'

# --- RPM ---

# Into the same Debian, beside dpkg, which gives its scriptlets a shell and a systemctl. Its dependencies are RPM
# packages, which are not there: --nodeps.
rpms=("$cache"/rpm/RPMS/*/nvme-registry-*.rpm)
fresh=$work/rpm
cp -a --reflink=auto -- "$root" "$fresh"
rpm=(rpm --root "$fresh" --nodeps --dbpath /var/lib/rpm)
# A directory that these distributions' base package has.
mkdir -p "$fresh/usr/share/licenses"
contents "$fresh" >"$work/before"
rpm --root "$fresh" --dbpath /var/lib/rpm --initdb
"${rpm[@]}" -i "${rpms[0]}" >"$work/rpm.log" 2>&1 || { cat "$work/rpm.log"; fail 'rpm -i'; }
exercise "$fresh"
for unit in sweep boot-claim; do
    chroot "$fresh" systemctl is-enabled "nvme-registry-$unit.service" >/dev/null || fail "nvme-registry-$unit is not enabled"
done
"${rpm[@]}" -V nvme-registry || fail 'rpm -V'
"${rpm[@]}" -e nvme-registry >>"$work/rpm.log" 2>&1 || { cat "$work/rpm.log"; fail 'rpm -e'; }
contents "$fresh" >"$work/after"
diff "$work/before" "$work/after" || fail 'the .rpm leaves something behind'
rm -rf -- "$fresh"
echo 'the .rpm: installed, run, removed; nothing is left'
