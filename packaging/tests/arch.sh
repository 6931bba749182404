#!/usr/bin/env bash
# Builds the Arch package with makepkg, which Debian has, from the recipe and the archive that `make dist` makes, and looks at
# what is in it: arch.sh DIST CACHE. It is not installed: pacman's packages that it depends on are not there (--nodeps).
#
# makepkg refuses to run as root. It runs as nobody, who sees root's Rust at another place, by a mount of its own.
set -euo pipefail

dist=$(realpath -- "${1:?usage: arch.sh DIST-DIR CACHE-DIR}")
cache=$(realpath -m -- "${2:?usage: arch.sh DIST-DIR CACHE-DIR}")
# Nobody has to reach it.
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
chmod 0755 "$work"
mkdir -p "$work"/{build,bin,home,rustup,cargo} "$cache/arch"
cp -- "$dist"/arch/* "$work/build/"
# Arch's lld is a package; rustc brings the same linker.
sysroot=$(rustc --print sysroot)
ln -s "$work/rustup${sysroot#"${RUSTUP_HOME:-$HOME/.rustup}"}/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin/rust-lld" "$work/bin/ld.lld"
chown -R nobody:nogroup "$work"/{build,home}

unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL CARGO_TARGET_DIR DESTDIR PREFIX TARGET
arch() { # OPTION...
    # shellcheck disable=SC2016 # the inner shell's
    unshare --mount bash -c 'set -eu
        mount --bind "$2" "$1/rustup"
        mount --bind "$3" "$1/cargo"
        cd "$1/build"
        exec setpriv --reuid=nobody --regid=nogroup --clear-groups -- env HOME="$1/home" CARGO_HOME="$1/home" \
            RUSTUP_HOME="$1/rustup" PATH="$1/cargo:$1/bin:$PATH" CARCH="$(uname -m)" makepkg --nodeps --nocolor "${@:4}"' \
        bash "$work" "${RUSTUP_HOME:-$HOME/.rustup}" "$(dirname "$(command -v cargo)")" "$@"
}
# A sum that is not the archive's is refused.
sed -i.right 's/^sha256sums=.*/sha256sums=('\''0000000000000000000000000000000000000000000000000000000000000000'\'')/' "$work/build/PKGBUILD"
if arch --verifysource >"$cache/arch/wrong.log" 2>&1; then echo 'arch: a wrong sum is taken'; exit 1; fi
mv "$work/build/PKGBUILD.right" "$work/build/PKGBUILD"
arch >"$cache/arch/build.log" 2>&1 || { tail -n 40 "$cache/arch/build.log"; exit 1; }

tar -tf "$work"/build/nvme-registry-*-"$(uname -m)".pkg.tar* 2>/dev/null | LC_ALL=C sort >"$cache/arch/files"
for file in usr/bin/nvme-registry usr/lib/udev/nvme-registry usr/lib/udev/rules.d/70-nvme-registry.rules \
    usr/lib/initcpio/install/nvme-registry usr/lib/initcpio/hooks/nvme-registry usr/lib/nvme-registry/boot-claim \
    usr/lib/systemd/system/nvme-registry-sweep.service usr/share/licenses/nvme-registry/LICENSE-MIT .PKGINFO; do
    grep -qx "$file" "$cache/arch/files" || { printf 'arch: %s is not in the package\n' "$file"; exit 1; }
done
if grep -q initramfs-tools "$cache/arch/files"; then echo 'arch: a hook for initramfs-tools is in the package'; exit 1; fi
echo 'the Arch package: built by makepkg, with its sum'
