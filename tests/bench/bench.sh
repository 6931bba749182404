#!/usr/bin/env bash
# What the product costs next to what it replaces: rounds of hyperfine, interleaved, on tmpfs, in the environment udev gives
# its programs. Prints Markdown for the README: a table of medians and of their ratios to an empty program, and a table of
# exact counts. It never fails on time; what counts may be is checked with the tests (budget.rs).
#
#   bench.sh BINARY FLOOR [ROUNDS]     FLOOR is the empty program, its helpers lie next to it (floor/src/bin)
set -euo pipefail
binary=$(realpath "$1") floor=$(realpath "$2") rounds=${3:-7}
helpers=${floor%/*}
environment=$(dirname "$0")/../fixtures/uevents/tcp-remove.env

"$(dirname "$0")/../needs.sh" bench hyperfine:hyperfine ldd:libc-bin
# Under udev there is no PATH, and none here.
hyperfine=$(command -v hyperfine) cat=$(command -v cat) cp=$(command -v cp) rm=$(command -v rm)

root=$(mktemp -d /dev/shm/nvme-registry-bench.XXXXXX)
listener=
trap '[[ -z $listener ]] || kill "$listener"; rm -rf "$root"' EXIT
trap 'exit 1' INT TERM

# A tree with so many controllers, laid out as sysfs is, each with an entry of three attributes.
tree() { # DIRECTORY COUNT
	local devices device inode sysfs=$1/sys/devices/virtual/nvme-fabrics/ctl
	mapfile -t devices < <(seq -f 'nvme%.0f' 0 $(($2 - 1)))
	mkdir -p "$1"/{dev,run/nvme/registry,sys/class/nvme,sys/kernel} "$sysfs"
	echo 1000 >"$1/sys/kernel/uevent_seqnum"
	mkdir "${devices[@]/#/$sysfs/}" "${devices[@]/#/$1/run/nvme/registry/}"
	ln -s "${devices[@]/#/../../devices/virtual/nvme-fabrics/ctl/}" "$1/sys/class/nvme"
	while read -r inode device; do
		device=${device##*/}
		echo tcp >"$sysfs/$device/transport"
		: >"$1/dev/$device"
		echo stas >"$1/run/nvme/registry/$device/owner"
		echo 1000 >"$1/run/nvme/registry/$device/seqnum"
		echo "$inode" >"$1/run/nvme/registry/$device/incarnation"
	done < <(stat -c '%i %n' "${devices[@]/#/$sysfs/}")
}
# nvme0 is there and registered, nvme1 there and not; nvme8 is gone and its entry left, nvme9 is gone and was never there.
tree "$root/host" 2
rm -r "$root/host/run/nvme/registry/nvme1"
for count in 1 64 1024; do tree "$root/$count" "$count"; done
registry=$root/host/run/nvme/registry
cp -r "$registry/nvme0" "$root/entry"

# A journal that is read.
mkdir -p "$root/host/run/systemd/journal"
mkfifo "$root/ready"
"$helpers/listen" "$root/host/run/systemd/journal/socket" "$root/journal" >"$root/ready" &
listener=$!
read -r _ <"$root/ready"

