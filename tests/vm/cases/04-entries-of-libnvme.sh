#!/usr/bin/env bash
# The same as case 3 with entries as libnvme writes them: owner and stamp, and owner only (its write lost the stamp, or
# an older version wrote it). A stamp orders the entry against the events; without one there is doubt, and doubt keeps
# an entry while its name is in use, as L1 says (src/registry/mod.rs).
. ./scenarios.sh

target loop race
for holding in queue daemon; do
    writer=libnvme
    play recycled_registered
    equal "$holding, owner and stamp: recycled and registered again" second "$shown"
    play recycled_unknown
    equal "$holding, owner and stamp: recycled by a connector that knows nothing" none "$shown"
    play both_gone
    equal "$holding, owner and stamp: both gone" none "$shown"
    play third_registered
    equal "$holding, owner and stamp: three generations, the last one registered" third "$shown"
    play third_unknown
    equal "$holding, owner and stamp: three generations, the last one unknown" none "$shown"

    writer=bare
    play recycled_registered
    equal "$holding, owner only: recycled and registered again" second "$shown"
    play recycled_unknown
    equal "$holding, owner only: in doubt, the name is in use" first "$shown"
    play both_gone
    equal "$holding, owner only: both gone" none "$shown"
    play third_registered
    equal "$holding, owner only: three generations, the last one registered" third "$shown"
done

# What is kept in doubt goes with the name.
writer=bare
connect_stranger loop race
libnvme_entry nvme0 first ''
take_down nvme0
settle
equal "owner only: gone with its controller" none "$(entry nvme0)"
# H4: a stamp that is no number is no stamp, and never a reason to remove.
for stamp in 'not a number' 99999999999999999999999 -1; do
    connect_stranger loop race
    settle
    libnvme_entry nvme0 first "$stamp"
    synthetic add remove
    equal "the stamp '$stamp': kept while the controller is there" first "$(owner_shown nvme0)"
    take_down nvme0
    settle
    equal "the stamp '$stamp': gone with its controller" none "$(owner_shown nvme0)"
done
