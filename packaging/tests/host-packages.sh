#!/usr/bin/env bash
# What the packages are built and tested with.
exec "$(dirname "$0")/../../tests/needs.sh" packaging \
    mandoc:mandoc \
    zsh:zsh \
    fish:fish \
    script:bsdutils \
    /usr/share/bash-completion/bash_completion:bash-completion \
    shellcheck:shellcheck \
    dpkg-buildpackage:dpkg-dev \
    dh:debhelper \
    fakeroot:fakeroot \
    lintian:lintian \
    rpmbuild:rpm \
    debugedit:debugedit \
    autopkgtest:autopkgtest \
    makepkg:makepkg \
    bsdtar:libarchive-tools \
    pacman:pacman-package-manager \
    /usr/share/doc/python3-venv:python3-venv \
    debootstrap:debootstrap \
    mkfs.ext4:e2fsprogs \
    qemu-system-x86_64:qemu-system-x86 \
    cpio:cpio \
    /usr/share/keyrings/debian-archive-trixie-stable.gpg:debian-archive-keyring
