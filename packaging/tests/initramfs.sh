#!/usr/bin/env bash
# Builds initramfs images with Debian's dracut and with initramfs-tools, in a Debian that has the package installed, and
# boots them through switch_root: initramfs.sh CACHE [dracut|initramfs-tools]. What happens there is in
# initramfs/scenario.sh, what must have come of it in initramfs/check.sh. Each image boots twice: the second time the root
# is on NVMe/TCP, and initramfs/root-check.sh looks at what became of that.
# QEMU's disk is a file that is made anew each time; the rest of the machine is in initramfs/boot.sh.
set -euo pipefail

cache=$(realpath -- "${1:?usage: initramfs.sh CACHE-DIR [GENERATOR]}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
generators=("${2:-dracut}")
[[ -n ${2-} ]] || generators+=(initramfs-tools)
PATH=$PATH:/usr/sbin:/sbin

base=$("$here/debian-root.sh" "$cache")
work=$cache/initramfs
# shellcheck source-path=SCRIPTDIR source=initramfs/boot.sh
. "$here/initramfs/boot.sh"
rm -rf -- "$work"
mkdir -p "$work"
root=$work/root
cp -a --reflink=auto -- "$base" "$root"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
# The package, as an administrator installs it; no image of this root is in use, so its trigger has nothing to rebuild.
cp -- "$cache"/deb/nvme-registry_*.deb "$root/tmp/"
chroot "$root" sh -c 'dpkg -i /tmp/nvme-registry_*.deb' >"$work/dpkg.log" 2>&1 || { cat "$work/dpkg.log"; exit 1; }

# The scenario and the checks.
install -D -m 0755 "$here/initramfs/scenario.sh" "$root/usr/lib/registry-test/scenario.sh"
install -m 0755 "$here"/initramfs/{check,checks,root-check}.sh "$root/usr/lib/registry-test/"
install -m 0644 "$here"/initramfs/registry-{test,root}.{service,target} "$root/etc/systemd/system/"
# The example unit, for the subsystem that the root is on. Nothing is to be connected here, and what it says at the
# shutdown is to be seen.
sed -e 's/nqn\.2026-01\.example:data/nqn.2026-01.test:root/; s/--as data/--as boot/; s/^ExecStart=.*/ExecStart=true/' \
    -e '/^Wants=/d; /^\[Service\]/a StandardOutput=append:/dev/ttyS1\nStandardError=append:/dev/ttyS1' \
    "$here/../examples/systemd/nvme-data.service" >"$root/etc/systemd/system/nvme-data.service"
cp -r -- "$here/initramfs/dracut/98registry-test" "$root/usr/lib/dracut/modules.d/"
install -m 0755 "$here/initramfs/scenario.sh" "$root/usr/lib/dracut/modules.d/98registry-test/scenario.sh"
chmod 0755 "$root"/usr/lib/dracut/modules.d/98registry-test/*.sh
for file in hooks scripts/local-top scripts/local-premount scripts/init-bottom; do
    install -D -m 0755 "$here/initramfs/initramfs-tools/$file/registry-test" "$root/etc/initramfs-tools/$file/registry-test"
done
# What both need to reach the root.
printf '%s\n' virtio_pci virtio_blk ext4 >>"$root/etc/initramfs-tools/modules"
sed -i 's/^MODULES=.*/MODULES=list/; s/^COMPRESS=.*/COMPRESS=gzip/' "$root/etc/initramfs-tools/initramfs.conf"
# Nothing to do at a first boot.
echo registry-test >"$root/etc/hostname"
echo 2cd2c43ba90a45c1a8cd86b33ab273b5 >"$root/etc/machine-id"
: >"$root/etc/fstab"
touch "$root/etc/.updated" "$root/var/.updated"

version=$(basename "$root"/usr/lib/modules/*)
cp -- "$root/boot/vmlinuz-$version" "$work/vmlinuz"
# image GENERATOR NAME [OPTION...]: $work/NAME.img, and the names of its files in $work/NAME.list.
image() {
    local generator=$1 name=$2
    case $generator in
    dracut) in_root "$root" dracut --force --no-hostonly --no-compress --kver "$version" "${@:3}" /boot/initrd.test ;;
    initramfs-tools) in_root "$root" mkinitramfs -o /boot/initrd.test "$version" ;;
    *) printf 'initramfs: no generator is called %s\n' "$generator" >&2; exit 2 ;;
    esac >"$work/$name.log" 2>&1 || return
    case $generator in
    dracut) in_root "$root" lsinitrd /boot/initrd.test ;;
    initramfs-tools) in_root "$root" lsinitramfs -l /boot/initrd.test ;;
    esac >"$work/$name.list" || return
    mv -- "$root/boot/initrd.test" "$work/$name.img"
}
has() { # NAME PATH...
    local path
    for path in "${@:2}"; do
        grep -q " $path\( \|\$\)" "$work/$1.list" || { printf 'FAILED: %s: no %s in the image\n' "$1" "$path"; failed=1; }
    done
}
has_not() { # NAME WORD
    if grep -q "$2" "$work/$1.list"; then printf 'FAILED: %s: %s in the image\n' "$1" "$2"; failed=1; fi
}

for generator in "${generators[@]}"; do
    image "$generator" "$generator" --drivers 'virtio_pci virtio_blk ext4 nvme-fabrics' || { cat "$work/$generator.log"; exit 1; }
    # The program, its rule and udev's link are in the images, whatever put them there.
    has "$generator" usr/bin/nvme-registry usr/lib/nvme-registry/boot-claim usr/lib/udev/nvme-registry \
        usr/lib/udev/rules.d/70-nvme-registry.rules
done

# Without the program a hook does nothing, and the image is made all the same. Nothing here boots.
mv "$root/usr/bin/nvme-registry" "$work/program"
# The scenario's own module asks for ours.
mv "$root/usr/lib/dracut/modules.d/98registry-test" "$work/"
for generator in "${generators[@]}"; do
    if image "$generator" "$generator.without" --no-kernel; then
        has_not "$generator.without" boot-claim
        has_not "$generator.without" 70-nvme-registry
    else
        printf 'FAILED: %s: no image is made where the program is missing\n' "$generator"
        tail -n 20 "$work/$generator.without.log"
        failed=1
    fi
done
mv "$work/program" "$root/usr/bin/nvme-registry"

# dracut's example, as a module: it brings our module, nvme-cli and its hook.
if [[ " ${generators[*]} " == *' dracut '* ]]; then
    cp -r -- "$here/../examples/dracut/90nvme-connect" "$root/usr/lib/dracut/modules.d/"
    image dracut dracut.example --no-kernel --add nvme-connect || { cat "$work/dracut.example.log"; failed=1; }
    has dracut.example usr/sbin/nvme usr/bin/nvme-registry var/lib/dracut/hooks/initqueue/online/90-connect.sh
    rm -r "$root/usr/lib/dracut/modules.d/90nvme-connect"
fi

# An installation below /usr/local, instead of the package.
chroot "$root" dpkg --purge nvme-registry >>"$work/dpkg.log" 2>&1
env -u MAKEFLAGS -u MAKELEVEL "${MAKE:-make}" --no-print-directory -C "$here/../.." install DESTDIR="$root" PREFIX=/usr/local >>"$work/dpkg.log" 2>&1
for generator in "${generators[@]}"; do
    image "$generator" "$generator.local" --no-kernel || { cat "$work/$generator.local.log"; failed=1; }
    has "$generator.local" usr/local/bin/nvme-registry usr/local/lib/nvme-registry/boot-claim usr/lib/udev/nvme-registry \
        usr/lib/udev/rules.d/70-nvme-registry.rules
done
chroot "$root" systemd-analyze verify --man=no nvme-registry-sweep.service nvme-registry-boot-claim.service \
    >"$work/verify" 2>&1 || true
[[ ! -s $work/verify ]] || { cat "$work/verify"; failed=1; }
env -u MAKEFLAGS -u MAKELEVEL "${MAKE:-make}" --no-print-directory -C "$here/../.." uninstall DESTDIR="$root" PREFIX=/usr/local >>"$work/dpkg.log" 2>&1
chroot "$root" sh -c 'dpkg -i /tmp/nvme-registry_*.deb' >>"$work/dpkg.log" 2>&1 || { cat "$work/dpkg.log"; exit 1; }
rm -- "$root"/tmp/*.deb
mv "$work/98registry-test" "$root/usr/lib/dracut/modules.d/"

rm -rf -- "$root"/usr/share/{doc/[!n]*,locale,man} "$root"/var/cache/apt/* "${root:?}"/boot/*
truncate -s 1G "$work/root.img"
mkfs.ext4 -q -F -d "$root" "$work/root.img"
rm -rf -- "$root"

for generator in "${generators[@]}"; do
    cp --sparse=always -- "$work/root.img" "$work/disk.img"
    boot "$generator" switch "$work/disk.img" 'root=/dev/vda systemd.unit=registry-test.target'
    cp --sparse=always -- "$work/root.img" "$work/disk.img"
    boot "$generator" root "$work/disk.img" 'root=/dev/nvme0n1 systemd.unit=registry-root.target registry-test=root'
    # The shutdown: the example unit was told no, and the file system was left in order.
    grep -aq 'nvme0: left alone: in use: nvme0n1 is mounted on /' <(sed -n '/^RESULT/,$p' "$result") ||
        { bad "$generator" root; echo 'FAILED: nothing said by ExecStop'; }
    e2fsck -fn "$work/disk.img" >"$work/$generator.fsck" 2>&1 || { cat "$work/$generator.fsck"; bad "$generator" root; }
    if dumpe2fs -h "$work/disk.img" 2>/dev/null | grep -q 'needs_recovery\|^Filesystem state: *not clean'; then
        bad "$generator" root
        echo 'FAILED: the root was not unmounted'
    fi
    echo "ok: $generator: shut down, the root is clean"
done
rm -- "$work/disk.img"
((failed == 0))
