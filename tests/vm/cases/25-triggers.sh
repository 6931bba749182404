#!/usr/bin/env bash
# `udevadm trigger` of every kind that it knows, on a host with owned, unowned, local and stale ones: no synthetic event
# takes the entry of a live controller; a stale entry goes at the first add or remove, and at no other.
. ./scenarios.sh

actions=(add remove change move online offline bind unbind)
target loop race
target loop free
connect_stranger loop race
connect_stranger loop free
pcie_plug
drive=$dev
settle
nvme-registry register nvme0 --owner stas
before=$(stat -c '%n %i %Z' "$registry"/nvme0 "$registry"/nvme0/*)
libnvme_entry nvme1 nbft
libnvme_before=$(stat -c '%n %i %Z' "$registry"/nvme1 "$registry"/nvme1/*)
unchanged() {
    equal "$1: ours, as it was" "$before" "$(stat -c '%n %i %Z' "$registry"/nvme0 "$registry"/nvme0/*)"
    equal "$1: libnvme's, as it was" "$libnvme_before" "$(stat -c '%n %i %Z' "$registry"/nvme1 "$registry"/nvme1/*)"
}

journal_mark
events=0
trigger() { # WORDS...: counts the events, too
    local sent
    mapfile -t sent < <(udevadm trigger --verbose --dry-run "$@")
    events=$((events + ${#sent[@]}))
    run udevadm trigger --settle "$@"
    equal "trigger $*" 0 "$code"
}
for action in "${actions[@]}"; do
    trigger --action="$action" --subsystem-match=nvme
    trigger --action="$action" --uuid --name-match=/dev/nvme0 --name-match=/dev/nvme1 --name-match="/dev/$drive"
    unchanged "$action"
done
trigger --type=subsystems --action=add
trigger --type=devices --action=add
trigger --type=all --action=change
trigger --subsystem-match=nvme --action=remove --prioritized-subsystem=nvme
unchanged "everything"
# Twenty at once, and none waited for.
for ((i = 0; i < 20; i++)); do udevadm trigger --action="${actions[i % ${#actions[@]}]}" --subsystem-match=nvme; done
settle
unchanged "twenty at once"
equal "the drive has no entry" none "$(entry "$drive")"
errors=$(journal_errors)
equal "errors of ours in the journal" '' "$errors"

# A stale entry under a live name.
cp -a "$registry/nvme0" "$case_dir/stale"
recycle nvme0 loop race
settle
for action in "${actions[@]}"; do
    rm -rf "$registry/nvme0"
    cp -a "$case_dir/stale" "$registry/nvme0"
    trigger --action="$action" --name-match=/dev/nvme0
    case $action in
    add | remove) wanted=none ;;
    *) wanted='owner=stas' ;;
    esac
    equal "a stale entry, $action" "$wanted" "$(entry nvme0)"
done
figures "$events synthetic events of ${#actions[@]} actions, and twenty triggers at once; checked after each: no live entry changed;" \
    "errors of ours: $(grep -c . <<<"$errors" || true)"
