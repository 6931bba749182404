#!/usr/bin/env bash
# Case 14 with xfs, which names its file systems in sysfs as ext4 does but is another implementation of everything: left
# alone while it is mounted, here, in another mount namespace or on a logical volume; gone when it is not.
. ./disks.sh
holder=

fs=xfs
modprobe xfs
for transport in loop tcp; do
    for use in mounted elsewhere lvm; do
        refused "$transport" "$use" plain
        target_end "$transport" "$use"
    done
done
equal "the disks had xfs on them" yes "$(grep -qw xfs /proc/filesystems && echo yes)"
