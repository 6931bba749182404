#!/usr/bin/env bash
# Builds what the guest boots: target/vm/base-KEY/{vmlinuz,base.cpio}, from Debian packages that are unpacked and
# never installed on this host. Prints that directory.
#
# Why so: the product's promise is about a real kernel and a real systemd-udevd, newer than the host's, on a machine
# that has neither. Packages come from the mirror this host already uses (its own apt configuration is asked, no
# host is named here), through a private apt state whose dpkg database is empty, so apt itself resolves the closure.
# The tree is one cpio archive, used as an initramfs that is also the root: no loop device, no mkfs, no root needed.
# KEY is a hash of this file, the suites and the mirror, so an unchanged second run does no network at all.
set -euo pipefail

cache=${1:?usage: image.sh CACHE-DIR}
suite=trixie
kernel_suite=${VM_KERNEL_SUITE:-$suite}

# The guest's user space. Essential packages are named too: an empty dpkg database pulls in dependencies only.
packages=(
    base-files base-passwd bash coreutils dash diffutils findutils grep hostname kmod libc-bin mawk mount
    nvme-cli procps sed strace systemd udev util-linux
)
# What puts a disk to use.
packages+=(cryptsetup-bin dmsetup e2fsprogs lvm2 mdadm multipath-tools)
# What the examples of packaging/ are for besides systemd; busybox also gives the guest its `ip`.
packages+=(busybox-static execline openrc)
# Of these packages only one program each, and the libraries that it is linked with: the packages would bring Python, ICU
# and three more storage systems, as much as all the rest of the image.
programs=(fio:usr/bin/fio xfsprogs:usr/sbin/mkfs.xfs)
# What modprobe is asked for; it adds what these need. The third line serves DH-HMAC-CHAP and the results share, the
# last one the uses of a disk.
modules=(
    nvme nvme-fabrics nvme-loop nvme-tcp nvmet nvmet-tcp null_blk
    nvme-auth dh_generic hmac sha256 sha384 sha512 9p 9pnet_virtio
    dm-crypt dm-mod dm-multipath dm-service-time aes xts algif_skcipher ext4 raid1 xfs
)

# Where this host gets its own Debian from: one line a suite, "URI SUITE COMPONENT CODENAME". Asked once: apt may have to build
# its cache for an answer.
# shellcheck disable=SC2016 # apt's own placeholders
sources=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(CODENAME)' 'Created-By: Packages')
mirror_of() { awk -v suite="$1" '($2 == suite || $4 == suite) && $3 == "main" { print $1; exit }' <<<"$sources"; }

# shellcheck source=/dev/null
codename=$(. /etc/os-release && printf %s "${VERSION_CODENAME:?this host is not a Debian release}")
mirror=$(mirror_of "$codename")
security=$(mirror_of "$codename-security")
[[ -n $mirror ]] || { printf 'image: apt on this host knows no main component of %s\n' "$codename" >&2; exit 1; }

key=$({ cat "${BASH_SOURCE[0]}"; printf '%s\n' "$kernel_suite" "$mirror" "$security"; } | sha256sum | cut -c1-16)
base=$cache/base-$key
[[ ! -e $base/base.cpio ]] || { printf '%s\n' "$base"; exit 0; }

apt=$cache/apt
work=$base.new
rm -rf -- "$work"
mkdir -p "$apt"/{lists,archives}/partial "$apt/none" "$work/root"
: >"$apt/status"

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
{
    printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$suite"
    [[ $kernel_suite == "$suite" ]] || printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$kernel_suite"
    # A host without the security suite still tests the product; the guest lives for one run.
    [[ -z $security ]] || printf 'deb [signed-by=%s] %s %s-security main\n' "$keyring" "$security" "$suite"
} >"$apt/sources.list"

# How this host reaches its mirror (proxy, retries, certificates) is kept; its hooks, pins and package state are not.
{
    apt-config dump | grep '^Acquire::' | grep -v '^Acquire::IndexTargets'
    cat <<CONF
Dir::Etc::parts "$apt/none";
Dir::Etc::main "/dev/null";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
Dir::Cache::archives "$apt/archives";
APT::Sandbox::User "$(id -un)";
APT::Install-Recommends "false";
CONF
} >"$apt/apt.conf"
export APT_CONFIG=$apt/apt.conf

# Only the kernel comes from another suite, where one was asked for.
kernel_release=()
[[ $kernel_suite == "$suite" ]] || kernel_release=(-o "APT::Default-Release=$kernel_suite")

