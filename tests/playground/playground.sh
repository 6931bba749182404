#!/bin/sh
# A shell with `nvme-registry` in it that works on a made-up host (tree.sh) instead of this one: nothing of this machine is
# read or changed. The host goes when the shell ends.
#
#   playground.sh PROGRAM [SHELL COMMAND]
set -eu
program=$1
here=$(realpath "$(dirname "$0")")
root=$(mktemp -d "${TMPDIR:-/tmp}/nvme-registry-playground.XXXXXX")
trap 'rm -rf "$root"' EXIT
"$here/tree.sh" "$root" "$program"
# shellcheck source=tests/playground/hold.sh
. "$here/hold.sh"

mkdir "$root/bin"
cat >"$root/bin/nvme-registry" <<SCRIPT
#!/bin/sh
'$program' --root '$root' "\$@"
code=\$?
'$here/kernel.sh' '$root' '$program'
exit \$code
SCRIPT
chmod 755 "$root/bin/nvme-registry"
PATH=$root/bin:$PATH
export PATH
# The log lines of a tree without a journal: kept out of the answers. `cat "$LOG"` shows them.
LOG=$root/dev/kmsg
export LOG
: >"$LOG"

if [ $# -gt 1 ]; then
    sh -c "$2"
    exit
fi
cat <<'TEXT'
This host is made up. `nvme-registry` works on it as it would on yours; leave with `exit`. Five things to try:

  nvme-registry status                        who owns what, and which disks are in use
  nvme-registry disconnect-all --dry-run      what a disconnect-all would take, and why it leaves the rest
  nvme-registry check -v nvme7 --as stas      may stas take this path to /data away?
  nvme-registry claim nvme3 --owner me && nvme-registry owner nvme3
  nvme-registry sweep && nvme-registry status --stale

The log of all this: cat $LOG. One thing is not as on a real host: the made-up kernel takes controllers away when the command
has ended, so a `disconnect-all` takes both paths to /data if stas asks for it. With --dry-run it tells the truth.
TEXT
"${SHELL:-sh}" -i || :
