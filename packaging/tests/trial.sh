#!/usr/bin/env bash
# The trial of a new administrator: trial.sh CACHE. A plain Debian is booted in QEMU, the .deb is installed there by the
# commands that the README prints, `doctor` has to find the host in order, and the README's first recipe has to keep a
# mounted disk alive. The machine is then switched off and booted again with the image that update-initramfs has made
# there. The first boot is `install` in initramfs/trial-check.sh, the second one is `use`. How long each step took is in
# the lines that begin with "time:".
set -euo pipefail

cache=$(realpath -- "${1:?usage: trial.sh CACHE-DIR}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readme=$here/../../README.md
PATH=$PATH:/usr/sbin:/sbin
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

base=$("$here/debian-root.sh" "$cache")
work=$cache/trial
# shellcheck source-path=SCRIPTDIR source=initramfs/boot.sh
. "$here/initramfs/boot.sh"
rm -rf -- "$work"
mkdir -p "$work"
root=$work/root
cp -a --reflink=auto -- "$base" "$root"

# Debian 13 has nvme-cli 2, and doctor remarks on it wherever it is installed: its disconnect-all takes every controller,
# and nothing that the administrator does here changes that. So a host where doctor has nothing to say is one without it.
# The package does not need it either, and neither does the recipe; where something of nvme-cli is missed, this finds it.
chroot "$root" dpkg --purge nvme-cli >"$work/host.log" 2>&1 || { cat "$work/host.log"; exit 1; }
rm -rf -- "$root/etc/nvme"

# What is to be done in the guest is what the README prints.
trial=$root/root/nvme-registry
install -D -m 0644 -t "$trial/target/packaging/deb" "$cache"/deb/nvme-registry_*.deb
# shellcheck disable=SC2016 # the backquotes are Markdown's
{
    sed -n 's/^| Debian, Ubuntu | `make deb && \([^`]*\)`.*/\1/p' "$readme" >"$trial/install"
    sed '1,/^<!-- test: after-installing -->$/d' "$readme" | sed -n '2,/^```$/{/^```$/!p}' >"$trial/after-installing"
}
grep -q '^apt install ' "$trial/install" || { echo 'trial: no "apt install" in the README'; exit 1; }
grep -q '^update-initramfs -u' "$trial/after-installing" || { echo 'trial: no "After installing" in the README'; exit 1; }

install -D -m 0755 -t "$root/usr/lib/registry-test" "$here"/initramfs/{checks,trial-check,trial-target}.sh
install -m 0644 -t "$root/etc/systemd/system" "$here"/initramfs/registry-trial{,-target}.service
for unit in registry-trial{,-target}.service; do
    ln -s "/etc/systemd/system/$unit" "$root/etc/systemd/system/multi-user.target.wants/$unit"
done
# What the recipe's unit says at the shutdown is to be seen by the host. The unit itself is as it is printed.
install -d "$root/etc/systemd/system/nvme-data.service.d"
printf '%s\n' '[Service]' 'StandardOutput=append:/dev/ttyS1' 'StandardError=append:/dev/ttyS1' \
    >"$root/etc/systemd/system/nvme-data.service.d/50-seen.conf"
# Only what reaches this root, packed quickly: the guest's processor is emulated, and makes two images. A third of an image
# is udev's table of hardware names, which nothing here asks.
rm -f -- "$root/usr/lib/udev/hwdb.bin"
printf '%s\n' virtio_pci virtio_blk ext4 >>"$root/etc/initramfs-tools/modules"
sed -i 's/^MODULES=.*/MODULES=list/; s/^COMPRESS=.*/COMPRESS=zstd\nCOMPRESSLEVEL=1/' "$root/etc/initramfs-tools/initramfs.conf"
echo registry-trial >"$root/etc/hostname"
echo 7f2a1f0c3f9b4f0c9a3c5b1d2e4f6a80 >"$root/etc/machine-id"
: >"$root/etc/fstab"
touch "$root/etc/.updated" "$root/var/.updated"

# As the installer of Debian leaves a host: with an image, which knows nothing of the package.
version=$(basename "$root"/usr/lib/modules/*)
cp -- "$root/boot/vmlinuz-$version" "$work/vmlinuz"
in_root "$root" update-initramfs -c -k "$version" >>"$work/host.log" 2>&1 || { cat "$work/host.log"; exit 1; }
cp -- "$root/boot/initrd.img-$version" "$work/plain.img"
# No network, so no lists of packages; and no manual pages, whose index the emulated processor would make for minutes.
rm -rf -- "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/usr/share/{locale,man}/* "$root"/usr/share/doc/*
truncate -s 1G "$work/disk.img"
mkfs.ext4 -q -F -d "$root" "$work/disk.img"
rm -rf -- "$root"
# The storage array's disk.
truncate -s 64M "$work/data.img"
mkfs.ext4 -q -F "$work/data.img"

start() { # IMAGE SCENARIO
    # Without what protects the guest's kernel from its processes, and with page tables as small as can be: it is emulated.
    boot "$1" "$2" "$work/disk.img" "root=/dev/vda registry-trial=$2 mitigations=off no5lvl" \
        -drive "if=none,id=data,file=$work/data.img,format=raw,cache=unsafe" -device virtio-blk-pci,drive=data
    e2fsck -fn "$work/data.img" >"$work/$2.fsck" 2>&1 || { cat "$work/$2.fsck"; bad "$1" "$2"; }
    if dumpe2fs -h "$work/data.img" 2>/dev/null | grep -q 'needs_recovery\|^Filesystem state: *not clean'; then
        bad "$1" "$2"
        echo 'FAILED: the file system on the NVMe disk was not unmounted'
    fi
    # At the shutdown the recipe's ExecStop ran when the file system was unmounted, and so was not told no.
    if sed -n '/^RESULT/,$p' "$result" | tr -d '\r' | grep -axq 'nvme0: disconnected'; then
        printf 'ok: %s: shut down: unmounted, then disconnected\n' "$2"
    else
        bad "$1" "$2"
        echo 'FAILED: not disconnected by ExecStop at the shutdown'
    fi
}
start plain install
((failed == 0)) || exit 1
# The image that the commands of the README have made there.
debugfs -R "dump /boot/initrd.img-$version $work/installed.img" "$work/disk.img" 2>>"$work/host.log"
start installed use
rm -- "$work/disk.img"
((failed == 0))
