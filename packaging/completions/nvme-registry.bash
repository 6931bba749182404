# bash completion for nvme-registry; installed as /usr/share/bash-completion/completions/nvme-registry.
#
# Devices, owners and attributes come from the program itself, below the --root of the line if it has one. The options
# of each command are in one line; tests/manual.rs compares them with the program's table.

# The program, on the tree that the line is about.
__nvme_registry_ask() {
    command "${words[0]}" "${root[@]}" "$@" 2>/dev/null
}

# What is offered for a value; one word a line.
__nvme_registry_values() {
    case $1 in
    devices) __nvme_registry_ask status --names ;;
    unowned) __nvme_registry_ask status --unowned --names ;;
    # A stale entry without a controller has no transport.
    fabrics) __nvme_registry_ask status --raw --no-headings -o DEVICE,OWNERSHIP,TRANSPORT | sed '/ local /d; / -$/d; s/ .*//' ;;
    entries) __nvme_registry_ask list --all --names ;;
    # Of entries that are not stale. An owner that is shown escaped cannot be typed.
    owners) __nvme_registry_ask list --no-headings -o OWNER | sed '/^[-?]$/d; /\\x/d' | sort -u ;;
    # Of the device of the line, the registry's own left out where they cannot be changed.
    attributes)
        [[ -z $device ]] || __nvme_registry_ask list "$device" |
            awk -v all="$2" '/^ / && (all || $1 !~ /^(seqnum|incarnation)$/) { print $1 }' ;;
    nqns) __nvme_registry_ask status --raw --no-headings -o SUBSYSNQN | sed '/^-$/d' | sort -u ;;
    transports) printf '%s\n' tcp rdma fc loop pcie apple-nvme ;;
    states) printf '%s\n' current stale unverified ;;
    formats) printf '%s\n' normal json ;;
    esac
}

__nvme_registry_offer() {
    local word
    while IFS= read -r word; do
        # A word may have blanks in it (an owner); what is typed may be quoted already.
        [[ -z $word || $word != "${cur#[\"\']}"* ]] || COMPREPLY+=("$(printf %q "$word")")
    done < <(__nvme_registry_values "$@")
}