# The entry that is there to be removed. The same before every command, so that all find the caches in the same state.
refill="$cp -rT $root/entry $registry/nvme8"
names=() goals=() devices=() commands=() prepares=()
add() { # NAME GOAL DEVICE COMMAND [PREPARE]; GOAL: at most so many times the empty program, or -
	names+=("$1") goals+=("$2") devices+=("$3") commands+=("$4") prepares+=("${5:-$refill}")
}
rule() { # DEVICE: libnvme's udev rule as udev starts it, with this root in front of its paths
	echo "/bin/sh -c '[ -e $root/host/dev/$1 ] || [ 2000 -le \$(cat $registry/$1/seqnum 2>/dev/null || echo 0) ] || rm -rf $registry/$1'"
}
product="$binary --root $root/host"
add "an empty Rust program" - nvme9 "$floor"
[[ $(uname -m) != x86_64 ]] || add "a program that only exits" - nvme9 "$helpers/exit"
add "\`uevent\`, nothing registered" 1.15 nvme9 "$product uevent"
add "\`uevent\`, keeping" - nvme0 "$product uevent"
add "\`uevent\`, removing" 1.6 nvme8 "$product uevent"
add "libnvme's rule, removing" - nvme8 "$(rule nvme8)"
add "\`register\`, anew" - nvme9 "$product register nvme1 --owner stas" "$rm -rf $registry/nvme1"
add "\`register\`, unchanged" - nvme9 "$product register nvme0 --owner stas"
add "\`owner\`" 1.2 nvme9 "$product owner nvme0"
add "\`cat owner\`" - nvme9 "$cat $registry/nvme0/owner"
add "\`sh -c 'cat owner'\`" - nvme9 "/bin/sh -c 'cat $registry/nvme0/owner'"
add "\`check\`" - nvme9 "$product check nvme0 --as stas"
for count in 1 64 1024; do add "\`list\`, $count" - nvme9 "$binary --root $root/$count list"; done
add "\`list --names --owner X\`, 1024" - nvme9 "$binary --root $root/1024 list --names --owner nbft"

# as_udev DEVICE COMMAND...: with the environment of a real event, and of this number.
mapfile -t variables < <(sed 's/^SEQNUM=.*/SEQNUM=2000/' "$environment")
as_udev() {
	local device=$1
	shift
	env -i "${variables[@]//nvme0/$device}" "$@"
}

# Exact counts, which also show that each command does what its name says. Page faults and resident memory depend on where
# the kernel puts the program: the median and the highest of many runs (budget.rs).
counted=()
for i in "${!names[@]}"; do
	for ((run = 0; run < 32; run++)); do
		${prepares[i]}
		eval "as_udev ${devices[i]} $helpers/count calls ${commands[i]}" 2>>"$root/errors" ||
			{ cat "$root/errors" >&2; echo "make bench: failed: ${commands[i]}" >&2; exit 1; }
	done >"$root/counts"
	counted[i]=$(sort -n -k 4 "$root/counts" | awk '{ faults[NR] = $4; if ($5 > resident) resident = $5 }
		END { printf "%d | %d | %d | %d | %d", $1, $2, $3, faults[int((NR + 1) / 2)], resident }')
	case ${names[i]} in
	*removing) [[ ! -e $registry/nvme8 ]] ;;
	*) [[ -e $registry/nvme0/owner && ! -e $registry/nvme9 ]] ;;
	esac || { echo "make bench: not done: ${names[i]}" >&2; exit 1; }
	[[ ${names[i]} != *anew ]] || [[ -e $registry/nvme1/owner ]]
done

load=$(cut -d ' ' -f 1 /proc/loadavg)
for ((round = 0; round < rounds; round++)); do
	for i in "${!names[@]}"; do
		as_udev "${devices[i]}" "$hyperfine" -N --style none --warmup 3 --runs 50 --prepare "${prepares[i]}" \
			--command-name "$i" --export-csv "$root/csv" "${commands[i]}" >"$root/hyperfine" 2>&1 ||
			{ cat "$root/hyperfine" >&2; exit 1; }
		# command,mean,stddev,median,user,system,min,max
		tail -n 1 "$root/csv" >>"$root/rounds"
	done
done
# Nothing was logged elsewhere: a line for every removal and every registration, and none lost.
[[ $(grep -c '^MESSAGE=nvme8: remove event 2000: ' "$root/journal") == $((32 + rounds * 53)) ]] ||
	{ echo "make bench: the journal got $(grep -c ^MESSAGE= "$root/journal") lines, not all" >&2; exit 1; }

traps=$(grep -q '^flags.* hypervisor' /proc/cpuinfo && echo 1 || echo 0)
$refill
cpuid=$(eval "as_udev nvme8 $helpers/count cpuid $(rule nvme8)")

