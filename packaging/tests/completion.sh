#!/usr/bin/env bash
# The completions in the real shells: completion.sh BINARY. A line is typed, all that the shell offers is inserted (bash
# and zsh have a key for that, on a terminal that `script` makes; fish prints it), and compared with what must be there.
# Options are compared with what `-h` of each command says.
set -euo pipefail

binary=$(realpath -- "${1:?usage: completion.sh BINARY}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
mkdir -p "$work/bin" "$work/zsh"
ln -s "$binary" "$work/bin/nvme-registry"
cp -- "$here/completions/_nvme-registry" "$work/zsh/"
# Nothing of the person who runs this: no configuration, no history.
export PATH=$work/bin:$PATH HOME=$work XDG_CONFIG_HOME=$work XDG_DATA_HOME=$work LC_ALL=C.UTF-8 TERM=dumb
export NVME_REGISTRY_LOG=off
unset HISTFILE PROMPT_COMMAND ENV BASH_ENV

# A host with a local drive, two tcp controllers and a loop one; nvme7's entry is all that is left of it.
root=$work/root
for line in 0:pcie: 4:tcp:nqn.2026-01.example:a 5:tcp:nqn.2026-01.example:b 6:loop:nqn.2026-01.example:c 7:tcp:x; do
    IFS=: read -r number transport nqn <<<"$line"
    mkdir -p "$root/sys/class/nvme/nvme$number" "$root/dev" "$root/run" "$root/sys/kernel"
    : >"$root/dev/nvme$number"
    echo "$transport" >"$root/sys/class/nvme/nvme$number/transport"
    echo "$nqn" >"$root/sys/class/nvme/nvme$number/subsysnqn"
done
echo 1000 >"$root/sys/kernel/uevent_seqnum"
product() { "$binary" --root "$root" "$@"; }
product register nvme4 --owner stas
product register nvme6 --owner 'boot path'
product register nvme7 --owner nbft
product update nvme4 -a note -V 'a note'
rm -r "$root/dev/nvme7" "$root/sys/class/nvme/nvme7"

# What a shell offers at the end of a line, sorted, one word a line.

offered() { sed -n "s/\r//g; s/^OFFERED<\(.*\)>\$/\1/p" "$work/screen" | sort; }

# The line that is typed is a comment's worth of words; the keys then put a function before it, which prints the words
# after the ones that were there. M-* is readline's insert-completions.
bash_offers() { # LINE
    cat >"$work/bashrc" <<'RC'
PS1= PS2=
bind 'set enable-bracketed-paste off' 'set bell-style none' 'set completion-query-items -1'
bind '"\C-t": insert-completions'
offered() { printf 'OFFERED<%s>\n' "${@:skip+1}"; }
RC
    printf 'source %q\nsource %q\nskip=%d\n' /usr/share/bash-completion/bash_completion \
        "$here/completions/nvme-registry.bash" "$2" >>"$work/bashrc"
    printf '%s\x14\x01offered \x05\nexit\n' "$1" |
        timeout 60 script -qec "bash --noprofile --rcfile $work/bashrc -i" /dev/null >"$work/screen" 2>&1 || true
    offered
}

zsh_offers() {
    cat >"$work/.zshrc" <<RC
PS1= PS2= RPS1=
unsetopt prompt_cr prompt_sp beep zle_bracketed_paste 2>/dev/null
unset zle_bracketed_paste
fpath=($work/zsh \$fpath)
autoload -Uz compinit && compinit -u -D
zstyle ':completion:*' list-prompt ''
LISTMAX=0
insert-all() { _main_complete; compstate[insert]=all; compstate[list]= }
zle -C insert-all complete-word insert-all
bindkey -e
bindkey '^T' insert-all
offered() { printf 'OFFERED<%s>\n' "\${@[$2 + 1,-1]}" }
RC
    printf '%s\x14\x01offered \x05\nexit\n' "$1" |
        ZDOTDIR=$work timeout 60 script -qec "zsh -d -i" /dev/null >"$work/screen" 2>&1 || true
    offered
}

fish_offers() {
    fish --no-config -c "source $here/completions/nvme-registry.fish; complete -C $(printf '%q' "$1")" 2>"$work/screen" |
        sed 's/\t.*//' | sort
}

failed=0 checks=0
# A line, and what must be offered after it, sorted, one a line. SHELLS says where (all by default).
offers() { # LINE WANTED
    local line=$1 wanted got shell words
    wanted=$(sort <<<"$2")
    read -ra words <<<"$line"
    # Words before the one that is completed; a line that ends in a blank begins a new one.
    local skip=${#words[@]}
    [[ $line == *' ' ]] || skip=$((skip - 1))
    for shell in ${SHELLS-bash zsh fish}; do
        checks=$((checks + 1))
        got=$("${shell}_offers" "$line" "$skip")
        if [[ $got != "$wanted" ]]; then
            failed=$((failed + 1))
            printf 'FAILED: %s: %s\n  wanted: %q\n  got:    %q\n' "$shell" "$line" "$wanted" "$got"
            [[ -z ${VERBOSE-} ]] || cat -v "$work/screen"
        fi
    done
}

ours="nvme-registry --root $root"
commands=$(product -h | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p')
offers "$ours " "$commands"
offers "$ours re" $'register\nrelease\nretrieve'

# Devices.
offers "$ours owner " $'nvme4\nnvme6\nnvme7'
offers "$ours register " $'nvme4\nnvme5\nnvme6'
offers "$ours check " $'nvme0\nnvme4\nnvme5\nnvme6\nnvme7'
offers "$ours claim " nvme5
offers "$ours disconnect nvme" $'nvme4\nnvme5\nnvme6'
offers "$ours retrieve nvme" $'nvme4\nnvme6\nnvme7'

# Several devices, and devices as paths. No such path has to be there.
offers "$ours release nvme4 nvme" $'nvme4\nnvme6\nnvme7'
offers "$ours status nvme4 " $'nvme0\nnvme4\nnvme5\nnvme6\nnvme7'
offers "$ours owner /dev/nv" $'/dev/nvme4\n/dev/nvme6\n/dev/nvme7'
offers "$ours disconnect /dev/nvme5 /dev/nv" $'/dev/nvme4\n/dev/nvme5\n/dev/nvme6'
SHELLS='bash fish' offers "$ours owner nvme4 " ''

# Owners, one of them with a blank. That of a stale entry owns nothing.
offers "$ours list --owner " $'boot path\nstas'
offers "$ours check nvme4 --as st" stas
offers "$ours disconnect-all --owner " $'boot path\nstas'

# Attributes of the device; the registry's own can only be read.
offers "$ours retrieve nvme4 -a " $'incarnation\nnote\nowner\nseqnum'
offers "$ours delete nvme4 --attr " $'note\nowner'
offers "$ours retrieve /dev/nvme7 -a own" owner

# Words that are known beforehand. A column that is in the list already is not offered again.
offers "$ours status -t " $'apple-nvme\nfc\nloop\npcie\nrdma\ntcp'
offers "$ours list --entry " $'current\nstale\nunverified'
offers "$ours owner nvme4 -o " $'json\nnormal'
offers "$ours list --output-format " $'json\nnormal'
offers "$ours status -o S" $'STATE\nSUBSYSNQN'
offers "$ours list -o js" json
offers "$ours status -o STATE,OWNER,S" STATE,OWNER,SUBSYSNQN
offers "$ours list -o +" $'+ATTRIBUTES\n+CNTLID\n+HOSTNQN\n+OWNERSHIP'
offers "$ours list -o +CNTLID,HOSTNQN," $'+CNTLID,HOSTNQN,ATTRIBUTES\n+CNTLID,HOSTNQN,OWNERSHIP'

# Commands to be explained, and the file of a secret.
offers "$ours help " "$commands"
offers "$ours help dis" $'disconnect\ndisconnect-all'
offers "$ours connect --owner stas dhchap_s" dhchap_secret=@
: >"$work/data.key"
offers "$ours connect --owner stas dhchap_secret=@$work/dat" "dhchap_secret=@$work/data.key"

# Options, against the program itself.
options_of() { product "$@" -h | sed -n 's/^  \(-.,\|   \) \(--[a-z-]*\).*/\2/p'; }
for command in $commands; do
    offers "$ours $command --" "$(options_of "$command")"
done

printf '%d of %d completions are as they must be\n' $((checks - failed)) "$checks"
((failed == 0))
