#!/usr/bin/env bash
# What the product costs next to what it replaces, and how it grows: hyperfine in the environment that udev gives its
# programs, all commands in every round and in another order each time, pinned to one processor. Prints the Markdown that
# packaging/doc/performance.md keeps. It never fails on time; what counts may be is checked with the tests (budget.rs). The
# arithmetic is in bench.py.
#
#   bench.sh BINARY FLOOR [ROUNDS] [BEFORE]    BEFORE is an older binary, to compare `list` and `status` with
#
# Two traps, which shift every figure by a tenth:
# * The state of the page cache. A file on tmpfs (an initramfs), or read from disk by readahead, lies in single pages: state S,
#   which installed systems have. A file that was just written to disk lies in large folios: state L.
# * The floor. An empty program is built as anyone builds one: the same profile, none of our linker's options.
# shellcheck disable=SC2016 # the names of commands are Markdown
set -euo pipefail
binary=$(realpath "$1") floor=$(realpath "$2") rounds=${3:-200} before=${4:+$(realpath "$4")}
here=$(cd "$(dirname "$0")" && pwd)
helpers=${floor%/*}
runs=3

"$here/../needs.sh" bench hyperfine:hyperfine python3:python3 taskset:util-linux /usr/bin/time:time

root=$(mktemp -d /dev/shm/nvme-registry-bench.XXXXXX)
listener=
trap '[[ -z $listener ]] || kill "$listener"; rm -rf "$root" "$helpers/large"' EXIT
trap 'exit 1' INT TERM

# State S, and the same files just written to disk, state L.
mkdir -p "$root/S" "$helpers/large"
cp "$binary" "$root/S/product"
cp "$floor" "$helpers"/{exit,count} "$root/S"
[[ -z $before ]] || cp "$before" "$root/S/before"
cp "$binary" "$helpers/large/product"
cp "$floor" "$helpers/large/floor"
S=$root/S L=$helpers/large

# A tree with so many controllers, laid out as sysfs is, each with an entry of three attributes.
tree() { # DIRECTORY COUNT
	local devices device inode sysfs=$1/sys/devices/virtual/nvme-fabrics/ctl
	local hostnqn=nqn.2014-08.org.nvmexpress:uuid:5d5f7a86-0f6c-4d5a-9d53-6d3d0fca1a01
	mapfile -t devices < <(seq -f 'nvme%.0f' 0 $(($2 - 1)))
	mkdir -p "$1"/{dev,proc/self,run/nvme/registry,sys/class/nvme,sys/fs,sys/kernel} "$sysfs"
	: >"$1/proc/self/mountinfo"
	: >"$1/proc/swaps"
	echo 1000 >"$1/sys/kernel/uevent_seqnum"
	printf '%s\n' "${devices[@]/#/$sysfs/}" "${devices[@]/#/$1/run/nvme/registry/}" | xargs mkdir
	printf '%s\n' "${devices[@]/#/../../devices/virtual/nvme-fabrics/ctl/}" | xargs ln -s -t "$1/sys/class/nvme"
	while read -r inode device; do
		device=${device##*/}
		echo tcp >"$sysfs/$device/transport"
		echo "traddr=192.0.2.${device#nvme},trsvcid=4420" >"$sysfs/$device/address"
		echo "nqn.2014-08.org.nvmexpress:uuid:$device" >"$sysfs/$device/subsysnqn"
		echo live >"$sysfs/$device/state"
		echo "$hostnqn" >"$sysfs/$device/hostnqn"
		echo 1 >"$sysfs/$device/cntlid"
		: >"$1/dev/$device"
		echo stas >"$1/run/nvme/registry/$device/owner"
		echo 1000 >"$1/run/nvme/registry/$device/seqnum"
		echo "$inode" >"$1/run/nvme/registry/$device/incarnation"
	done < <(printf '%s\n' "${devices[@]/#/$sysfs/}" | xargs stat -c '%i %n')
}
scales=(1 64 1024 30000)
for count in "${scales[@]}"; do tree "$root/$count" "$count"; done
# nvme0 and nvme1 are there; the entry of nvme9, which is gone, is put back before each command that removes it, and that of
# nvme1 is taken away before each that registers it.
tree "$root/host" 2
registry=$root/host/run/nvme/registry
mkdir "$root/gone"
cp -r "$registry/nvme0" "$root/gone/nvme9"
# One that two orchestrators register in turn, with a private attribute.
tree "$root/shared" 1
echo note >"$root/shared/run/nvme/registry/nvme0/note"

