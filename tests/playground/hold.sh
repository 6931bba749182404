# shellcheck shell=sh disable=SC2154
# Sourced, with $root: holds the disks that are in use, as their mounts do, for as long as this shell and what it starts live.
# No shell but this one needs the numbers 7, 8 and 9.
exec 7<"$root/dev/nvme1n1" 8<"$root/dev/nvme2n1" 9<"$root/dev/nvme7n1"
flock -n 7 && flock -n 8 && flock -n 9
