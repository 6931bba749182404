#!/usr/bin/env bash
# For the cases that run the examples of packaging/ as they are printed: the addresses that they name are this guest's,
# and have a target each. Brings disks.sh along.
. ./disks.sh

# shellcheck disable=SC2034 # for the cases
examples=/usr/share/doc/nvme-registry/examples

# example_port NUMBER ADDRESS PORT: a port of nvmet at an address from the documentation.
example_port() {
    busybox ip addr add "$2/32" dev lo 2>/dev/null || busybox ip addr show dev lo | grep -q "$2/32"
    port=$nvmet/ports/$1
    mkdir "$port"
    echo tcp >"$port/addr_trtype"
    echo ipv4 >"$port/addr_adrfam"
    echo "$2" >"$port/addr_traddr"
    echo "$3" >"$port/addr_trsvcid"
}

# example_target NUMBER NQN: a subsystem with a disk at that port.
example_target() {
    local subsystem=$nvmet/subsystems/$2
    if [[ ! -d $subsystem ]]; then
        mkdir "$subsystem" "$subsystem/namespaces/1"
        echo 1 >"$subsystem/attr_allow_any_host"
        truncate -s 64M "$case_dir/${2##*:}.img"
        printf %s "$case_dir/${2##*:}.img" >"$subsystem/namespaces/1/device_path"
        echo 1 >"$subsystem/namespaces/1/buffered_io"
        echo 1 >"$subsystem/namespaces/1/enable"
    fi
    ln -s "$subsystem" "$nvmet/ports/$1/subsystems/$2"
}

# The controller of a subsystem, by what the kernel says. Sets $dev, empty if there is none.
controller_of() { # NQN
    local controller
    dev=
    for controller in /sys/class/nvme/nvme*; do
        [[ ! -e $controller/subsysnqn || $(<"$controller/subsysnqn") != "$1" ]] || dev=${controller##*/}
    done
}

# Mounts the disk of $dev on $mnt, with a file system of its own.
mount_disk() {
    disk_of "$dev"
    mounted
}
