#!/usr/bin/env bash
# shellcheck disable=SC2034 # $failed and $result are for the scripts that source this file
# How a Debian tree's image is booted in QEMU, for the scripts that source this file. They set $work, a directory that has
# the kernel as vmlinuz, and fail at their end where $failed is not 0.
#
# QEMU emulates (no KVM is needed) and has no network.

# Seconds for one boot; it takes one or two minutes on an idle host.
limit=1200

: "${work:?}"
failed=0

# boot IMAGE SCENARIO DISK OPTIONS [QEMU-OPTION...]: boots $work/IMAGE.img with the disk, which keeps what is written.
# Sets $result, the file with what the guest's checks said.
boot() {
    local image=$1 scenario=$2 started=$SECONDS
    result=$work/$image.$scenario.result
    # One processor and no cmpxchg16b: see tests/vm/boot.sh on what emulation gets wrong.
    timeout --foreground -k 5 "$limit" qemu-system-x86_64 -M q35 -accel tcg -smp 1 -cpu 'max,-cx16' -m 1G \
        -nodefaults -no-user-config -display none -no-reboot \
        -kernel "$work/vmlinuz" -initrd "$work/$image.img" \
        -append "$4 rootfstype=ext4 rw console=ttyS0 loglevel=5 panic=-1 rd.shell=0 rd.emergency=poweroff \
systemd.show_status=no systemd.default_timeout_start_sec=900" \
        -drive "if=none,id=root,file=$3,format=raw,cache=unsafe" -device virtio-blk-pci,drive=root "${@:5}" \
        -serial "file:$work/$image.$scenario.console" -serial "file:$result" </dev/null ||
        printf '%s, %s: the guest ended with status %d\n' "$image" "$scenario" "$?" >&2
    printf '%s, %s: %d s\n' "$image" "$scenario" $((SECONDS - started))
    if grep -aqE $'^RESULT [1-9][0-9]* checks, 0 failed\r?$' "$result"; then
        grep -a -e '^ok:' -e '^RESULT' -e '^time' -e 'exposure level' "$result"
    else
        bad "$image" "$scenario"
    fi
}

# bad IMAGE SCENARIO: shows all that the guest said.
bad() {
    failed=1
    printf 'FAILED: %s, %s\n' "$1" "$2"
    cat "$work/$1.$2.result"
    tail -n 40 "$work/$1.$2.console"
}

# in_root ROOT COMMAND...: in the tree, with a /proc of its own.
in_root() {
    # shellcheck disable=SC2016 # the inner shell's
    unshare --mount --pid --fork sh -c 'mount -t proc proc "$1/proc" && root=$1 && shift && exec chroot "$root" "$@"' sh "$@"
}
