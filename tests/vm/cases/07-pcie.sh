#!/usr/bin/env bash
# A local drive is plugged out and in: it is the kernel's, so no process of ours is started and nothing is logged (H7).
# That the counter counts is shown with a fabrics controller first.
. ./lib.sh

target loop counted
count_execs
connect_stranger loop counted
take_down "$dev"
settle
equal "a fabrics controller: one process for its add, one for its remove" 2 "$(execs)"

journal_mark
count_execs
pcie_plug
equal "the drive is there" pcie "$(<"/sys/class/nvme/$dev/transport")"
pcie_unplug
settle
pcie_plug
pcie_unplug
settle
equal "a local drive, twice out and in: processes of ours" 0 "$(execs)"
equal "a local drive: lines in the journal" '' "$(journal_text)"
equal "a local drive: entries" '' "$(leftovers)"

# Nor is it given an owner.
pcie_plug
expect 1 nvme-registry register "$dev" --owner stas
expect 1 nvme-registry claim "$dev" --owner stas
equal "a local drive cannot be registered" '' "$(leftovers)"
