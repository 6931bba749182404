#!/usr/bin/env bash
# Makes sure that this host has the tools that the packages are built and tested with: installs the Debian packages
# that are missing when it is root, names them and fails otherwise. A missing tool is never a reason to skip a test.
set -euo pipefail

# What is looked for, and the package that has it.
needs=(
    mandoc:mandoc
    zsh:zsh
    fish:fish
    script:bsdutils
    /usr/share/bash-completion/bash_completion:bash-completion
    shellcheck:shellcheck
    dpkg-buildpackage:dpkg-dev
    dh:debhelper
    fakeroot:fakeroot
    lintian:lintian
    rpmbuild:rpm
    debootstrap:debootstrap
    mkfs.ext4:e2fsprogs
    qemu-system-x86_64:qemu-system-x86
    cpio:cpio
    /usr/share/keyrings/debian-archive-trixie-stable.gpg:debian-archive-keyring
)
PATH=$PATH:/usr/sbin:/sbin

missing=()
for need in "${needs[@]}"; do
    thing=${need%%:*}
    [[ -e $thing ]] || command -v "$thing" >/dev/null || missing+=("${need#*:}")
done
((${#missing[@]})) || exit 0

if ((EUID != 0)); then
    printf 'packaging: these Debian packages are needed: %s\n' "${missing[*]}" >&2
    exit 1
fi
printf 'packaging: installing %s\n' "${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get -q update >&2
apt-get -q install -y --no-install-recommends "${missing[@]}" >&2
