#!/bin/sh
# The kernel and udev of the playground, after a command: takes away the controllers that were told to go, numbers their
# events, and has udev's program handle them. (In the tree of the playground; the tests play the kernel themselves.)
#
#   kernel.sh DIRECTORY PROGRAM
set -eu
root=$1 program=$2
for file in "$root"/sys/class/nvme/*/delete_controller; do
    [ -s "$file" ] || continue
    device=${file%/*} device=${device##*/}
    seqnum=$(($(cat "$root/sys/kernel/uevent_seqnum") + 1))
    rm "$root/dev/$device"
    echo "$seqnum" >"$root/sys/kernel/uevent_seqnum"
    # Moved aside: sysfs gives no inode number twice.
    mv "$(realpath "$root/sys/class/nvme/$device")" "$root/sys/devices/gone/$seqnum"
    rm "$root/sys/class/nvme/$device"
    ACTION=remove DEVNAME=$device SEQNUM=$seqnum "$program" --root "$root" uevent
done
