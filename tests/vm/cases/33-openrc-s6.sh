#!/usr/bin/env bash
# The examples for OpenRC and s6-rc: the init script by Debian's openrc-run, `up` and `down` by Debian's execlineb, as s6-rc
# runs them. s6-rc itself is not in Debian.
. ./examples.sh

data=nqn.2026-01.example:data
example_port 6 192.0.2.7 4420
example_target 6 "$data"

# life NAME START STOP: the disk is connected, owned, left alone while it is mounted, disconnected. Both are functions.
life() {
    expect 0 "$2"
    settle
    controller_of "$data"
    equal "$1: connected" nvme0 "$dev"
    expect 0 nvme-registry owner nvme0
    equal "$1: owned" data "$out"
    mount_disk
    journal_mark
    run "$3"
    equal "$1: stopped while mounted: it stays" yes "$(there nvme0)"
    matches "$1: stopped while mounted: logged" 'nvme0: left alone: in use' "$(journal_text)"
    umount "$mnt"
    settle
    expect 0 "$2"
    run "$3"
    settle
    equal "$1: stopped: disconnected" no "$(there nvme0)"
    equal "$1: nothing is left" '' "$(leftovers)"
}

# openrc-run wants a host that OpenRC has booted; this is how it knows. Its dependencies are not asked for.
mkdir -p /run/openrc/{exclusive,started,starting,stopping,inactive,wasinactive,failed,options,daemons,scheduled,tmp}
echo default >/run/openrc/softlevel
install -m 0755 "$examples/openrc/nvme-data" /etc/init.d/nvme-data
openrc_start() { /etc/init.d/nvme-data --nodeps start; }
openrc_stop() { /etc/init.d/nvme-data --nodeps stop; }
life OpenRC openrc_start openrc_stop
rm /etc/init.d/nvme-data

s6_up() { execlineb -P "$examples/s6-rc/nvme-data/up"; }
s6_down() { execlineb -P "$examples/s6-rc/nvme-data/down"; }
life s6-rc s6_up s6_down
equal "s6-rc: the type of the service" oneshot "$(<"$examples/s6-rc/nvme-data/type")"
