#!/usr/bin/env bash
# The target goes away and nobody orchestrates: the kernel tries to reconnect, gives up after ctrl_loss_tmo and removes
# the controller by itself. The entry goes with it, and the journal says whose it was.
. ./lib.sh

target tcp lost
journal_mark
connect_owned tcp lost stas reconnect_delay=1 ctrl_loss_tmo=2
settle
target_gone tcp lost
udevadm wait --removed --timeout=120 "/dev/$dev"
settle
equal "tcp: the controller is gone" no "$(there nvme0)"
equal "tcp: nothing is left" '' "$(leftovers)"
matches "tcp: the journal has it" 'nvme0 removed stas .*gone' "$(journal_story)"

# A loop controller goes together with its target.
target loop lost2
journal_mark
connect_owned loop lost2 nbft
settle
target_gone loop lost2
udevadm wait --removed --timeout=120 "/dev/$dev"
settle
equal "loop: nothing is left" '' "$(leftovers)"
matches "loop: the journal has it" 'nvme0 removed nbft .*gone' "$(journal_story)"