# A journal that is read.
mkdir -p "$root/host/run/systemd/journal"
ln -s "$root/host/run/systemd" "$root/shared/run/systemd"
mkfifo "$root/ready"
"$helpers/listen" "$root/host/run/systemd/journal/socket" "$root/journal" >"$root/ready" &
listener=$!
read -r _ <"$root/ready"

# The event of nvme9's removal, in the environment of a real one.
mapfile -t variables < <(sed 's/nvme0/nvme9/; s/^SEQNUM=.*/SEQNUM=2000/' "$here/../fixtures/uevents/tcp-remove.env")
as_udev() { env -i "${variables[@]}" "$@"; }

names=() commands=() prepares=() against=() goals=()
# AGAINST: the command whose time is 1. GOAL: at most that ratio.
add() { # NAME COMMAND [PREPARE [AGAINST [GOAL]]]
	names+=("$1") commands+=("$2") prepares+=("${3:-/bin/true}") against+=("${4:-an empty Rust program}") goals+=("${5:-}")
}
product="$S/product --root $root/host"
empty="/bin/rm -rf $registry/nvme9"
refill="/bin/cp -rT $root/gone/nvme9 $registry/nvme9"
rule="[ -e $root/host/dev/nvme9 ] || [ 2000 -le \$(cat $registry/nvme9/seqnum 2>/dev/null || echo 0) ] || rm -rf $registry/nvme9"
add 'an empty Rust program' "$S/floor"
[[ $(uname -m) != x86_64 ]] || add 'a program that only exits: the limit' "$S/exit"
add '`uevent`, nothing registered' "$product uevent" "$empty" '' 1.15
add '`uevent`, removing' "$product uevent" "$refill" '' 1.60
add "libnvme's rule, removing" "/bin/sh -c '$rule'" "$refill" '`uevent`, removing'
add '`register`, anew' "$product register nvme1 --owner stas" "/bin/rm -rf $registry/nvme1"
add '`register`, unchanged' "$product register nvme0 --owner stas"
add "\`register\`, another's" "$S/product --root $root/shared register nvme0 --owner stas" \
	"$S/product --root $root/shared register nvme0 --owner nbft"
add '`owner`' "$product owner nvme0" '' '' 1.22
add '`check`' "$product check nvme0 --as stas" '' '' 1.22
add '`cat owner`' "/bin/cat $registry/nvme0/owner"
# JSON has more columns than the older one had. The goal is for those, and USE.
columns=DEVICE,ENTRY,OWNER,ATTRIBUTES,TRANSPORT,ADDRESS,SUBSYSNQN,STATE,USE
for work in 'list 64' 'list 1024' 'status 1024' 'status --json 1024'; do
	goal=0.85
	[[ $work != list* ]] || goal=0.80
	[[ $work != *json* ]] || goal=
	[[ -z $before ]] || add "\`${work% *}\`, ${work##* }, before" "$S/before --root $root/${work##* } ${work% *}"
	add "\`${work% *}\`, ${work##* }" "$S/product --root $root/${work##* } ${work% *}" '' \
		"${before:+\`${work% *}\`, ${work##* }, before}" "${before:+$goal}"
done
add '`status --json`, 1024, their columns' "$S/product --root $root/1024 status --json -o $columns" '' \
	"${before:+\`status --json\`, 1024, before}" "${before:+0.85}"
