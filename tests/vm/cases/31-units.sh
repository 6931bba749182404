#!/usr/bin/env bash
# The example units, which the README links as recipes, and the units of the package, each run by systemd as it is printed.
. ./examples.sh

units=/run/systemd/system
data=nqn.2026-01.example:data backup=nqn.2026-01.example:backup
example_port 5 192.0.2.1 4420
example_port 6 192.0.2.7 4420
example_target 5 "$data"
example_target 6 "$data"
example_target 6 "$backup"
# The unit files of an earlier case are none of this one's.
mkdir -p "$units"

# Its ActiveState, SubState and Result.
unit_state() {
    local property
    for property in ActiveState SubState Result; do systemctl show --property="$property" --value "$1"; done | paste -sd' '
}

# unit_life NAME NQN OWNER STOPPED: starts a unit, looks at what became of it, and stops it with the disk in use and without.
# STOPPED is the unit's state after it was stopped while the disk was in use.
unit_life() {
    local name=$1 nqn=$2 owner=$3 stopped=$4
    say "$name"
    expect 0 systemctl start "$name"
    settle
    controller_of "$nqn"
    equal "$name: connected" nvme0 "$dev"
    equal "$name: stays active" 'active exited success' "$(unit_state "$name")"
    expect 0 nvme-registry owner nvme0
    equal "$name: owned" "$owner" "$out"
    run nvme-registry disconnect-all
    equal "$name: disconnect-all leaves it alone" yes "$(there nvme0)"

    mount_disk
    journal_mark
    run systemctl stop "$name"
    equal "$name: stopped while mounted: the controller stays" yes "$(there nvme0)"
    matches "$name: stopped while mounted: logged" 'nvme0: left alone: in use' "$(journal_text)"
    equal "$name: stopped while mounted: the unit" "$stopped" "$(unit_state "$name")"
    umount "$mnt"
    settle
    systemctl reset-failed "$name" 2>/dev/null || true

    # It is there already, and the unit's own.
    if [[ $(systemctl cat "$name") == *--idempotent* ]]; then
        expect 0 systemctl start "$name"
    else
        expect 0 nvme-registry disconnect nvme0 --owner "$owner"
        settle
        expect 0 systemctl start "$name"
    fi
    settle
    expect 0 systemctl stop "$name"
    controller_of "$nqn"
    equal "$name: stopped: disconnected" '' "$dev"
    settle
    equal "$name: nothing is left" '' "$(leftovers)"
}

cp "$examples"/systemd/*.service "$units/"
systemctl daemon-reload
unit_life nvme-data.service "$data" data 'inactive dead success'
unit_life nvme-backup.service "$backup" backup 'inactive dead success'

# Without RemainAfterExit=, which a recipe had forgotten once, systemd disconnects what it has just connected.
sed '/^RemainAfterExit/d' "$units/nvme-data.service" >"$units/forgotten.service"
systemctl daemon-reload
run systemctl start forgotten.service
settle
controller_of "$data"
equal "without RemainAfterExit=: gone at once" '' "$dev"

# nvme-discoverd's transient units, with and without the drop-in. The transient unit has an ExecStop= as discoverd makes it.
unit=nvme-discoverd-0123456789ab
start_transient() {
    connect_owned "$1" disk discoverd
    settle
    mkdir -p /run/nvme/discoverd/units
    echo "$dev" >"/run/nvme/discoverd/units/$unit.devid"
    expect 0 systemd-run --quiet --unit="$unit" --property=Type=oneshot --remain-after-exit \
        --property="ExecStop=/usr/sbin/nvme disconnect --device=$dev" /bin/true
}
target tcp disk
target_disk disk plain
start_transient tcp
mount_disk
expect 0 systemctl stop "$unit"
equal "discoverd's own ExecStop= takes a mounted disk away" no "$(there nvme0)"
bash guest/unused.sh
settle
mkdir -p "$units/nvme-discoverd-.service.d"
cp "$examples"/systemd/nvme-discoverd-.service.d/*.conf "$units/nvme-discoverd-.service.d/"
systemctl daemon-reload
start_transient tcp
mount_disk
expect 0 systemctl stop "$unit"
equal "with the drop-in a mounted disk stays" yes "$(there nvme0)"
umount "$mnt"
settle
expect 0 systemctl reset-failed
expect 0 systemd-run --quiet --unit="$unit" --property=Type=oneshot --remain-after-exit /bin/true
expect 0 systemctl stop "$unit"
equal "with the drop-in an idle one goes" no "$(there nvme0)"
settle
# Another owner's is left alone.
start_transient tcp
expect 0 nvme-registry register "$dev" --owner nbft
expect 0 systemctl stop "$unit"
equal "with the drop-in another owner's stays" yes "$(there nvme0)"
take_down nvme0
settle
rm -rf /run/nvme

# The boot claim as the package has it, where there is no registry yet: nothing to claim, then a mounted disk.
boot_claim=nvme-registry-boot-claim.service
expect 0 systemctl restart "$boot_claim"
matches "boot claim, nothing in use: its mark" '^system at [0-9.]+ s: nothing$' "$(cat /run/nvme/boot-claim)"
equal "boot claim, nothing in use: succeeds" success "$(systemctl show --property=Result --value "$boot_claim")"
rm -rf /run/nvme
connect_stranger tcp disk
settle
mount_disk
expect 0 systemctl restart "$boot_claim"
matches "boot claim, no registry yet: its mark" '^system at [0-9.]+ s: nvme0$' "$(cat /run/nvme/boot-claim)"
expect 0 nvme-registry owner nvme0
equal "boot claim: the owner" boot "$out"
umount "$mnt"
settle

# The sweep as the package has it.
mkdir -p "$registry/nvme9"
echo gone >"$registry/nvme9/owner"
echo 1 >"$registry/nvme9/seqnum"
expect 0 systemctl restart nvme-registry-sweep.service
equal "sweep: the stale entry is gone" none "$(entry nvme9)"
equal "sweep: the live one is kept" 'owner=boot' "$(entry nvme0)"
expect 0 nvme-registry disconnect nvme0 --owner boot
settle

# The script of the dracut example: nvme-cli connects what the discovery controller names, and it is claimed.
example_port 7 192.0.2.1 8009
example_target 7 "$backup"
expect 0 sh -c ". $examples/dracut/90nvme-connect/connect.sh"
controller_of "$backup"
matches "dracut example: connected" '^nvme[0-9]+$' "$dev"
expect 0 nvme-registry owner "$dev"
equal "dracut example: claimed" initramfs "$out"
expect 0 sh -c ". $examples/dracut/90nvme-connect/connect.sh"
equal "dracut example, run again: still its own" 'owner=initramfs' "$(entry "$dev")"
rm -rf "$units"/{readme,forgotten,nvme-data,nvme-backup}.service "$units/nvme-discoverd-.service.d"
systemctl daemon-reload
