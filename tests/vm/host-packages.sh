#!/usr/bin/env bash
# What the virtual machine is built and run with. The keyring is looked for by the key of the guest's release: an older
# debian-archive-keyring is there on every host but does not know it.
exec "$(dirname "$0")/../needs.sh" vm-test \
    qemu-system-x86_64:qemu-system-x86 \
    cpio:cpio \
    depmod:kmod \
    xz:xz-utils \
    zstd:zstd \
    make:make \
    flock:util-linux \
    /usr/share/keyrings/debian-archive-trixie-stable.gpg:debian-archive-keyring
