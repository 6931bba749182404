#!/usr/bin/env bash
# `make install` below a DESTDIR, with other prefixes. What must hold: every path of ours that an installed file names is
# installed, udev's link leads to the program, nothing is left after `make uninstall`, and a place where nothing would be
# found is refused with the reason. Needs no privilege.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
failed=0 checks=0
# Not the variables of the make that runs this.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL
run_make() { command "${MAKE:-make}" --no-print-directory "$@" >"$work/out" 2>"$work/err"; }
check() { # WHAT COMMAND...
    local what=$1
    shift
    checks=$((checks + 1))
    if ! "$@"; then
        failed=$((failed + 1))
        printf 'FAILED: %s\n' "$what"
    fi
}

# Every path of ours that is named in an installed file, but in the documentation's prose, is a file in the tree.
names_only_what_is_there() { # TREE
    local path good=0
    grep -rhoE --exclude='*.md' '/[a-z/]*/(s?bin/nvme-registry|lib/nvme-registry/[a-z-]+)' "$1" | sort -u >"$work/named"
    [[ -s $work/named ]] || return 1
    while read -r path; do
        [[ -e $1$path || -L $1$path ]] || { printf '%s is named, and not installed\n' "$path"; good=1; }
    done <"$work/named"
    return "$good"
}

# As the kernel would follow it with TREE as its root.
leads_to() { # TREE UDEVDIR BINDIR
    local link
    link=$(readlink "$1$2/nvme-registry")
    [[ $link == /* ]] || link=$(realpath -ms "$2/$link")
    [[ $link == "$3/nvme-registry" ]]
}

installs() { # WHAT VARIABLE=VALUE...
    local what=$1 tree=$work/tree bindir=${BINDIR_WANTED:?} udevdir=${UDEVDIR_WANTED:-/usr/lib/udev}
    shift
    rm -rf "$tree"
    checks=$((checks + 1))
    run_make install DESTDIR="$tree" "$@" || { failed=$((failed + 1)); printf 'FAILED: %s\n' "$what"; cat "$work/err"; return; }
    check "$what: the program" test -x "$tree$bindir/nvme-registry"
    check "$what: udev's link leads to it" leads_to "$tree" "$udevdir" "$bindir"
    check "$what: the rule" cmp -s udev/70-nvme-registry.rules "$tree$udevdir/rules.d/70-nvme-registry.rules"
    check "$what: paths" names_only_what_is_there "$tree"
    check "$what: a unit names the program" grep -rqx "ExecStart=$bindir/nvme-registry sweep" "$tree"
    check "$what: the boot claim names the program" grep -rq "(^|\\W)$bindir/nvme-registry claim" -E "$tree"
    run_make uninstall DESTDIR="$tree" "$@"
    check "$what: nothing is left" test -z "$(find "$tree" ! -type d)"
}

refused() { # REASON VARIABLE=VALUE
    checks=$((checks + 1))
    if run_make install DESTDIR="$work/refused" "$2"; then
        failed=$((failed + 1))
        printf 'FAILED: %s is installed\n' "$2"
    fi
    check "$2: the reason" grep -qF "$1" "$work/err"
    check "$2: nothing is installed" test ! -e "$work/refused"
}

BINDIR_WANTED=/usr/bin installs 'PREFIX=/usr'
BINDIR_WANTED=/usr/local/bin installs 'PREFIX=/usr/local' PREFIX=/usr/local
BINDIR_WANTED=/usr/sbin UDEVDIR_WANTED=/lib/udev installs 'BINDIR and UDEVDIR' BINDIR=/usr/sbin UDEVDIR=/lib/udev
BINDIR_WANTED=/opt/nvme/bin installs 'PREFIX=/opt/nvme' PREFIX=/opt/nvme SYSTEMDUNITDIR=/etc/systemd/system
BINDIR_WANTED=/usr/bin installs 'the mask' MASK_LIBNVME_RULE=1

refused 'UDEVDIR=/usr/local/lib/udev: udev looks for the program' UDEVDIR=/usr/local/lib/udev
refused 'SYSTEMDUNITDIR=/opt/nvme/lib/systemd/system: systemd reads no units there' PREFIX=/opt/nvme
refused 'BINDIR=bin: not an absolute path' BINDIR=bin
refused 'DRACUTDIR=/usr/local/lib/dracut: dracut looks' DRACUTDIR=/usr/local/lib/dracut
refused 'INITRAMFSTOOLSDIR=/usr/local/share/initramfs-tools: initramfs-tools looks' INITRAMFSTOOLSDIR=/usr/local/share/initramfs-tools
refused 'MKINITCPIODIR=/opt: mkinitcpio looks' MKINITCPIODIR=/opt

printf '%d of %d checks of make install hold\n' $((checks - failed)) "$checks"
((failed == 0))