add 'state L: an empty Rust program' "$L/floor"
add 'state L: `uevent`, nothing registered' "$L/product --root $root/host uevent" "$empty" 'state L: an empty Rust program'
add 'state L: `owner`' "$L/product --root $root/host owner nvme0" '' 'state L: an empty Rust program'
# nvme-cli has no --root: both read this host's registry.
if nvme registry list >"$root/nvme" 2>&1; then
	add '`list` of this host' "$S/product list"
	add '`nvme registry list`' 'nvme registry list' '' '`list` of this host'
fi

# Exact counts, which also show that each command does what its name says. Page faults and resident memory depend on where
# the kernel puts the program: the median and the highest of many runs (budget.rs).
for i in "${!names[@]}"; do
	# A listing of 1024 is 30,000 stops of the tracer.
	[[ ${names[i]} == *1024* ]] && often=3 || often=32
	for ((run = 0; run < often; run++)); do
		${prepares[i]}
		eval "as_udev $S/count calls ${commands[i]}" 2>>"$root/errors" ||
			{ cat "$root/errors" >&2; echo "make bench: failed: ${commands[i]}" >&2; exit 1; }
	done >"$root/counts.$i"
	[[ ${names[i]} != *removing ]] || [[ ! -e $registry/nvme9 ]] || { echo "make bench: not done: ${names[i]}" >&2; exit 1; }
done

printf '%s\n' "${names[@]}" >"$root/names"
printf '%s\n' "${against[@]}" >"$root/against"
printf '%s\n' "${goals[@]}" >"$root/goals"
cpu=$(taskset -pc $$ | sed 's/.*[ ,-]//')
load=$(cut -d ' ' -f 1 /proc/loadavg)
for ((round = 0; round < rounds; round++)); do
	arguments=()
	for i in $(shuf -i 0-$((${#names[@]} - 1))); do arguments+=(--prepare "${prepares[i]}" --command-name "$i" "${commands[i]}"); done
	as_udev PATH="$PATH" taskset -c "$cpu" hyperfine -N --style none --runs $runs --export-json "$root/round.$round.json" \
		"${arguments[@]}" >"$root/hyperfine" 2>&1 || { cat "$root/hyperfine" >&2; exit 1; }
done

# The scale: few runs, since what grows with the number of entries is long. One controller at a time, as udev sees them, is
# `uevent`; its cost may not depend on how many others there are.
for count in "${scales[@]}"; do
	mkdir -p "$root/$count/run/systemd" && ln -sfn "$root/host/run/systemd/journal" "$root/$count/run/systemd/journal"
	as_udev PATH="$PATH" taskset -c "$cpu" hyperfine -N --style none --warmup 1 --runs 9 --export-json "$root/scale.$count.json" \
		--command-name '`uevent`' "$S/product --root $root/$count uevent" \
		--command-name '`list`' "$S/product --root $root/$count list" \
		--command-name '`list --json`' "$S/product --root $root/$count list --json" \
		--command-name '`status`' "$S/product --root $root/$count status" >"$root/hyperfine" 2>&1 ||
		{ cat "$root/hyperfine" >&2; exit 1; }
	for work in uevent list 'list --json' status; do
		# shellcheck disable=SC2086 # words
		as_udev /usr/bin/time -f "$count \`$work\` %M" -a -o "$root/peaks" "$S/product" --root "$root/$count" $work >"$root/out"
	done
done

echo "$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1), $(nproc) processors$(grep -q '^flags.* hypervisor' /proc/cpuinfo && echo ', a virtual machine');" \
	"Linux $(uname -r | cut -d. -f1-2); /bin/sh is $(basename "$(readlink -f /bin/sh)"). Wall time from spawn to wait, state S where nothing" \
	"else is said, $((rounds * runs)) runs of each command in $rounds rounds, pinned to one processor; load average $load when they began."
echo
python3 "$here/bench.py" "$root"
echo
echo "Bytes: $(stat -c %s "$binary"); an empty Rust program $(stat -c %s "$floor")."
