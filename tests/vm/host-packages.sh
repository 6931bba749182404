#!/usr/bin/env bash
# Makes sure that this host has the tools the virtual machine is built and run with: installs the Debian packages that
# are missing when it is root, names them and fails otherwise. A missing tool is never a reason to skip a test.
set -euo pipefail

# What is looked for, and the package that has it. The keyring is looked for by the key of the guest's release: an
# older debian-archive-keyring is there on every host but does not know it.
needs=(
    qemu-system-x86_64:qemu-system-x86
    cpio:cpio
    depmod:kmod
    xz:xz-utils
    zstd:zstd
    make:make
    flock:util-linux
    /usr/share/keyrings/debian-archive-trixie-stable.gpg:debian-archive-keyring
)
# kmod's tools live where only root's PATH looks.
PATH=$PATH:/usr/sbin:/sbin

missing=()
for need in "${needs[@]}"; do
    thing=${need%%:*}
    [[ -e $thing ]] || command -v "$thing" >/dev/null || missing+=("${need#*:}")
done
((${#missing[@]})) || exit 0

if ((EUID != 0)); then
    printf 'vm-test needs these Debian packages: %s\n' "${missing[*]}" >&2
    exit 1
fi
printf 'vm-test: installing %s\n' "${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get -q update >&2
apt-get -q install -y --no-install-recommends "${missing[@]}" >&2
