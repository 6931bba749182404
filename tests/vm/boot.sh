#!/usr/bin/env bash
# Boots the guest: boot.sh CACHE BASE LAYER test|shell. In test mode standard output carries the guest's result lines
# (its second serial port) and CACHE/results takes the files it writes (a 9p share); the console goes there too.
#
# Why so: no network, no disk, and nothing that outlives QEMU. The two archives are handed over as one initramfs,
# which the kernel unpacks in order: Debian first, then the product and the cases. KVM is used only where a kernel
# really runs under it: /dev/kvm that opens and then cannot execute is common inside virtual machines.
set -euo pipefail

cache=$1 base=$2 layer=$3 mode=$4

qemu() {
    qemu-system-x86_64 -M q35 -m 1G -nodefaults -no-user-config -display none -no-reboot \
        -kernel "$base/vmlinuz" "$@"
}

# The probe boots the kernel with no root: it panics, reboots at once, and -no-reboot turns that into an exit. The
# answer holds as long as this host is up.
accelerator() {
    local answer=$cache/accel boot
    boot=$(</proc/sys/kernel/random/boot_id)
    if [[ ! -e $answer || $(head -n 1 "$answer") != "$boot" ]]; then
        local accel=tcg
        if [[ -r /dev/kvm && -w /dev/kvm ]] &&
            timeout -k 1 10 qemu-system-x86_64 -accel kvm -M q35 -m 256M -cpu max -nodefaults -no-user-config \
                -display none -no-reboot -kernel "$base/vmlinuz" -append 'panic=-1' >"$cache/kvm-probe.log" 2>&1; then
            accel=kvm
        fi
        printf '%s\n%s\n' "$boot" "$accel" >"$answer"
    fi
    sed -n 2p "$answer"
}

accel=$(accelerator)
# Emulated (QEMU 7.2), two things crash the guest now and then. A second processor: a kernel that patches its own code
# trips over an int3 that the other one just removed. And cmpxchg16b: its flags come from a stale operand, and an
# interrupt at that moment puts them into RFLAGS; the kernel does without the instruction if the processor has it not.
machine=(-accel kvm -smp 2 -cpu max)
[[ $accel == kvm ]] || machine=(-accel tcg -smp 1 -cpu 'max,-cx16')
printf 'vm-test: kernel %s, accelerator %s\n' "$(<"$base/version")" "$accel" >&2
cat -- "$base/base.cpio" "$layer" >"$cache/initrd.cpio"

append="console=ttyS0 loglevel=5 panic=-1 rdinit=/usr/lib/systemd/systemd systemd.unit=vm-$mode.target"
append+=" systemd.show_status=no systemd.log_level=notice"
# A busy host slows the guest down tenfold; no unit of the guest may give up for that. A stopped udevd is a test here.
append+=" systemd.default_timeout_start_sec=600 systemd.service_watchdogs=no"
args=(
    "${machine[@]}" -initrd "$cache/initrd.cpio" -append "$append"
    # A local drive: what no rule of ours may ever touch.
    -drive "if=none,id=local,driver=null-co,size=16777216,read-zeroes=on" -device "nvme,drive=local,serial=local"
)
case $mode in
test)
    # The share keeps what the guest wrote even if the guest dies.
    qemu "${args[@]}" -serial "file:$cache/results/console.txt" -serial stdio \
        -virtfs "local,path=$cache/results,mount_tag=results,security_model=none" </dev/null
    ;;
shell)
    qemu "${args[@]}" -serial mon:stdio
    ;;
esac
