#!/usr/bin/env bash
# 64 controllers of 64 owners removed at once: every entry goes, nothing is left, and each removal is logged once.
. ./lib.sh

count=64
for ((i = 0; i < count; i++)); do target loop "storm$i"; done
for ((i = 0; i < count; i++)); do
    options loop "storm$i"
    nvme-registry connect --owner "owner$i" "${opts[@]}"
done >"$case_dir/devices"
settle
mapfile -t devices <"$case_dir/devices"
equal "controllers registered" "$count" "$(nvme-registry list --names | wc -l)"

journal_mark
count_execs
for dev in "${devices[@]}"; do take_down "$dev" & done
wait
settle
equal "controllers left" '' "$(ls /sys/class/nvme)"
equal "entries left" '' "$(leftovers)"
equal "processes started, one for each removal" "$count" "$(execs)"
wanted=$(for ((i = 0; i < count; i++)); do echo "${devices[i]} removed owner$i"; done | sort)
equal "each removal logged once, with its owner" "$wanted" "$(journal_story | awk '{ print $1, $2, $3 }' | sort)"
