#!/usr/bin/env bash
# journald takes no more: it is stopped, and its sockets are full. Nothing of ours waits for it; what cannot be logged
# there goes to the kernel's log; entries are written and removed as ever. When journald goes on, it has what it took.
. ./disks.sh

journald() { systemctl show --property=MainPID --value systemd-journald.service; }
kernel_log() { dmesg | grep -F 'nvme-registry' || true; }

target loop race
connect_owned loop race stas
settle
stopped=$(journald)
kill -STOP "$stopped"
trap 'kill -CONT "$stopped"; finish' EXIT
# Each line of ours fills the queue a little, until one has no place in it.
event() { ACTION=remove DEVNAME=/dev/nvme0 SEQNUM=1 SYNTH_UUID=0 nvme-registry uevent; }
lines=0
before=$(kernel_log | wc -l)
until (($(kernel_log | wc -l) > before)); do
    for ((i = 0; i < 50; i++)); do event; done
    lines=$((lines + 50))
    ((lines < 20000)) || { fail "no line has gone to the kernel's log after $lines"; break; }
done
say "journald stopped: its queue took less than $lines lines"

slowest=0
quickly() { # COMMAND...
    timed "$@"
    equal "full journal: $*" 0 "$code"
    under "full journal: $*" 1000
    slowest=$((took > slowest ? took : slowest))
}
dmesg --clear
quickly event
matches "what happens is in the kernel's log" 'nvme-registry.*nvme0.*kept' "$(kernel_log)"
quickly nvme-registry release nvme0 --owner stas
quickly nvme-registry claim nvme0 --owner nbft
quickly nvme-registry update nvme0 -a note -V mine
quickly nvme-registry disconnect nvme0 --as nbft
settle
equal "the entry went with its controller" '' "$(leftovers)"
matches "its removal is in the kernel's log" 'nvme-registry.*nvme0: remove event [0-9]+: entry of nbft .*removed' "$(kernel_log)"
connect_owned loop race again
settle
equal "registered" 'owner=again' "$(entry nvme0)"

kill -CONT "$stopped"
journalctl --sync
equal "journald is the same one" "$stopped" "$(journald)"
journal_mark
take_down nvme0
settle
matches "and has what comes" 'nvme0 removed again ' "$(journal_story)"
equal "nothing is left" '' "$(leftovers)"
figures "journald stopped and its queue full (less than $lines lines): 5 commands, the slowest took $((slowest / 1000)) ms;" \
    "checked: their lines are in the kernel's log, and no entry is left"
