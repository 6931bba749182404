#!/usr/bin/env bash
# The release's archive.
#
#   dist.sh pack ARCHIVE                     makes it: this tree, as git knows it, and the crates it is built from, in vendor/
#   dist.sh build ARCHIVE TARGET BINARY      builds from it with nothing but it, and compares with BINARY
set -euo pipefail
cd "$(dirname "$0")/../.."

what=${1:?usage: dist.sh pack|build ARCHIVE...}
archive=$(realpath -m -- "${2:?usage: dist.sh $what ARCHIVE...}")
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
name=nvme-registry-$version
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# With their versions: the names are those that the crates have in cargo's own directory, and panic messages carry them.
pack() {
    mkdir -p "$dir/$name" "${archive%/*}"
    git ls-files -z | xargs -0 cp --parents --no-dereference -t "$dir/$name"
    (cd "$dir/$name" && "$CARGO" vendor --locked --versioned-dirs vendor >"$dir/found" 2>"$dir/log") ||
        { cat "$dir/log" >&2; exit 1; }
    # What it prints tells cargo to look there.
    { echo; cat "$dir/found"; } >>"$dir/$name/.cargo/config.toml"
    tar -C "$dir" --sort=name --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw --mtime="@$(git log -1 --format=%ct)" \
        -cJf "$archive" "$name"
    stat -c '%s bytes: %n' "$archive"
}

# Nothing is to be had from elsewhere: no crates of this user's, no network. (Without the right to leave the network,
# cargo is only told to stay off it, which --offline in its configuration does too.)
build() {
    local target=$1 binary=$2 offline=()
    unshare --map-root-user --net true 2>/dev/null && offline=(unshare --map-root-user --net)
    tar -C "$dir" -xJf "$archive"
    # rustup finds its toolchains by its own variable; without one, beside the CARGO_HOME that is taken away here.
    RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup} CARGO_HOME=$dir/empty CARGO_NET_OFFLINE=true \
        "${offline[@]}" "$MAKE" --no-print-directory -C "$dir/$name" build \
        TARGET="$target" CARGO_TARGET_DIR="$dir/target" CARGO_HOME="$dir/empty"
    if compgen -G "$dir/empty/registry/*" >/dev/null; then
        echo "crates were fetched:" >&2
        find "$dir/empty/registry" -maxdepth 2 >&2
        exit 1
    fi
    cmp "$binary" "$dir/target/$target/release/nvme-registry"
    sha256sum "$binary" | sed "s/ .*/  the same bytes from ${archive##*\/}, ${offline:+in a network of its own, }offline/"
}

"$what" "${@:3}"