# The metapackage names the kernel, newest first. The packages apt would add to it (an initramfs generator) are of no
# use here, so only the kernel and, where Debian splits them off, its modules are taken.
newest() { apt-cache "${kernel_release[@]}" show --no-all-versions "$1" | sed -n 's/^Depends: //p'; }
kernel_packages() {
    local image
    image=$(grep -oE 'linux-image-[0-9][^ ,]*' <<<"$(newest linux-image-amd64)")
    printf '%s\n' "$image"
    newest "$image" | grep -oE 'linux-(binary|modules)-[0-9][^ ,]*' || true
}
# The files of one resolution, as apt names them; an archive directory that is empty makes it list them all.
files_of() { apt-get install -y --print-uris -o "Dir::Cache::archives=$apt/none" "$@" | awk '/^'\''/ { print $2 }'; }

download() {
    mkdir -p "$apt/none/partial"
    apt-get -q update
    apt-get -q install -y --download-only "${packages[@]}"
    files_of "${packages[@]}" >"$work/files"
    apt-get -q install -y --download-only "${programs[@]%%:*}"
    files_of "${programs[@]%%:*}" >"$work/program-files"
    kernel_packages >"$work/kernel-packages"
    mapfile -t kernel <"$work/kernel-packages"
    mkdir "$work/kernel"
    (cd "$work/kernel" && apt-get -q "${kernel_release[@]}" download "${kernel[@]}")
}
download >"$work/apt.log" 2>&1 || { cat "$work/apt.log" >&2; exit 1; }

# base-files first: it brings the links that make /bin and /lib the same as /usr/bin and /usr/lib.
root=$work/root
dpkg-deb -x "$apt"/archives/base-files_*.deb "$root"
while read -r file; do
    dpkg-deb -x "$apt/archives/$file" "$root"
done <"$work/files"

# The single programs: their packages are unpacked beside, and what the programs are linked with is copied.
beside=$work/beside
dpkg-deb -x "$apt"/archives/base-files_*.deb "$beside"
while read -r file; do
    dpkg-deb -x "$apt/archives/$file" "$beside"
done <"$work/program-files"
lib=$beside/usr/lib/x86_64-linux-gnu
for program in "${programs[@]#*:}"; do
    # fio's libraries of Ceph have a directory of their own.
    linked=$("$beside/usr/lib64/ld-linux-x86-64.so.2" --library-path "$lib:$lib/ceph" --list "$beside/$program")
    { printf '%s\n' "$beside/$program"; awk -v beside="$beside/" 'index($3, beside) == 1 { print $3 }' <<<"$linked"; } |
        while read -r file; do
            to=$root/${file#"$beside/"}
            [[ -e $to ]] || install -D -m 0755 "$(realpath "$file")" "$to"
        done
done
rm -rf -- "$beside"

# The kernel, and the modules unpacked: the emulated processor is slow at xz. All of Debian's kernels have their tree
# below /usr/lib, the image itself in /boot or, newer, beside the modules.
linux=$work/linux
for file in "$work"/kernel/*.deb; do
    dpkg-deb -x "$file" "$linux"
done
version=$(ls "$linux/usr/lib/modules")
ln -s usr/lib "$linux/lib"
for vmlinuz in "$linux/boot/vmlinuz-$version" "$linux/usr/lib/modules/$version/vmlinuz"; do
    [[ ! -e $vmlinuz ]] || cp -- "$vmlinuz" "$work/vmlinuz"
done
depmod -b "$linux" "$version"
for module in "${modules[@]}"; do
    modprobe -d "$linux" -S "$version" --show-depends "$module"
done | awk '$1 == "insmod" { print $2 }' | sort -u >"$work/modules"
while read -r module; do
    to=$root/usr/lib/modules/$version/${module#*"/modules/$version/"}
    mkdir -p "${to%/*}"
    case $module in
    *.xz) xz -dc -- "$module" >"${to%.xz}" ;;
    *.zst) zstd -qdc -- "$module" >"${to%.zst}" ;;
    *) cp -- "$module" "$to" ;;
    esac
done <"$work/modules"
cp -- "$linux/usr/lib/modules/$version"/modules.{order,builtin,builtin.modinfo} "$root/usr/lib/modules/$version/"
depmod -b "$root" "$version"

# What the packages' installation scripts would have done, as far as the guest needs it.
cp -- "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
cp -- "$root/usr/share/base-passwd/group.master" "$root/etc/group"
ln -s mawk "$root/usr/bin/awk"
# nvme-cli wants a host identity; a fixed one makes two runs alike.
mkdir -p "$root/etc/nvme"
echo nqn.2014-08.org.nvmexpress:uuid:2cd2c43b-a90a-45c1-a8cd-86b33ab273b5 >"$root/etc/nvme/hostnqn"
echo 2cd2c43b-a90a-45c1-a8cd-86b33ab273b5 >"$root/etc/nvme/hostid"
echo 2cd2c43ba90a45c1a8cd86b33ab273b5 >"$root/etc/machine-id"
echo vm-test >"$root/etc/hostname"
: >"$root/etc/fstab"
# The system users and groups, by the guest's own program and C library.
lib=$root/usr/lib/x86_64-linux-gnu
"$root/usr/lib64/ld-linux-x86-64.so.2" --library-path "$lib:$lib/systemd" \
    "$root/usr/bin/systemd-sysusers" --root="$root" >>"$work/apt.log" 2>&1
ln -sf ../usr/lib/os-release "$root/etc/os-release"
# Generators make units of what this guest has none of (fstab, getty, LUKS); each costs a second under emulation.
rm -rf -- "$root"/usr/lib/systemd/system-generators/* "$root"/usr/lib/udev/hwdb.d
rm -rf -- "$root"/usr/share/{doc,man,locale,info,bash-completion,zsh}
# Nothing to do at a first boot: the tree lives for one.
touch "$root/etc/.updated" "$root/var/.updated"

(cd "$root" && find . -print0 | LC_ALL=C sort -z | cpio --quiet --null --create --format=newc --owner=0:0) >"$work/base.cpio"
printf '%s\n' "$version" >"$work/version"
rm -rf -- "$root" "$linux" "$work/kernel"
rm -rf -- "$base"
mv -- "$work" "$base"
printf '%s\n' "$base"