# Devices, as /dev/nvme4 where a path is typed.
__nvme_registry_offer_devices() {
    local word node=''
    [[ $cur != /* ]] || node=/dev/
    while IFS= read -r word; do
        [[ $node$word != "$cur"* ]] || COMPREPLY+=("$node$word")
    done < <(__nvme_registry_values "$@")
}

# The columns that the list does not have yet. +COLUMN,... adds to the default ones.
__nvme_registry_offer_columns() {
    local before='' word
    local columns='DEVICE OWNER USE TRANSPORT ADDRESS SUBSYSNQN STATE ENTRY REASON' more='OWNERSHIP ATTRIBUTES HOSTNQN CNTLID'
    case $cur in
    +*,*) before=${cur%,*}, ;;
    +*) before=+ ;;
    *,*) before=${cur%,*}, more="$columns $more" ;;
    *) more="$columns $more json" ;;
    esac
    for word in $more; do
        [[ ,${before#+} == *,$word,* || $before$word != "$cur"* ]] || COMPREPLY+=("$before$word")
    done
}

_nvme_registry() {
    local cur prev words cword
    # bash-completion's, which loads this file; there is nothing to offer without it.
    declare -F _get_comp_words_by_ref >/dev/null && _get_comp_words_by_ref -n =: cur prev words cword || return
    COMPREPLY=()
    local name='' device='' options='' word i
    local -a root=()
    for ((i = 1; i < cword; i++)); do
        word=${words[i]}
        case $word in
        --root) i=$((i + 1)) root=(--root "${words[i]}") ;;
        --root=*) root=("$word") ;;
        --owner | --as | --attr | --value | --transport | --traddr | --nqn | --entry | --output | --output-format | --wait)
            i=$((i + 1)) ;;
        -a | -t | -n | -o) i=$((i + 1)) ;;
        # Before the command it is the version.
        -V) [[ $name != update ]] || i=$((i + 1)) ;;
        -*) ;;
        *) if [[ -z $name ]]; then name=$word; elif [[ -z $device ]]; then device=$word; fi ;;
        esac
    done

    # --owner=st is completed as --owner st is.
    if [[ $cur == --*=* ]]; then
        prev=${cur%%=*} cur=${cur#*=}
    fi
    case $prev in
    --root) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
    --owner | --as) __nvme_registry_offer owners; return ;;
    --attr | -a)
        case $name in
        retrieve) __nvme_registry_offer attributes 1 ;;
        *) __nvme_registry_offer attributes ;;
        esac
        return ;;
    --transport | -t) __nvme_registry_offer transports; return ;;
    --nqn | -n)
        __nvme_registry_offer nqns
        # A colon ends a word for readline.
        declare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions "$cur"
        return ;;
    --entry) __nvme_registry_offer states; return ;;
    --output-format) __nvme_registry_offer formats; return ;;
    --output | -o)
        case $name in
        list | status) __nvme_registry_offer_columns ;;
        *) __nvme_registry_offer formats ;;
        esac
        return ;;
    --traddr | --value | --wait) return ;;
    -V) [[ $name != update ]] || return ;;
    esac

    local global='--root --verbose --quiet --help --version -v -q -h -V'
    [[ -z $name ]] || global=${global% -V}
    case $name in
    uevent) options='' ;;
    connect) options='--owner --idempotent --force-option --json --output-format -J -o' ;;
    register) options='--owner --yes' ;;
    claim) options='--owner --unowned --in-use --transport --traddr --nqn --wait --json --output-format -t -n -J -o' ;;
    release) options='--owner --yes' ;;
    owner) options='--json --output-format -J -o' ;;
    check) options='--as --json --output-format -J -o' ;;
    retrieve) options='--attr --json --output-format -a -J -o' ;;
    update) options='--attr --value --yes -a -V' ;;
    delete) options='--attr --yes -a' ;;
    list) options='--owner --unowned --in-use --stale --entry --all --transport --traddr --nqn --output --no-headings --noheadings --raw --wide --json --output-format --names -t -n -o -r -w -J' ;;
    status) options='--owner --unowned --in-use --stale --entry --transport --traddr --nqn --output --no-headings --noheadings --raw --wide --json --output-format --names -t -n -o -r -w -J' ;;
    export) options='' ;;
    disconnect) options='--owner --as --nqn --traddr --wait --force-in-use --dry-run --json --output-format -n -J -o' ;;
    disconnect-all) options='--transport --traddr --nqn --owner --as --force --wait --force-in-use --dry-run --yes --json --output-format -t -n -J -o' ;;
    sweep) options='--dry-run --json --output-format -J -o' ;;
    metrics) options='' ;;
    doctor) options='--json --output-format -J -o' ;;
    help) options='' ;;
    esac
    local commands='uevent connect register claim release owner check retrieve update delete list status export disconnect'
    commands+=' disconnect-all sweep metrics doctor help'
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options $global" -- "$cur")
        return
    fi
    case $name in
    '') mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur") ;;
    help) [[ -n $device ]] || mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur") ;;
    connect)
        local keys='transport= nqn= traddr= trsvcid= host_traddr= host_iface= hostnqn= hostid= queue_size= nr_io_queues=
            nr_write_queues= nr_poll_queues= reconnect_delay= ctrl_loss_tmo= fast_io_fail_tmo= keep_alive_tmo= tos=
            keyring=@ tls_key=@ dhchap_secret=@ dhchap_ctrl_secret=@ duplicate_connect disable_sqflow hdr_digest
            data_digest discovery tls concat'
        case $cur in
        # An equals sign ends a word for readline, so only what follows it is offered.
        transport=*) mapfile -t COMPREPLY < <(compgen -W "$(__nvme_registry_values transports)" -- "${cur#*=}") ;;
        # A secret is in a file.
        *=@*) compopt -o nospace; mapfile -t COMPREPLY < <(compgen -P @ -f -- "${cur#*=@}") ;;
        *=*) ;;
        *)
            mapfile -t COMPREPLY < <(compgen -W "$keys" -- "$cur")
            [[ ${COMPREPLY[*]} != *[=@] ]] || compopt -o nospace
            ;;
        esac
        ;;
    claim) __nvme_registry_offer_devices unowned ;;
    disconnect | register) __nvme_registry_offer_devices fabrics ;;
    release) __nvme_registry_offer_devices entries ;;
    check | list | status) __nvme_registry_offer_devices devices ;;
    owner | export | retrieve | delete) [[ -n $device ]] || __nvme_registry_offer_devices entries ;;
    update) [[ -n $device ]] || __nvme_registry_offer_devices devices ;;
    esac
} && complete -F _nvme_registry nvme-registry
