#!/usr/bin/env bash
# A host without udev: udevd is stopped, and busybox's mdev runs as a daemon with the example configuration. Real events of
# real controllers, with the kernel's own environment.
. ./examples.sh

systemctl stop systemd-udevd-kernel.socket systemd-udevd-control.socket systemd-udevd.service
equal "udevd does not run" '' "$(pgrep -x systemd-udevd || true)"
cp "$examples/mdev/mdev.conf" /etc/mdev.conf
busybox mdev -df 2>"$case_dir/mdev.err" &
mdev=$!

# mdev listens when the kernel has a netlink socket of its own for events (protocol 15, group 1). While it has nothing to do
# it sleeps; the event before that is handled then. An event that is queued counts as not handled.
socket() { awk -v pid="$mdev" '$2 == 15 && $3 == pid' /proc/net/netlink; }
listens() { [[ -n $(socket) ]]; }
quiet() {
    [[ $(socket | awk '{ print $5 }') == 0 && -z $(pgrep -P "$mdev" || true) ]] &&
        [[ $(awk '/^State:/ { print $2 }' "/proc/$mdev/status") == S ]]
}
handled() { wait_until quiet; }
handled_by() { [[ $(journal_story) == *"$1"* ]]; }
wait_until listens
handled

target loop mdev
journal_mark
connect_owned loop mdev first
handled
equal "registered" 'owner=first' "$(entry nvme0)"
take_down nvme0
wait_until handled_by 'nvme0 removed first'
equal "removed by a real event, through mdev" none "$(entry nvme0)"

# mdev is late, and the name is in use again: the first owner's entry goes, and the second one's stays.
connect_owned loop mdev second
handled
kill -STOP "$mdev"
take_down nvme0
connect_stranger loop mdev
equal "the stale entry is still there" 'owner=second' "$(entry nvme0)"
kill -CONT "$mdev"
wait_until handled_by 'nvme0 removed second'
handled
equal "mdev late: the new controller inherits no owner" none "$(entry nvme0)"
take_down nvme0
handled
kill -STOP "$mdev"
connect_owned loop mdev third
take_down nvme0
connect_owned loop mdev fourth
kill -CONT "$mdev"
handled
equal "mdev late: the new controller keeps its owner" 'owner=fourth' "$(entry nvme0)"
equal "mode and owner of the node" '600 root root' "$(stat -c '%a %U %G' /dev/nvme0)"
take_down nvme0
wait_until handled_by 'nvme0 removed fourth'
handled
equal "nothing is left" '' "$(leftovers)"
equal "mdev said nothing" '' "$(<"$case_dir/mdev.err")"
kill "$mdev"
rm /etc/mdev.conf
