#!/usr/bin/env bash
# Makes a Debian root tree with debootstrap: debian-root.sh CACHE. Prints its directory, CACHE/root-KEY. It is what the
# .deb is installed into, what the initramfs images are built in by Debian's own dracut and initramfs-tools, and what
# they switch to.
#
# Why trixie: its systemd is recent enough for `udevadm verify`. The mirror is the one this host's apt uses. The tree
# is only read afterwards; whoever changes something works in a copy. KEY is a hash of this file and of the mirror, so
# a second run does nothing.
set -euo pipefail

cache=${1:?usage: debian-root.sh CACHE-DIR}
suite=trixie

# shellcheck source=/dev/null
codename=$(. /etc/os-release && printf %s "${VERSION_CODENAME:?this host is not a Debian release}")
# shellcheck disable=SC2016 # apt's own placeholders
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v suite="$codename" '$2 == suite && $3 == "main" { print $1; exit }')
[[ -n $mirror ]] || { printf 'debian-root: apt on this host knows no main component of %s\n' "$codename" >&2; exit 1; }

key=$({ cat "${BASH_SOURCE[0]}"; printf '%s\n' "$mirror"; } | sha256sum | cut -c1-16)
root=$cache/root-$key
[[ ! -e $root ]] || { printf '%s\n' "$root"; exit 0; }
((EUID == 0)) || { echo 'debian-root: debootstrap needs root' >&2; exit 1; }

mkdir -p "$cache"
new=$root.new
rm -rf -- "$new"
{
    debootstrap --variant=minbase --include=systemd,systemd-sysv,udev,kmod,cpio,zstd,nvme-cli,man-db,iproute2 \
        --keyring=/usr/share/keyrings/debian-archive-keyring.gpg "$suite" "$new" "$mirror"
    # Without its initramfs: the test builds its own, after the package is installed.
    echo 'do_initrd = no' >"$new/etc/kernel-img.conf"
    export DEBIAN_FRONTEND=noninteractive INITRD=No LC_ALL=C.UTF-8
    # Both generators: dracut-core and initramfs-tools-core can be installed together, dracut and initramfs-tools cannot.
    chroot "$new" apt-get -q install -y --no-install-recommends \
        initramfs-tools initramfs-tools-core dracut-core dracut-network linux-image-amd64 strace
    chroot "$new" apt-get clean
} >"$cache/root.log" 2>&1 || { tail -n 40 "$cache/root.log" >&2; exit 1; }
mv -- "$new" "$root"
printf '%s\n' "$root"
