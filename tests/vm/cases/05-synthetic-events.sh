#!/usr/bin/env bash
# `udevadm trigger`: events that the kernel did not send prove no order. They remove nothing live (H5); an entry that is
# known to be of an earlier controller goes at the first add or remove of any kind.
. ./scenarios.sh

target loop race
for writer in product libnvme bare; do
    play synthetic_live
    equal "$writer: add, change and remove on a live controller" first "$shown"
done

writer=product
play synthetic_stale change
equal "a stale entry, change: not our event" first "$shown"
play synthetic_stale add
equal "a stale entry, add" none "$shown"
play synthetic_stale remove
equal "a stale entry, remove" none "$shown"

# The coldplug at boot, as systemd-udev-trigger.service does it, after an initramfs left entries behind.
target loop other
connect_stranger loop race
connect_stranger loop other
settle
nvme-registry register nvme0 --owner nbft
nvme-registry register nvme1 --owner stas
cp -a "$registry/nvme0" "$case_dir/stale"
recycle nvme0 loop race
settle
rm -rf "$registry/nvme0"
mv "$case_dir/stale" "$registry/nvme0"
journal_mark
udevadm trigger --type=devices --action=add --subsystem-match=nvme --settle
equal "coldplug: the stale entry is gone" none "$(entry nvme0)"
equal "coldplug: the other one is kept" 'owner=stas' "$(entry nvme1)"
matches "coldplug: said so" 'nvme0 removed nbft .*another controller' "$(journal_story)"
