#!/usr/bin/env bash
# The races of cases 3 to 6 once more, with libnvme's shell rule in place of ours and entries as libnvme writes them,
# beside our own: which holes of the rule are real. The table goes to the results and from there into packaging/doc/comparison.md.
#
# Each outcome is compared with what is recorded below, in both columns: a hole that closes, or opens, fails the case,
# so two runs cannot print two tables.
. ./scenarios.sh

table=${results:?the directory of the results}/table.md
rules=/run/udev/rules.d

install_libnvme_rule() {
    mkdir -p "$rules"
    # Ours is masked by its own name; libnvme's gets the name it has there.
    ln -sf /dev/null "$rules/70-nvme-registry.rules"
    libnvme_rule >"$rules/70-nvmf-registry.rules"
    udevadm control --reload
}

install_our_rule() {
    rm -f "$rules"/70-*.rules
    udevadm control --reload
}

# What an outcome means, by what should have been there.
words() { # RIGHT SHOWN
    case $1-$2 in
    none-none) echo removed ;;
    none-*) echo '**stale owner stays**' ;;
    *-none) echo '**live entry lost**' ;;
    "$2-$2") echo kept ;;
    *) echo "**shows $2**" ;;
    esac
}

# row HOLE WHAT RIGHT THEIRS: plays `theirs` under libnvme's rule and `ours` under ours, both set by the caller.
row() {
    local hole=$1 what=$2 right=$3 recorded=$4 theirs_shown ours_shown
    install_libnvme_rule
    writer=libnvme
    play "${theirs[@]}"
    theirs_shown=$shown
    install_our_rule
    writer=product
    play "${ours[@]}"
    ours_shown=$shown
    equal "$what: libnvme's rule" "$recorded" "$theirs_shown"
    equal "$what: ours" "$right" "$ours_shown"
    printf '| %s | %s | %s | %s |\n' "$what" "$(words "$right" "$theirs_shown")" "$(words "$right" "$ours_shown")" "$hole" \
        >>"$table"
}

# The same scenario on both sides.
both() { # HOLE WHAT RIGHT THEIRS SCENARIO [ARGUMENT...]
    theirs=("${@:5}")
    ours=("${@:5}")
    row "${@:1:4}"
}

target loop race
{
    echo "| case | libnvme's rule | ours | hole |"
    echo '|---|---|---|---|'
} >"$table"

#    hole WHAT                                                     RIGHT  LIBNVME
both ''   'udevd late, name used again, registered again'          second second recycled_registered
both H2   'udevd late, name used again by a tool that knows no registry' none first recycled_unknown
both ''   'udevd late, both controllers gone'                      none   none   both_gone
both ''   'udevd late, third controller, registered'               third  third  third_registered
both H2   'udevd late, third controller, unknown to the registry'  none   second third_unknown

# The rule held between its steps: libnvme's when its shell has started the tool of the next step, ours at the same
# place of its own logic.
theirs=(handler_held /usr/bin/rm execve)
ours=(handler_held /sys/class/nvme/nvme0 %file)
row H1 'name registered again after the rule judged, before it removes' second none
theirs=(handler_held /usr/bin/cat execve)
ours=(handler_held /run/nvme/registry openat)
row '' 'name registered again while the rule is judging' second second
theirs+=('')
ours+=('')
row H4 'the same, the new entry without a stamp' second none
theirs[3]='not a number'
ours[3]='not a number'
row H4 'the same, the new entry with a stamp that is no number' second none

both ''   'synthetic add, change and remove, live controller'      first  first  synthetic_live
both H2   'stale entry under a live name, synthetic add'           none   first  synthetic_stale add
both H2   'stale entry under a live name, synthetic remove'        none   first  synthetic_stale remove

both H3   'controller dead before it is registered'                none   first  dead_before_registered
both H3   'controller dead before its entry is published'          none   first  dead_before_published

cat "$table"
