#!/bin/sh
# Lays out a host below DIRECTORY, for `nvme-registry --root DIRECTORY`: a /dev, a /sys, a /proc and a /run with a controller
# of every kind. It is the one source of the playground, the demo and the tests of what is printed. Needs no privilege.
#
#   tree.sh DIRECTORY PROGRAM
#
#   nvme0  local (PCIe)
#   nvme1  owned by boot, its disk is mounted on /
#   nvme2  unowned, its disk is mounted on /srv
#   nvme3  unowned, its disk is idle; its NQN differs from that of nvme2 in the last digit
#   nvme4  a stale entry of stas: the controller is gone
#   nvme5  an entry of discoverd that is unverified, since it has no stamp: `nvme registry update` of libnvme writes such
#   nvme6  an owner that cannot be read
#   nvme7, nvme8  two paths to one disk, which is mounted on /data; owned by stas
#
# The disks of a tree are plain files. A disk is in use for a disconnect if somebody holds a lock on its file (flock(1));
# for the questions /proc says who uses it.
set -eu
root=$1 program=$2

ctl=sys/devices/virtual/nvme-fabrics/ctl
nqn=nqn.2014-08.org.nvmexpress:uuid:3f2a77f0-52c1-4f0e-9d55-0c6b3d5e10

mkdir -p "$root/dev" "$root/run" "$root/sys/kernel" "$root/sys/class/nvme" "$root/sys/class/block" \
    "$root/sys/class/nvme-subsystem" "$root/proc/self" "$root/proc/1" "$root/sys/devices/gone" "$root/$ctl"
echo 1340 >"$root/sys/kernel/uevent_seqnum"

# attribute DIRECTORY NAME VALUE
attribute() { mkdir -p "$root/$1" && printf '%s\n' "$3" >"$root/$1/$2"; }
number_event() { echo $(($(cat "$root/sys/kernel/uevent_seqnum") + 1)) >"$root/sys/kernel/uevent_seqnum"; }

# controller DEVICE DIRECTORY TRANSPORT ADDRESS NQN
controller() {
    attribute "$2" transport "$3"
    attribute "$2" address "$4"
    attribute "$2" subsysnqn "$5"
    attribute "$2" state live
    [ "$3" = pcie ] || : >"$root/$2/delete_controller"
    ln -s "../../../$2" "$root/sys/class/nvme/$1"
    : >"$root/dev/$1"
    number_event
}
fabric() { controller "$1" "$ctl/$1" "$2" "traddr=$3,trsvcid=4420" "$4"; }

# disk DIRECTORY NAME NUMBER: a block device of the controller or subsystem in DIRECTORY
disk() {
    attribute "$1/$2" dev "$3"
    attribute "$1/$2" diskseq "${3#*:}"
    attribute "$1/$2" hidden 0
    mkdir -p "$root/$1/$2/holders"
    ln -s "../../../$1/$2" "$root/sys/class/block/$2"
    echo "$3" >"$root/dev/$2"
}

controller nvme0 sys/devices/pci0000:00/0000:00:01.0/nvme/nvme0 pcie 0000:00:01.0 nqn.2019-08.org.example:local
fabric nvme1 tcp 192.0.2.1 nqn.2026-01.example:root
fabric nvme2 tcp 192.0.2.7 "${nqn}11"
fabric nvme3 tcp 192.0.2.7 "${nqn}12"
fabric nvme4 tcp 192.0.2.8 nqn.2026-01.example:gone
fabric nvme5 tcp 192.0.2.9 nqn.2026-01.example:discovered
fabric nvme6 rdma 198.51.100.6 nqn.2026-01.example:broken
fabric nvme7 rdma 198.51.100.7 nqn.2026-01.example:data
fabric nvme8 rdma 198.51.100.8 nqn.2026-01.example:data
disk "$ctl/nvme1" nvme1n1 259:1
disk "$ctl/nvme2" nvme2n1 259:2
disk "$ctl/nvme3" nvme3n1 259:3

# Native multipath: the disk belongs to the subsystem, and each controller has a hidden path to it.
subsystem=sys/devices/virtual/nvme-subsystem/nvme-subsys7
attribute "$subsystem" subsysnqn nqn.2026-01.example:data
ln -s "../../../$subsystem" "$root/sys/class/nvme-subsystem/nvme-subsys7"
disk "$subsystem" nvme7n1 259:7
for path in nvme7/nvme7c7n1 nvme8/nvme7c8n1; do
    ln -s "../../nvme-fabrics/ctl/${path%/*}" "$root/$subsystem/${path%/*}"
    attribute "$ctl/$path" hidden 1
    attribute "$ctl/$path" ana_state optimized
done

for process in self 1; do
    for mount in 259:1:/ 259:2:/srv 259:7:/data; do
        echo "29 1 ${mount%:*} / ${mount##*:} rw,relatime shared:1 - ext4 /dev/disk rw"
    done >"$root/proc/$process/mountinfo"
done
printf 'Filename\tType\tSize\tUsed\tPriority\n' >"$root/proc/swaps"

# The registry.
run() { "$program" --root "$root" --quiet "$@"; }
run register nvme1 --owner boot
run register nvme4 --owner stas
run register nvme6 --owner stas
run register nvme7 nvme8 --owner stas
run update nvme7 -a note -V 'path 1 of the array'
mkdir "$root/run/nvme/registry/nvme5"
echo discoverd >"$root/run/nvme/registry/nvme5/owner"
rm "$root/run/nvme/registry/nvme6/owner"
mkdir "$root/run/nvme/registry/nvme6/owner"

# nvme4 goes, and no event was handled. Its directory is moved aside: sysfs gives no inode number twice.
rm "$root/dev/nvme4" "$root/sys/class/nvme/nvme4"
mv "$root/$ctl/nvme4" "$root/sys/devices/gone/nvme4"
number_event
