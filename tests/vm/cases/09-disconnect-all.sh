#!/usr/bin/env bash
# `disconnect-all` in all its forms, on a host with subsystems of two orchestrators, unowned ones and a local drive:
# only what may go goes. And a name that is used again between judging and deleting is not hit (H12).
. ./lib.sh

# The connected targets, in order; "drive" is the local one.
connected() {
    local controller name
    for controller in /sys/class/nvme/nvme*; do
        name=$(<"$controller/subsysnqn")
        [[ $(<"$controller/transport") != pcie ]] || name=drive
        echo "${name#"$nqn_prefix"}"
    done | sort | paste -sd' '
}

for name in stas1 stas2 nbft free; do target loop "$name"; done
target tcp freetcp
pcie_plug
everything() {
    connect_owned loop stas1 stas
    connect_owned loop stas2 stas
    connect_owned loop nbft nbft
    connect_stranger loop free
    connect_stranger tcp freetcp
    settle
}
everything
all='drive free freetcp nbft stas1 stas2'
equal "all of it" "$all" "$(connected)"

expect 0 nvme-registry disconnect-all --dry-run
matches "dry run: names what would go" "$(device_of free): would be" "$out"
equal "dry run: nothing happened" "$all" "$(connected)"

expect 0 nvme-registry disconnect-all -t tcp
equal "-t tcp: the unowned one on tcp" 'drive free nbft stas1 stas2' "$(connected)"

expect 0 nvme-registry disconnect-all -t loop --dry-run
equal "-t loop, dry: nothing happened" 'drive free nbft stas1 stas2' "$(connected)"

expect 0 nvme-registry disconnect-all
equal "plain: unowned fabrics controllers only" 'drive nbft stas1 stas2' "$(connected)"

expect 0 nvme-registry disconnect-all
equal "plain again: nothing to do" 'drive nbft stas1 stas2' "$(connected)"

expect 0 nvme-registry disconnect-all --owner stas --dry-run
equal "--owner, dry: nothing happened" 'drive nbft stas1 stas2' "$(connected)"

expect 0 nvme-registry disconnect-all --owner stas --yes
equal "--owner: all of stas's, nobody else's" 'drive nbft' "$(connected)"

expect 0 nvme-registry disconnect-all --force --dry-run
equal "--force, dry: nothing happened" 'drive nbft' "$(connected)"

expect 0 nvme-registry disconnect-all --force --yes
equal "--force: every fabrics controller, never the drive" drive "$(connected)"
expect 0 nvme-registry disconnect-all --force --yes
equal "--force again: the drive stays" drive "$(connected)"
expect 2 nvme-registry disconnect-all --owner stas --force --yes
settle
equal "nothing is left" '' "$(leftovers)"

# An owner that cannot be read counts as one; an entry of an earlier controller protects nobody.
connect_stranger loop free
free=$dev
mkdir -p "$registry/$free"
ln -s /etc/hostname "$registry/$free/owner"
expect 3 nvme-registry disconnect-all
equal "an unreadable owner: left alone" 'drive free' "$(connected)"
rm -rf "${registry:?}/$free"
expect 0 nvme-registry register "$free" --owner stas
udevd_hold
recycle "$free" loop free
expect 0 nvme-registry disconnect-all
equal "a stale entry does not protect its successor" drive "$(connected)"
udevd_release
settle

# H12: held when its decision is made; the name is then somebody else's.
for call in "delete_controller openat" "$registry openat"; do
    read -r path calls <<<"$call"
    connect_stranger loop free
    free=$dev
    settle
    hold "$path" "$calls" nvme-registry disconnect-all
    take_down "$free"
    connect_owned loop stas1 stas
    equal "held at $call: the name is used again" "$free" "$dev"
    proceed
    equal "held at $call: the new owner's controller is not hit" 'drive stas1' "$(connected)"
    equal "held at $call: nor its entry" 'owner=stas' "$(entry "$free")"
    expect 0 nvme-registry disconnect "$free" --owner stas
    settle
done

# The same through one name.
connect_owned loop free nbft
free=$dev
settle
hold delete_controller openat nvme-registry disconnect "$free" --owner nbft
take_down "$free"
connect_owned loop stas1 stas
proceed
equal "disconnect, held: the new owner's controller is not hit" 'drive stas1' "$(connected)"
