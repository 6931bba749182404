#!/bin/sh
# How long the product takes next to what it replaces: rounds of hyperfine, interleaved, on tmpfs. Prints a table of
# medians, and of their ratios to an empty program with the lowest and highest of the rounds. It never fails on time.
#
#   bench.sh BINARY FLOOR [ROUNDS]
set -eu
binary=$(realpath "$1") floor=$(realpath "$2") rounds=${3:-7}
command -v hyperfine >/dev/null || { echo "missing: hyperfine (Debian: apt install hyperfine)" >&2; exit 1; }
root=$(mktemp -d /dev/shm/nvme-registry-bench.XXXXXX)
trap 'rm -rf "$root"' EXIT INT TERM
mkdir -p "$root/dev" "$root/run" "$root/sys/class/nvme" "$root/sys/kernel" "$root/sys/devices" "$root/many/run/nvme"
echo 1000 >"$root/sys/kernel/uevent_seqnum"
mkdir "$root/sys/class/nvme/nvme4"
echo tcp >"$root/sys/class/nvme/nvme4/transport"
: >"$root/dev/nvme4"
"$binary" --root "$root" -q register nvme4 --owner stas 2>/dev/null
cp -r "$root/run/nvme/registry/nvme4" "$root/entry"
# 1024 entries, each of a controller that is there.
mkdir -p "$root/many/dev" "$root/many/sys/class/nvme" "$root/many/sys/kernel" "$root/many/run/nvme/registry"
echo 1000 >"$root/many/sys/kernel/uevent_seqnum"
i=0
while [ $i -lt 1024 ]; do
	mkdir "$root/many/sys/class/nvme/nvme$i" "$root/many/run/nvme/registry/nvme$i"
	: >"$root/many/dev/nvme$i"
	echo stas >"$root/many/run/nvme/registry/nvme$i/owner"
	echo 1000 >"$root/many/run/nvme/registry/nvme$i/seqnum"
	stat -c %i "$root/many/sys/class/nvme/nvme$i" >"$root/many/run/nvme/registry/nvme$i/incarnation"
	i=$((i + 1))
done
# The line of libnvme's udev rule, with this root in front of its paths.
cat >"$root/rule.sh" <<EOF
d=$root/run/nvme/registry/nvme5; [ -e $root/dev/nvme5 ] && exit 0; s=\$(cat \$d/seqnum 2>/dev/null); [ -n "\$s" ] && [ "\$SEQNUM" -gt "\$s" ] && rm -rf \$d
EOF
ACTION=remove DEVNAME=/dev/nvme5 SEQNUM=2000 NVME_REGISTRY_LOG=off
export ACTION DEVNAME SEQNUM NVME_REGISTRY_LOG
nothing="rm -rf $root/run/nvme/registry/nvme5" refill="cp -r $root/entry $root/run/nvme/registry/nvme5"
round=0
while [ $round -lt "$rounds" ]; do
	one() { # NAME PREPARE COMMAND
		hyperfine -N -i --style none --warmup 3 --runs 40 --prepare "$2" --command-name "$1" --export-csv "$root/csv" "$3" >/dev/null 2>&1
		tail -n 1 "$root/csv" >>"$root/all"
	}
	one "an empty program" true "$floor"
	one "uevent, nothing registered" "$nothing" "$binary --root $root uevent"
	one "uevent, removing" "$refill" "$binary --root $root uevent"
	one "libnvme's rule, removing" "$refill" "dash $root/rule.sh"
	one "owner" true "$binary --root $root owner nvme4"
	one "cat owner" true "cat $root/run/nvme/registry/nvme4/owner"
	one "sh -c 'cat owner'" true "dash -c 'cat $root/run/nvme/registry/nvme4/owner; :'"
	one "check" true "$binary --root $root check nvme4 --as stas"
	one "register, unchanged" true "$binary --root $root register nvme4 --owner stas"
	one "list, 1 entry" true "$binary --root $root list"
	one "list, 1024 entries" true "$binary --root $root/many list"
	one "list --names --owner X, 1024" true "$binary --root $root/many list --names --owner nbft"
	round=$((round + 1))
done
# command,mean,stddev,median,user,system,min,max; a command's name may hold a comma, and is quoted then.
sed 's/^"\([^"]*\)"/\1/; s/,\([0-9]\)/|\1/g' "$root/all" | awk -F'|' '
	!($1 in count) { order[++names] = $1 }
	{ median[$1, ++count[$1]] = $4 * 1e6 }
	function middle(name,   i, j, t, v) {
		for (i = 1; i <= count[name]; i++) v[i] = median[name, i]
		for (i = 2; i <= count[name]; i++) for (j = i; j > 1 && v[j] < v[j - 1]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
		return v[int((count[name] + 1) / 2)]
	}
	END {
		print "| command | median, µs | × an empty program | lowest to highest round |\n|---|---:|---:|---:|"
		for (n = 1; n <= names; n++) {
			name = order[n]; low = 1e9; high = 0
			for (i = 1; i <= count[name]; i++) {
				r = median[name, i] / median[order[1], i]
				if (r < low) low = r
				if (r > high) high = r
			}
			printf "| %s | %.0f | %.2f | %.2f to %.2f |\n", name, middle(name), middle(name) / middle(order[1]), low, high
		}
	}'
echo
echo "Bytes: $(stat -c %s "$binary"), an empty program $(stat -c %s "$floor")."
grep -q '^flags.* hypervisor' /proc/cpuinfo 2>/dev/null && echo "A virtual machine: CPUID traps there, which slows the start of dynamically linked programs (dash, cat, rm)." || true
