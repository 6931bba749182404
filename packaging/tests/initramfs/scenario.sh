#!/bin/sh
# What happens in the initramfs, for every generator. There are two scenarios, and two boots.
#
# With registry-test=root on the kernel's command line, scenario.sh root makes the disk of this machine one of NVMe/TCP:
# the target is this same kernel, at 127.0.0.1. It is connected by nvme-cli, and nobody registers it. The root is on it.
#
# Otherwise scenario.sh early, while udevd runs; scenario.sh late, when it has stopped, right before the root is switched.
# Four controllers, all to targets on this same kernel:
#
#   kept     connected and registered in one step (owner nbft); is to protect its connection in the real root
#   claimed  connected by `nvme connect-all`, which does not know the registry, and claimed right after it (owner boot)
#   doomed   registered, and dies here: the rule in the initramfs removes the entry
#   late     registered, and dies when no udevd listens: the sweep in the real root removes the entry
#
# Notes for the real root are in /run/registry-test. Only what klibc and kmod have is used.
set -eu

notes=/run/registry-test
nvmet=/sys/kernel/config/nvmet
prefix=nqn.2026-01.test:

target() {
    mkdir "$nvmet/subsystems/$prefix$1"
    echo 1 >"$nvmet/subsystems/$prefix$1/attr_allow_any_host"
    ln -s "$nvmet/subsystems/$prefix$1" "$nvmet/ports/1/subsystems/$prefix$1"
}

connect() { # NAME OWNER: prints the device
    nvme-registry connect --owner "$2" transport=loop "nqn=$prefix$1" nr_io_queues=1
}

root() {
    for module in virtio_pci virtio_blk nvmet nvmet-tcp nvme-tcp nvme-fabrics; do modprobe "$module"; done
    [ -d "$nvmet" ] || { mkdir -p /sys/kernel/config && mount -t configfs configfs /sys/kernel/config; }
    ip link set lo up
    until [ -b /dev/vda ]; do :; done
    mkdir "$nvmet/ports/1"
    echo tcp >"$nvmet/ports/1/addr_trtype"
    echo ipv4 >"$nvmet/ports/1/addr_adrfam"
    echo 127.0.0.1 >"$nvmet/ports/1/addr_traddr"
    echo 4420 >"$nvmet/ports/1/addr_trsvcid"
    target root
    mkdir "$nvmet/subsystems/${prefix}root/namespaces/1"
    echo /dev/vda >"$nvmet/subsystems/${prefix}root/namespaces/1/device_path"
    echo 1 >"$nvmet/subsystems/${prefix}root/namespaces/1/enable"
    # No keep-alive, which a busy host would miss.
    nvme connect -t tcp -a 127.0.0.1 -s 4420 -n "${prefix}root" -k 0 -i 1
    until [ -b /dev/nvme0n1 ]; do :; done
}

early() {
    mkdir -p "$notes"
    for module in nvmet nvme-loop nvme-fabrics; do modprobe "$module"; done
    [ -d "$nvmet" ] || { mkdir -p /sys/kernel/config && mount -t configfs configfs /sys/kernel/config; }
    mkdir "$nvmet/ports/1"
    echo loop >"$nvmet/ports/1/addr_trtype"

    target kept
    connect kept nbft >"$notes/kept"

    # What the manual documents for an initramfs. The ones that are connected already are an error to nvme-cli.
    target claimed
    nvme connect-all -t loop || true
    nvme-registry claim --unowned --owner boot >"$notes/claimed"

    target late
    connect late late >"$notes/late"

    target doomed
    connect doomed doomed >"$notes/doomed"
    read -r device <"$notes/doomed"
    # Otherwise the add event, which is still to be handled, may find it dead and remove the entry.
    udevadm settle
    echo 1 >"/sys/class/nvme/${device#/dev/}/delete_controller"
    udevadm settle
    if nvme-registry retrieve "$device" -a owner >"$notes/doomed-owner"; then :; fi
    [ -e "/run/nvme/registry/${device#/dev/}" ] || echo gone >"$notes/doomed-entry"
}

udevd_runs() {
    for comm in /proc/[0-9]*/comm; do
        if read -r name <"$comm"; then
            case $name in *udev*) return 0 ;; esac
        fi
    done 2>/dev/null
    return 1
}

late() {
    # It was told to stop, and may still take an event.
    while udevd_runs; do :; done
    read -r device <"$notes/late"
    echo 1 >"/sys/class/nvme/${device#/dev/}/delete_controller"
    # Nobody handled that: this is what the sweep is for.
    nvme-registry list --all >"$notes/at-switch-root" 2>&1 || true
    [ ! -e "/run/nvme/registry/${device#/dev/}" ] || echo there >"$notes/late-entry"
}

read -r cmdline </proc/cmdline
case $cmdline,$1 in
*registry-test=root*,root) ;;
*registry-test=root*) exit 0 ;;
*,root) exit 0 ;;
esac

{
    echo "stage $1"
    "$1"
    echo "stage $1 done"
} >>/run/registry-test.log 2>&1
