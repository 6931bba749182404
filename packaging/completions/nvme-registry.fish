# fish completion for nvme-registry; installed as /usr/share/fish/vendor_completions.d/nvme-registry.fish.
#
# Devices, owners and attributes come from the program itself, below the --root of the line if it has one.
# tests/manual.rs compares commands and options with the program's table.

# The words of the line that are neither options nor their values: the command, the device.
function __nvme_registry_words
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            case --root --owner --as --attr --value --transport --traddr --nqn --entry --output --output-format --wait -a -t -n -o
                set skip 1
            case -V
                # The value of update, and before the command the version.
                set skip (contains -- update (commandline -opc); and echo 1; or echo 0)
            case '-*'
            case '*'
                echo -- $word
        end
    end
end

function __nvme_registry_no_command
    test (count (__nvme_registry_words)) = 0
end

function __nvme_registry_in
    set -l words (__nvme_registry_words)
    test (count $words) -ge 1; and contains -- $words[1] $argv
end

# The line has the command, and no device yet.
function __nvme_registry_wants_device
    __nvme_registry_in $argv; and test (count (__nvme_registry_words)) = 1
end

# The program, on the tree that the line is about.
function __nvme_registry_ask
    set -l line (commandline -opc)
    set -l root
    for i in (seq (count $line))
        switch $line[$i]
            case --root
                set -l next (math $i + 1)
                test $next -le (count $line); and set root --root $line[$next]
            case '--root=*'
                set root $line[$i]
        end
    end
    command $line[1] $root $argv 2>/dev/null
end

# Devices, as /dev/nvme4 where a path is typed.
function __nvme_registry_devices
    set -l node
    string match -q '/*' -- (commandline -ct); and set node /dev/
    __nvme_registry_ask $argv --names | string replace -r '^' "$node"
end

function __nvme_registry_fabrics
    set -l node
    string match -q '/*' -- (commandline -ct); and set node /dev/
    # A stale entry without a controller has no transport.
    __nvme_registry_ask status --raw --no-headings -o DEVICE,OWNERSHIP,TRANSPORT | string match -rv ' local | -$' |
        string replace -r '^([^ ]*) .*' "$node\$1"
end

# Of entries that are not stale. An owner that is shown escaped cannot be typed.
function __nvme_registry_owners
    __nvme_registry_ask list --no-headings -o OWNER | string match -rv '^[-?]$|\\\\x' | sort -u
end

function __nvme_registry_attributes
    set -l words (__nvme_registry_words)
    test (count $words) -ge 2; or return
    for name in (__nvme_registry_ask list $words[2] | string replace -rf '^  ([^ ]+) .*' '$1')
        if test $words[1] = retrieve; or not contains -- $name seqnum incarnation
            echo $name
        end
    end
end

function __nvme_registry_nqns
    __nvme_registry_ask status --raw --no-headings -o SUBSYSNQN | string match -v -- - | sort -u
end

# The columns that the list does not have yet. +COLUMN,... adds to the default ones.
function __nvme_registry_columns
    set -l typed (commandline -ct | string replace -r '^(-o|--output=)' '')
    set -l columns DEVICE OWNER USE TRANSPORT ADDRESS SUBSYSNQN STATE ENTRY REASON
    set -l more OWNERSHIP ATTRIBUTES HOSTNQN CNTLID
    set -l before (string replace -rf '(.*,).*' '$1' -- $typed)
    if string match -q '+*' -- $typed
        test -n "$before"; or set before +
    else
        test -n "$before"; or set -a more json
        set more $columns $more
    end
    for column in $more
        contains -- $column (string trim -l -c + -- $before | string split ,); or echo "$before$column"
    end
end

function __nvme_registry_secrets
    set -l typed (commandline -ct)
    if set -l option (string replace -rf '(.*=@).*' '$1' -- $typed)
        for path in (string replace -r '.*=@' '' -- $typed)*
            test -d $path; and set path $path/
            echo $option$path
        end
    else
        printf '%s=@\n' keyring tls_key dhchap_secret dhchap_ctrl_secret
    end
end

complete -c nvme-registry -f

