#!/usr/bin/env bash
# Runs in the guest between cases: brings back the state a case may count on. No fabrics controller, no PCIe one, no
# target, no registry, udevd running with the product's rule and an empty queue. Fails if that cannot be had.
set -euo pipefail

cd /usr/lib/vm-test
. ./lib.sh
trap - EXIT

# Case 32 stops it.
systemctl start systemd-udevd-kernel.socket systemd-udevd-control.socket systemd-udevd.service
# A disk whose target was made to answer no more: no controller with a request on its way can be deleted.
for map in /sys/block/dm-*; do
    if [[ -e $map && $(<"$map/dm/suspended") == 1 ]]; then dmsetup resume "$(<"$map/dm/name")"; fi
done
udevd_resume
# The rule of case 13 and the hold of others live here; the product's own is in the image.
rm -rf /run/udev/rules.d/*
udevadm control --start-exec-queue --reload
for controller in /sys/class/nvme/nvme*; do
    [[ -e $controller/delete_controller ]] || continue
    # Busy: somebody is deleting it already.
    echo 1 >"$controller/delete_controller" || udevadm wait --removed --timeout=120 "/dev/${controller##*/}"
done
pcie_unplug
# What used a disk gets errors by now, and does not wait for a target.
bash guest/unused.sh
rm -rf "$case_dir"
mkdir -p "$case_dir"
target_reset
native_multipath Y
udevadm settle --timeout=60
rm -rf /run/nvme/registry
left=$(ls /sys/class/nvme)
[[ -z $left ]] || { printf 'reset: still there: %s\n' "$left" >&2; exit 1; }
