#!/bin/sh
# A storage array, played by this same kernel: the address, the port and the subsystem that the recipe names, and /dev/vdb
# behind it. nvme-fabrics, which the side that connects needs, is not loaded here.
set -eu
nvmet=/sys/kernel/config/nvmet
nqn=nqn.2026-01.example:data

modprobe -a nvmet nvmet-tcp
[ -d "$nvmet" ] || mount -t configfs configfs /sys/kernel/config
ip address add 192.0.2.7/32 dev lo
mkdir "$nvmet/subsystems/$nqn"
echo 1 >"$nvmet/subsystems/$nqn/attr_allow_any_host"
mkdir "$nvmet/subsystems/$nqn/namespaces/1"
echo /dev/vdb >"$nvmet/subsystems/$nqn/namespaces/1/device_path"
echo 1 >"$nvmet/subsystems/$nqn/namespaces/1/enable"
mkdir "$nvmet/ports/1"
echo tcp >"$nvmet/ports/1/addr_trtype"
echo ipv4 >"$nvmet/ports/1/addr_adrfam"
echo 192.0.2.7 >"$nvmet/ports/1/addr_traddr"
echo 4420 >"$nvmet/ports/1/addr_trsvcid"
ln -s "$nvmet/subsystems/$nqn" "$nvmet/ports/1/subsystems/$nqn"