complete -c nvme-registry -l root -x -a '(__fish_complete_directories)' -d 'Put DIR in front of every path'
complete -c nvme-registry -l verbose -s v -d 'Explain each decision and show the log, on standard error'
complete -c nvme-registry -l quiet -s q -d 'Print nothing but errors on standard error'
complete -c nvme-registry -l help -s h -d 'Explain the program, or one command'
complete -c nvme-registry -l version -d 'Print the version'
complete -c nvme-registry -n __nvme_registry_no_command -s V -d 'Print the version'

complete -c nvme-registry -n __nvme_registry_no_command -a uevent -d 'Handle a udev event'
complete -c nvme-registry -n __nvme_registry_no_command -a connect -d 'Connect a controller and register it'
complete -c nvme-registry -n __nvme_registry_no_command -a register -d 'Set the owner of a controller'
complete -c nvme-registry -n __nvme_registry_no_command -a claim -d 'Take controllers that have no owner'
complete -c nvme-registry -n __nvme_registry_no_command -a release -d 'Give a controller up'
complete -c nvme-registry -n __nvme_registry_no_command -a owner -d 'Print the owner of a controller'
complete -c nvme-registry -n __nvme_registry_no_command -a check -d 'Tell whether a controller may be taken down'
complete -c nvme-registry -n __nvme_registry_no_command -a retrieve -d 'Print an attribute'
complete -c nvme-registry -n __nvme_registry_no_command -a update -d 'Write an attribute'
complete -c nvme-registry -n __nvme_registry_no_command -a delete -d 'Delete an attribute, or the whole entry'
complete -c nvme-registry -n __nvme_registry_no_command -a list -d 'List the entries of the registry'
complete -c nvme-registry -n __nvme_registry_no_command -a status -d 'Show every controller, owned or not, and every entry'
complete -c nvme-registry -n __nvme_registry_no_command -a export -d 'Print owner, transport ID and attributes for eval and udev'
complete -c nvme-registry -n __nvme_registry_no_command -a disconnect -d 'Disconnect controllers without an owner or a disk in use'
complete -c nvme-registry -n __nvme_registry_no_command -a disconnect-all -d 'Disconnect all without an owner or a disk in use'
complete -c nvme-registry -n __nvme_registry_no_command -a sweep -d 'Remove stale entries and leftovers'
complete -c nvme-registry -n __nvme_registry_no_command -a metrics -d 'Print owners and use for Prometheus'
complete -c nvme-registry -n __nvme_registry_no_command -a doctor -d 'Check that the registry works on this host'
complete -c nvme-registry -n __nvme_registry_no_command -a help -d 'Explain the program, or one command'

# Devices, and the command that is to be explained.
complete -c nvme-registry -n '__nvme_registry_in disconnect register' -a '(__nvme_registry_fabrics)'
complete -c nvme-registry -n '__nvme_registry_in claim' -a '(__nvme_registry_devices status --unowned)'
complete -c nvme-registry -n '__nvme_registry_in release' -a '(__nvme_registry_devices list --all)'
complete -c nvme-registry -n '__nvme_registry_in check list status' -a '(__nvme_registry_devices status)'
complete -c nvme-registry -n '__nvme_registry_wants_device owner export retrieve delete' -a '(__nvme_registry_devices list --all)'
complete -c nvme-registry -n '__nvme_registry_wants_device update' -a '(__nvme_registry_devices status)'
complete -c nvme-registry -n '__nvme_registry_wants_device help' -a 'uevent connect register claim release owner check retrieve update delete list status export disconnect disconnect-all sweep metrics doctor help'

# The kernel's options. A secret is in a file.
complete -c nvme-registry -n '__nvme_registry_in connect' -a 'transport={tcp,rdma,fc,loop} {nqn,traddr,trsvcid,host_traddr,host_iface,hostnqn,hostid,queue_size,nr_io_queues,nr_write_queues,nr_poll_queues,reconnect_delay,ctrl_loss_tmo,fast_io_fail_tmo,keep_alive_tmo,tos}='
complete -c nvme-registry -n '__nvme_registry_in connect' -a '(__nvme_registry_secrets)'
complete -c nvme-registry -n '__nvme_registry_in connect' -a 'duplicate_connect disable_sqflow hdr_digest data_digest discovery tls concat'

