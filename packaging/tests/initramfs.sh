#!/usr/bin/env bash
# Builds initramfs images with Debian's dracut and with initramfs-tools, in a Debian that has the package installed, and
# boots them through switch_root: initramfs.sh CACHE [dracut|initramfs-tools]. What happens there is in
# initramfs/scenario.sh, what must have come of it in initramfs/check.sh. Each image boots twice: the second time the root
# is on NVMe/TCP, and initramfs/root-check.sh looks at what became of that.
#
# QEMU emulates (no KVM is needed), has no network, and its disk is a file that is made anew each time.
set -euo pipefail

cache=$(realpath -- "${1:?usage: initramfs.sh CACHE-DIR [GENERATOR]}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
generators=("${2:-dracut}")
[[ -n ${2-} ]] || generators+=(initramfs-tools)
# Seconds for one boot; it takes one or two minutes on an idle host.
limit=1200
PATH=$PATH:/usr/sbin:/sbin

base=$("$here/debian-root.sh" "$cache")
work=$cache/initramfs
rm -rf -- "$work"
mkdir -p "$work"
root=$work/root
cp -a --reflink=auto -- "$base" "$root"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
# The package, as an administrator installs it; no image of this root is in use, so its trigger has nothing to rebuild.
cp -- "$cache"/deb/nvme-registry_*.deb "$root/tmp/"
chroot "$root" sh -c 'dpkg -i /tmp/nvme-registry_*.deb' >"$work/dpkg.log" 2>&1 || { cat "$work/dpkg.log"; exit 1; }
rm -- "$root"/tmp/*.deb

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
in_root() { # with a /proc of its own
    # shellcheck disable=SC2016 # the inner shell's
    unshare --mount --pid --fork sh -c 'mount -t proc proc "$1/proc" && shift 0 && root=$1 && shift && exec chroot "$root" "$@"' sh "$root" "$@"
}
for generator in "${generators[@]}"; do
    case $generator in
    dracut)
        in_root dracut --force --no-hostonly --no-compress --kver "$version" \
            --drivers 'virtio_pci virtio_blk ext4 nvme-fabrics' /boot/initrd.test >"$work/$generator.log" 2>&1 ;;
    initramfs-tools)
        in_root mkinitramfs -o /boot/initrd.test "$version" >"$work/$generator.log" 2>&1 ;;
    *) printf 'initramfs: no generator is called %s\n' "$generator" >&2; exit 2 ;;
    esac || { cat "$work/$generator.log"; exit 1; }
    mv -- "$root/boot/initrd.test" "$work/$generator.img"
done

# The program, its rule and udev's link are in the images, whatever put them there.
listing() {
    case $1 in
    dracut) in_root lsinitrd /initrd.list ;;
    initramfs-tools) in_root lsinitramfs -l /initrd.list ;;
    esac
}
failed=0
for generator in "${generators[@]}"; do
    cp -- "$work/$generator.img" "$root/initrd.list"
    listing "$generator" >"$work/$generator.list"
    rm -- "$root/initrd.list"
    for path in usr/bin/nvme-registry usr/lib/nvme-registry/boot-claim usr/lib/udev/nvme-registry usr/lib/udev/rules.d/70-nvme-registry.rules; do
        grep -q " $path\( \|\$\)" "$work/$generator.list" || { printf 'FAILED: %s: no %s in the image\n' "$generator" "$path"; failed=1; }
    done
done

rm -rf -- "$root"/usr/share/{doc/[!n]*,locale,man} "$root"/var/cache/apt/* "${root:?}"/boot/*
truncate -s 1G "$work/root.img"
mkfs.ext4 -q -F -d "$root" "$work/root.img"
rm -rf -- "$root"

# boot GENERATOR SCENARIO DISK OPTIONS: boots an image with the disk, which keeps what is written. Sets $result.
boot() {
    local generator=$1 scenario=$2 started=$SECONDS
    result=$work/$generator.$scenario.result
    # One processor and no cmpxchg16b: see tests/vm/boot.sh on what emulation gets wrong.
    timeout --foreground -k 5 "$limit" qemu-system-x86_64 -M q35 -accel tcg -smp 1 -cpu 'max,-cx16' -m 1G \
        -nodefaults -no-user-config -display none -no-reboot \
        -kernel "$work/vmlinuz" -initrd "$work/$generator.img" \
        -append "$4 rootfstype=ext4 rw console=ttyS0 loglevel=5 panic=-1 rd.shell=0 rd.emergency=poweroff \
systemd.show_status=no systemd.default_timeout_start_sec=900" \
        -drive "if=none,id=root,file=$3,format=raw,cache=unsafe" -device virtio-blk-pci,drive=root \
        -serial "file:$work/$generator.$scenario.console" -serial "file:$result" </dev/null ||
        printf 'initramfs: %s, %s: the guest ended with status %d\n' "$generator" "$scenario" "$?" >&2
    printf '%s, %s: %d s\n' "$generator" "$scenario" $((SECONDS - started))
    if grep -aqE $'^RESULT [1-9][0-9]* checks, 0 failed\r?$' "$result"; then
        grep -a -e '^ok' -e '^RESULT' -e 'exposure level' "$result"
    else
        bad "$generator" "$scenario"
    fi
}
bad() { # GENERATOR SCENARIO
    failed=1
    printf 'FAILED: %s, %s\n' "$1" "$2"
    cat "$work/$1.$2.result"
    tail -n 40 "$work/$1.$2.console"
}

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
