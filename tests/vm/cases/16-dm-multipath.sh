#!/usr/bin/env bash
# Without native multipath every controller has disks of its own: each is the last path to it. Where dm-multipath puts
# two of them together, the paths are those of the multipath device.
. ./disks.sh
holder=

native_multipath N

for use in mounted partition lvm; do
    say "$use, native multipath off"
    plain=plain
    [[ $use != partition ]] || plain=
    fresh_disk loop "$use" $plain
    equal "$use: the disk is the controller's own" yes "$([[ -e /sys/class/nvme/$dev/$disk ]] && echo yes || echo no)"
    "$use"
    left_alone "$use" nvme-registry disconnect "$dev"
    goes_on "$use"
    settle
    "${use}_end"
    settle
    expect 0 nvme-registry disconnect "$dev"
    equal "$use, idle: it goes" no "$(there "$dev")"
    target_end loop "$use"
done

# Two ports, and multipathd. Every new disk becomes a path; the name is the one the test gives.
cat >/etc/multipath.conf <<'CONF'
defaults {
    find_multipaths no
    user_friendly_names yes
    polling_interval 1
}
CONF
modprobe -a dm-multipath dm-service-time
target tcp two
target tcp-b two
target_disk two plain
connect_stranger tcp two reconnect_delay=1 ctrl_loss_tmo=600
first=$dev
disk_of "$first"
first_disk=$disk
make_fs "/dev/$disk"
settle
multipathd -d -s >"$case_dir/multipathd.log" 2>&1 &
connect_stranger tcp-b two
second=$dev
disk_of "$second"
second_disk=$disk
udevadm wait --timeout=120 /dev/mapper/mpatha
map=$(basename "$(readlink -f /dev/mapper/mpatha)")
paths() { find "/sys/block/$map/slaves" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | paste -sd' '; }
has_paths() { [[ $(paths) == "$1" ]]; }
both=$(printf '%s\n' "$first_disk" "$second_disk" | sort | paste -sd' ')
wait_until has_paths "$both"
settle
mount_on_mnt /dev/mapper/mpatha
goes_on "dm-multipath: two paths"

user="$map \(mpatha\) on $first_disk is mounted on $mnt"
expect 0 nvme-registry disconnect "$first"
matches "the first goes, and is told to be one of two" \
    "$first: disconnected: path [12] of 2 of $map \(mpatha\), which is mounted on $mnt" "$out"
wait_until has_paths "$second_disk"
goes_on "dm-multipath: one path"
dev=$second
user="$map \(mpatha\) on $second_disk is mounted on $mnt"
left_alone "dm-multipath: the last path" nvme-registry disconnect "$second"
goes_on "dm-multipath: the last path"

connect_stranger tcp two reconnect_delay=1 ctrl_loss_tmo=600
first=$dev
disk_of "$first"
wait_until has_paths "$(printf '%s\n' "$disk" "$second_disk" | sort | paste -sd' ')"
settle
expect 1 nvme-registry disconnect-all
equal "dm-multipath: disconnect-all leaves exactly one" 1 "$(find /sys/class/nvme -mindepth 1 | wc -l)"
goes_on "dm-multipath: disconnect-all"

# A path whose target is dead is none.
dev=$(ls /sys/class/nvme)
dead=tcp live=tcp-b
if [[ $(<"/sys/class/nvme/$dev/address") == *trsvcid=4420* ]]; then dead=tcp-b live=tcp; fi
connect_stranger "$dead" two reconnect_delay=1 ctrl_loss_tmo=600
lame=$dev
disk_of "$lame"
settle
target_gone "$dead" two
rmdir "$nvmet/ports/${port_number[$dead]}"
wait_until has_state "$lame" connecting
dev=$(find /sys/class/nvme -mindepth 1 ! -name "$lame" -printf '%f')
user="$map \(mpatha\) on nvme[0-9]+n1 is mounted on $mnt"
left_alone "dm-multipath: the other path is dead" nvme-registry disconnect "$dev"
say "$live is live, $dead is dead"
goes_on "dm-multipath: the other path is dead"
guard_row 'dm-multipath, mounted, two paths' 'both go' 'both go' 'one goes, the other stays'

umount "$mnt"
multipath -f mpatha || true
multipathd shutdown || true