# Options of the commands.
complete -c nvme-registry -n '__nvme_registry_in connect register claim release list status disconnect disconnect-all' -l owner -x -a '(__nvme_registry_owners)' -d 'The orchestrator'
complete -c nvme-registry -n '__nvme_registry_in connect' -l idempotent -d 'Succeed if it is connected already and not owned by another'
complete -c nvme-registry -n '__nvme_registry_in connect' -l force-option -d 'Pass on options that are not listed'
complete -c nvme-registry -n '__nvme_registry_in register release update delete disconnect-all' -l yes -d 'Do not ask, also on a terminal'
complete -c nvme-registry -n '__nvme_registry_in claim list status' -l unowned -d 'Only controllers without an owner'
complete -c nvme-registry -n '__nvme_registry_in claim list status' -l in-use -d 'Only controllers with a disk in use'
complete -c nvme-registry -n '__nvme_registry_in check disconnect disconnect-all' -l as -x -a '(__nvme_registry_owners)' -d 'The orchestrator that asks'
complete -c nvme-registry -n '__nvme_registry_in retrieve update delete' -l attr -s a -x -a '(__nvme_registry_attributes)' -d 'The attribute'
complete -c nvme-registry -n '__nvme_registry_in update' -l value -s V -x -d 'What to write'
complete -c nvme-registry -n '__nvme_registry_in list status' -l stale -d 'Only stale entries'
complete -c nvme-registry -n '__nvme_registry_in list status' -l entry -x -a 'current stale unverified' -d 'Only entries of this state'
complete -c nvme-registry -n '__nvme_registry_in list' -l all -d 'All entries, stale ones too'
complete -c nvme-registry -n '__nvme_registry_in claim list status disconnect-all' -l transport -s t -x -a 'tcp rdma fc loop pcie apple-nvme' -d 'Only this transport'
complete -c nvme-registry -n '__nvme_registry_in claim list status disconnect disconnect-all' -l traddr -x -d 'Only this transport address'
complete -c nvme-registry -n '__nvme_registry_in claim list status disconnect disconnect-all' -l nqn -s n -x -a '(__nvme_registry_nqns)' -d 'Only this subsystem NQN'
complete -c nvme-registry -n '__nvme_registry_in list status' -l output -s o -x -a '(__nvme_registry_columns)' -d 'Which columns'
complete -c nvme-registry -n '__nvme_registry_in list status' -l no-headings -d 'Print no heading line'
complete -c nvme-registry -n '__nvme_registry_in list status' -l noheadings -d 'Print no heading line'
complete -c nvme-registry -n '__nvme_registry_in list status' -l raw -s r -d 'A table for scripts'
complete -c nvme-registry -n '__nvme_registry_in list status' -l wide -s w -d 'Never shorten a value'
complete -c nvme-registry -n '__nvme_registry_in connect claim owner check retrieve list status disconnect disconnect-all sweep doctor' -l json -s J -d 'Print JSON'
complete -c nvme-registry -n '__nvme_registry_in list status' -l output-format -x -a 'normal json' -d 'As nvme-cli spells it'
complete -c nvme-registry -n '__nvme_registry_in connect claim owner check retrieve disconnect disconnect-all sweep doctor' -l output-format -s o -x -a 'normal json' -d 'As nvme-cli spells it'
complete -c nvme-registry -n '__nvme_registry_in list status' -l names -d 'Print device names only'
complete -c nvme-registry -n '__nvme_registry_in disconnect-all' -l force -d 'Every fabrics controller, regardless of its owner'
complete -c nvme-registry -n '__nvme_registry_in claim disconnect disconnect-all' -l wait -x -d 'Wait, seconds at most'
complete -c nvme-registry -n '__nvme_registry_in disconnect disconnect-all' -l force-in-use -d 'Also the last path to a disk in use'
complete -c nvme-registry -n '__nvme_registry_in disconnect disconnect-all sweep' -l dry-run -d 'Only print what would be done'