# What the figures depend on. proc(5): the 41st field of stat is the scheduling policy, 1 and 2 are real-time.
policy=$(sed 's/.*) //' /proc/$$/stat | cut -d ' ' -f 39)
echo "$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1), $(nproc) processors$( ((traps)) && echo ', a virtual machine');" \
	"Linux $(uname -r | cut -d. -f1-2); /bin/sh is $(basename "$(readlink -f /bin/sh)"). Wall time from fork to wait, $rounds rounds of" \
	"50 runs each$( ((policy == 1 || policy == 2)) && echo ', at real-time priority'); load average $load when they began."
echo
paste -d '|' <(printf '%s\n' "${names[@]}") <(printf '%s\n' "${goals[@]}") >"$root/names"
awk -F, -v names="$root/names" -v rounds="$rounds" -v cpuid="$cpuid" -v each="$("$helpers/cpuid")" -v traps="$traps" '
	BEGIN {
		while ((getline line < names) > 0) {
			split(line, part, "|")
			name[++cases] = part[1]
			goal[cases] = part[2]
			if (part[1] == "`uevent`, removing") ours = cases
			if (part[1] == "libnvme\x27s rule, removing") theirs = cases
		}
	}
	{ time[$1 + 1, ++seen[$1 + 1]] = $4 * 1e6 }
	function sort(   i, j, t) {
		for (i = 2; i <= rounds; i++)
			for (j = i; j > 1 && v[j] < v[j - 1]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
		return (v[int((rounds + 1) / 2)] + v[int(rounds / 2) + 1]) / 2
	}
	function median(which,   i) {
		for (i = 1; i <= rounds; i++) v[i] = time[which, i]
		return sort()
	}
	# The median of the ratio within each round; v[1] and v[rounds] are the ends of its interval.
	function ratio(above, below, less,   i) {
		for (i = 1; i <= rounds; i++) v[i] = (time[above, i] - less) / time[below, i]
		return sort()
	}
	function verdict(met) { return met ? "met" : "not met" }
	function rule(less,   r) {
		r = ratio(theirs, ours, less)
		return sprintf("%.1f times (%.1f to %.1f; goal 12: %s)", r, v[1], v[rounds], verdict(r >= 12))
	}
	END {
		print "| command | median, µs | × empty | interval | goal |\n|---|---:|---:|---:|---|"
		for (n = 1; n <= cases; n++) {
			m = median(n)
			r = ratio(n, 1, 0)
			printf "| %s | %.0f | %.2f | %.2f to %.2f | %s |\n", name[n], m, r, v[1], v[rounds],
				goal[n] == "-" ? "" : "≤ " goal[n] ": " verdict(r <= goal[n])
		}
		printf "\nA ratio is the median of the rounds\x27 ratios; its interval, from the lowest to the highest, holds the true median with a probability of %.1f %%.\n",
			100 * (1 - 2 ^ (1 - rounds))
		printf "\nlibnvme\x27s rule takes %s as long as our removal.", rule(0)
		if (cpuid > 0) {
			spent = cpuid * each / 1000
			printf " Its programs execute %d CPUID instructions as the C library starts, %.2f µs each here%s: %.0f of its %.0f µs. Without them it takes %s as long.",
				cpuid, each / 1000, traps ? ", where a hypervisor traps them" : "", spent, median(theirs), rule(spent)
		}
		print ""
	}' "$root/rounds"

echo
echo "| command | programs | processes | system calls | page faults | resident, KiB |"
echo "|---|---:|---:|---:|---:|---:|"
for i in "${!names[@]}"; do echo "| ${names[i]} | ${counted[i]} |"; done
echo
echo "From exec to exit, the start of the C library included; page faults are the median, resident memory (of the largest process) the highest of 32 runs."
echo

bytes() { stat -Lc %s "$@" | awk '{ sum += $1 } END { print sum }'; }
programs=(/bin/sh "$cat" "$rm")
mapfile -t libraries < <(ldd "${programs[@]}" 2>/dev/null | grep -o '/[^ ]*\.so[^ ]*' | sort -u)
echo "Bytes on disk: $(bytes "$binary"); an empty Rust program $(bytes "$floor"); sh, cat and rm $(bytes "${programs[@]}")," \
	"and the libraries they load $(bytes "${libraries[@]}")."
