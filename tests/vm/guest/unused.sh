#!/usr/bin/env bash
# Runs in the guest: ends every use of a disk that a case left, be the disk there or not.
set -uo pipefail

cd /usr/lib/vm-test
. ./lib.sh
trap - EXIT ERR
set +e

! pgrep -x multipathd >/dev/null || multipathd shutdown
awk -v dir="$case_dir/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | sort -r | while read -r directory; do
    umount "$directory" || umount -l "$directory"
done
awk 'NR > 1 { print $1 }' /proc/swaps | while read -r area; do swapoff "${area%\\040(deleted)}"; done
for md in /sys/block/md*; do
    [[ ! -e $md ]] || mdadm --quiet --stop "/dev/${md##*/}"
done
if compgen -G '/sys/block/dm-*' >/dev/null; then dmsetup remove_all --force; fi
exit 0
