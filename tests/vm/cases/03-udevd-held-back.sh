#!/usr/bin/env bash
# udevd handles events late: its queue is stopped, or the whole daemon, while names are used again. What is live stays,
# what is not goes, and nobody inherits an owner (H1, H2, S1, L1). Then the rule itself is held between judging and
# removing, in udevd's own sandbox.
. ./scenarios.sh

target loop race
for holding in queue daemon; do
    play recycled_registered
    equal "$holding: recycled and registered again" second "$shown"
    play recycled_unknown
    equal "$holding: recycled by a connector that knows nothing" none "$shown"
    play both_gone
    equal "$holding: both gone" none "$shown"
    play third_registered
    equal "$holding: three generations, the last one registered" third "$shown"
    play third_unknown
    equal "$holding: three generations, the last one unknown" none "$shown"
done

play handler_held /sys/class/nvme/nvme0 %file
equal "held after judging: the new entry" second "$shown"
play handler_held /run/nvme/registry/nvme0 unlinkat
equal "held while removing: the new entry" second "$shown"
play handler_held /run/nvme/registry openat
equal "held before judging: the new entry" second "$shown"
