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
    fabrics) __nvme_registry_ask status --no-headings -o DEVICE,OWNER | sed -n '/ kernel$/d; s/ .*//p' ;;
    entries) __nvme_registry_ask list --all --names ;;
    owners) __nvme_registry_ask list --all | sed -n '/[[:cntrl:]]/d; s/^  owner  *//p' | sort -u ;;
    attributes)
        # Of the device of the line, the registry's own left out where they cannot be changed.
        __nvme_registry_ask list --all | awk -v device="${device#/dev/}" -v all="$2" '
            /^[^ ]/ { here = $1 == device }
            /^ / && here && (all || $1 !~ /^(seqnum|incarnation)$/) { print $1 }' ;;
    nqns) __nvme_registry_ask status --no-headings -o SUBSYSNQN | sed '/^-*$/d; s/ *$//' | sort -u ;;
    transports) printf '%s\n' tcp rdma fc loop ;;
    columns) printf '%s\n' DEVICE OWNER USE TRANSPORT ADDRESS SUBSYSNQN STATE ENTRY ;;
    esac
}

__nvme_registry_offer() {
    local word
    while IFS= read -r word; do
        # A word may have blanks in it (an owner); what is typed may be quoted already.
        [[ -z $word || $word != "${cur#[\"\']}"* ]] || COMPREPLY+=("$(printf %q "$word")")
    done < <(__nvme_registry_values "$@")
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
        --owner | --as | --attr | --value | --transport | --traddr | --nqn | --output | --wait | -a | -V | -t | -n | -o)
            i=$((i + 1)) ;;
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
    --output | -o)
        local before=''
        [[ $cur != *,* ]] || before=${cur%,*},
        mapfile -t COMPREPLY < <(compgen -P "$before" -W "$(__nvme_registry_values columns)" -- "${cur##*,}")
        return ;;
    --traddr | --value | --wait | -V) return ;;
    esac

    local global='--root --verbose --quiet --help --version -v -q -h'
    case $name in
    uevent) options='' ;;
    connect) options='--owner --idempotent --force-option' ;;
    register) options='--owner --yes' ;;
    claim) options='--owner --unowned --in-use --transport --traddr --nqn -t -n' ;;
    release) options='--owner --yes' ;;
    owner) options='' ;;
    check) options='--as' ;;
    retrieve) options='--attr -a' ;;
    update) options='--attr --value --yes -a -V' ;;
    delete) options='--attr --yes -a' ;;
    list) options='--owner --unowned --in-use --stale --all --transport --traddr --nqn --json --names -t -n' ;;
    status) options='--owner --unowned --in-use --stale --transport --traddr --nqn --output --no-headings --json --names -t -n -o' ;;
    export) options='' ;;
    disconnect) options='--owner --as --nqn --traddr --wait --force-in-use --dry-run -n' ;;
    disconnect-all) options='--transport --owner --as --force --wait --force-in-use --dry-run --yes -t' ;;
    sweep) options='--dry-run' ;;
    metrics) options='' ;;
    doctor) options='--json --output-format -J -o' ;;
    '')
        options='uevent connect register claim release owner check retrieve update delete list status export disconnect'
        options+=' disconnect-all sweep metrics doctor'
        ;;
    esac
    if [[ $cur == -* ]]; then
        [[ -n $name ]] || options=''
        mapfile -t COMPREPLY < <(compgen -W "$options $global" -- "$cur")
        return
    fi
    case $name in
    '') mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur") ;;
    connect)
        local keys='transport= nqn= traddr= trsvcid= host_traddr= host_iface= hostnqn= hostid= queue_size= nr_io_queues=
            nr_write_queues= nr_poll_queues= reconnect_delay= ctrl_loss_tmo= fast_io_fail_tmo= keep_alive_tmo= tos=
            keyring= tls_key= dhchap_secret= dhchap_ctrl_secret= duplicate_connect disable_sqflow hdr_digest
            data_digest discovery tls concat'
        case $cur in
        # An equals sign ends a word for readline, so only what follows it is offered.
        transport=*) mapfile -t COMPREPLY < <(compgen -W "$(__nvme_registry_values transports)" -- "${cur#*=}") ;;
        *=*) ;;
        *)
            mapfile -t COMPREPLY < <(compgen -W "$keys" -- "$cur")
            [[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace
            ;;
        esac
        ;;
    claim) __nvme_registry_offer unowned ;;
    disconnect) __nvme_registry_offer fabrics ;;
    register) [[ -n $device ]] || __nvme_registry_offer fabrics ;;
    owner | release | export | retrieve | delete) [[ -n $device ]] || __nvme_registry_offer entries ;;
    check | update) [[ -n $device ]] || __nvme_registry_offer devices ;;
    esac
} && complete -F _nvme_registry nvme-registry
