#!/bin/sh
# The package on a machine with systemd as its first process: installed, used, restarted, upgraded, removed, purged.
#
#   install-test.sh nspawn|vm PROGRAMS CACHE
#
# `nspawn` boots a container (seconds), which has no controllers of cgroup v2 here and there; `vm` boots QEMU with a kernel of its
# own and all of them, by KVM where /dev/kvm can be opened (a few minutes), else emulated (many). PROGRAMS is the directory of the
# built programs, CACHE is where the system that is booted is kept between two calls. What is tried is in install-test/inside.sh,
# the same for both.
# It needs root, and installs what it needs with apt; what it cannot do is reported as skipped.
set -eu

began_s=$(date +%s)
kind=$1
programs=$(cd "$2" && pwd)
mkdir -p "$3"
cache=$(cd "$3" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
# The Debian that is booted: `RELEASE=trixie` tries the same package on the next one.
release=${RELEASE:-bookworm}
# The Debian whose kernel the virtual machine has: `KERNEL_RELEASE=bullseye` boots the same system with Linux 5.10, the oldest one
# that kanband runs on.
kernel_release=${KERNEL_RELEASE:-$release}
# What the booted system has beside the package's own dependencies.
inside="systemd,systemd-sysv,dbus,libpam-systemd,udev,procps,init-system-helpers,ca-certificates"
limit_s=${LIMIT_S:-3600}

say() { printf 'install-test: %s\n' "$*"; }
skip_all() {
    say "SKIPPED everything: $*"
    [ -z "${KANBAND_SKIPS:-}" ] || printf 'install-test\teverything\t%s\n' "$*" >>"$KANBAND_SKIPS"
    say "0 passed, 0 failed, 1 skipped"
    exit 0
}

case $kind in
nspawn) tools="debootstrap:debootstrap systemd-nspawn:systemd-container lintian:lintian" ;;
vm) tools="debootstrap:debootstrap qemu-system-x86_64:qemu-system-x86 mkfs.ext4:e2fsprogs debugfs:e2fsprogs" ;;
*)
    echo "usage: install-test.sh nspawn|vm PROGRAMS CACHE" >&2
    exit 2
    ;;
esac
[ "$(id -u)" = 0 ] || skip_all "it needs root to make and boot a system"
command -v apt-get >/dev/null || skip_all "it needs Debian or Ubuntu to make a system with debootstrap"
[ "$kind $(dpkg --print-architecture)" != "vm arm64" ] || skip_all "the machine in QEMU is an amd64 one"
missing="" packages=""
for tool in $tools dpkg-shlibdeps:dpkg-dev; do
    command -v "${tool%%:*}" >/dev/null || { missing="$missing ${tool%%:*}" && packages="$packages ${tool##*:}"; }
done
if [ -n "$missing" ]; then
    say "installing$packages"
    # shellcheck disable=SC2086
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $packages; } \
        >"$cache/tools.log" 2>&1 || skip_all "$missing is missing and apt does not bring it, see $cache/tools.log"
fi

# A container in a control group of its own, so that two of these tests do not meet there. With the systems of both versions
# mounted, nspawn has one in each.
group=""
container() { # arguments of systemd-nspawn…
    for hierarchy in $(sed -n 's/^[^ ]* \([^ ]*\) \(cgroup2 \|cgroup [^ ]*name=systemd\).*/\1/p' /proc/mounts); do
        mkdir -p "$hierarchy/kanband-install-test.$$" 2>/dev/null || continue
        case " $group " in *" $hierarchy/kanband-install-test.$$ "*) ;; *) group="$group $hierarchy/kanband-install-test.$$" ;; esac
    done
    # shellcheck disable=SC2016
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 timeout "$limit_s" sh -c '
        for group in $1; do echo $$ >"$group/cgroup.procs"; done
        shift
        exec systemd-nspawn -q --register=no --keep-unit --private-network --console=pipe "$@"' container "$group" "$@" </dev/null
}

booted=""
finish() {
    set +e
    if [ -n "$booted" ] && kill -0 "$booted" 2>/dev/null; then
        kill "$booted"
        wait "$booted"
    fi
    rm -rf "$cache/machine.$$" "$cache/machine.$$.img" "$cache/machine.$$.out"
    # nspawn leaves its groups; only empty ones go.
    for group in ${group:-}; do find "$group" -depth -type d -exec rmdir {} + 2>/dev/null; done
}
trap finish EXIT
trap 'exit 130' INT TERM

# The system that is booted, made once.
system() { # name, how it was made
    [ "$(cat "$cache/$1.made" 2>/dev/null)" = "$2" ] || { rm -rf "${cache:?}/$1" "$cache/$1.made" && return 1; }
}
if ! system "$release" "$inside"; then
    say "making a $release system (once)"
    debootstrap --variant=minbase --include="$inside" "$release" "$cache/$release" >"$cache/$release.log" 2>&1 ||
        skip_all "debootstrap could not make a system, see $cache/$release.log"
    rm -rf "$cache/$release"/var/lib/apt/lists/* "$cache/$release"/var/cache/apt/archives/*.deb
    # The wizard of a first boot would wait for an answer.
    : >"$cache/$release/etc/machine-id"
    systemd-machine-id-setup --root="$cache/$release" >/dev/null 2>&1
    ln -sf /usr/share/zoneinfo/UTC "$cache/$release/etc/localtime"
    ln -sf /dev/null "$cache/$release/etc/systemd/system/systemd-firstboot.service"
    echo "$inside" >"$cache/$release.made"
fi
base=$cache/$release
if [ "$kind" = nspawn ]; then
    container -D "$base" --volatile=yes /bin/true >"$cache/console-$kind.log" 2>&1 ||
        skip_all "systemd-nspawn starts nothing here: $(tail -n 1 "$cache/console-$kind.log")"
fi
add_kernel() {
    set -e
    in_base() { chroot "$base" env DEBIAN_FRONTEND=noninteractive "$@"; }
    install_there() { in_base apt-get install -qq -y --no-install-recommends "$@"; }
    in_base apt-get update -qq
    # What goes with a kernel is this release's in any case.
    install_there initramfs-tools kmod linux-base
    if [ "$kernel_release" != "$release" ]; then
        other=$base/etc/apt/sources.list.d/kernel.list
        mirror=$(sed -n 's/^deb \([^ ]*\) .*/\1/p' "$base/etc/apt/sources.list" | head -n 1)
        echo "deb ${mirror:-http://deb.debian.org/debian} $kernel_release main" >"$other"
        in_base apt-get update -qq
    fi
    install_there -t "$kernel_release" linux-image-cloud-amd64
    rm -rf "$base"/etc/apt/sources.list.d/kernel.list "$base"/var/lib/apt/lists/* "$base"/var/cache/apt/archives/*.deb
}
if [ "$kind" = vm ]; then
    named=$release-vm
    [ "$kernel_release" = "$release" ] || named=$release-vm-$kernel_release
    base=$cache/$named
    if ! system "$named" "$inside kernel"; then
        say "adding a kernel of $kernel_release (once)"
        cp -a "$cache/$release" "$base"
        # In the background, and not as a condition: there `set -e` would not hold.
        (add_kernel) >"$cache/$named.log" 2>&1 &
        wait $! || skip_all "no kernel could be installed, see $cache/$named.log"
        echo "$inside kernel" >"$cache/$named.made"
    fi
fi

# A version above and one below, of the same programs; the one below knows one schema less.
say "packing"
pack() { "$here/build-deb.sh" --quick --programs "$programs" --out "$cache/packages.$kind" "$@"; }
schema=$(find "$here/../src/kernel/store/migrations" -name '*.sql' | wc -l)
rm -rf "$cache/packages.$kind"
current=$(pack)
next=$(pack --version 999.0.0)
older=$(pack --version 0.0.1 --schema $((schema - 1)))
if [ "$kind" = nspawn ]; then
    if ! command -v lintian >/dev/null; then
        say "SKIPPED lintian: it is not installed"
        [ -z "${KANBAND_SKIPS:-}" ] || printf 'install-test\tlintian\tit is not installed\n' >>"$KANBAND_SKIPS"
    elif found=$(lintian --allow-root "$current" 2>&1) && [ -z "$found" ]; then
        say "passed  lintian finds nothing"
    else
        say "FAILED  lintian finds nothing"
        echo "$found" | sed 's/^/    /'
        exit 1
    fi
fi
# Only programs with fail points have their names in them.
fail_points=0
! grep -q dispatcher-wake "$programs/kanband" || fail_points=1

machine=$cache/machine.$$
rm -rf "$machine" "$machine.img"
cp -a "$base" "$machine"
trial=$machine/root/install-test
mkdir -p "$trial"
cp "$here/install-test/inside.sh" "$trial/"
cp "$current" "$trial/current.deb"
cp "$next" "$trial/next.deb"
cp "$older" "$trial/older.deb"
# Where the claims are reported while they are tried: a second serial line of the machine, or the file that they are kept in anyway.
case $kind in
vm) patience_s=240 shown=/dev/ttyS1 ;;
*) patience_s=60 shown=/dev/null ;;
esac
cat >"$machine/etc/systemd/system/install-test.service" <<EOF
[Unit]
Description=Trial of the kanband package
After=multi-user.target dbus.service systemd-logind.service

[Service]
Type=oneshot
TimeoutStartSec=infinity
Environment=FAIL_POINTS=$fail_points PATIENCE_S=$patience_s
ExecStartPre=-/bin/stty -F $shown -opost
ExecStart=/bin/sh -c '(sh /root/install-test/inside.sh /root/install-test; echo \$? >/root/install-test/ended) 2>&1 | tee /root/install-test/output >$shown; sync'
ExecStopPost=/bin/systemctl --no-block poweroff

[Install]
WantedBy=default.target
EOF
mkdir -p "$machine/etc/systemd/system/graphical.target.wants"
ln -sf ../install-test.service "$machine/etc/systemd/system/graphical.target.wants/"

# Hardware support that is there and does not do what a whole system needs (a machine inside of another one) is left after a while.
kvm_patience_s=${KVM_PATIENCE_S:-120}
boot_vm() { # what QEMU runs it with
    : >"$output"
    timeout "$limit_s" qemu-system-x86_64 -accel "$1" -cpu max,la57=off -m 1024 -smp 2 -nographic -no-reboot -nic none \
        -kernel "$machine"/boot/vmlinuz-* -initrd "$machine"/boot/initrd.img-* \
        -append "root=/dev/vda console=ttyS0 rw mitigations=off quiet" -serial mon:stdio -serial "file:$output" \
        -drive file="$machine.img",if=virtio,format=raw,cache=unsafe </dev/null >"$cache/console-$kind.log" 2>&1 &
    booted=$!
}
# Whether the trial begins. An error of KVM stops a machine, and not QEMU.
begins() {
    tries=$kvm_patience_s
    until [ -s "$output" ]; do
        tries=$((tries - 1))
        if [ "$tries" -le 0 ] || ! kill -0 "$booted" 2>/dev/null || grep -aq "KVM internal error" "$cache/console-$kind.log"; then
            return 1
        fi
        sleep 1
    done
}
say "booting ($kind)"
case $kind in
nspawn)
    output=$trial/output
    : >"$output"
    container -D "$machine" -b >"$cache/console-$kind.log" 2>&1 &
    booted=$!
    ;;
vm)
    output=$machine.out
    make_disk() { rm -f "$machine.img" && truncate -s 2G "$machine.img" && mkfs.ext4 -q -d "$machine" "$machine.img"; }
    make_disk
    if [ "${KVM:-}" != no ] && (: <>/dev/kvm) 2>/dev/null; then
        boot_vm kvm
        if begins; then
            say "by KVM"
        else
            kill "$booted" 2>/dev/null || true
            wait "$booted" || true
            say "KVM boots no system here, so it is emulated ($(grep -a -o -m 1 "KVM internal error.*" "$cache/console-$kind.log" || echo "nothing came within $kvm_patience_s s"))"
            make_disk
            boot_vm tcg,thread=multi
        fi
    else
        boot_vm tcg,thread=multi
    fi
    ;;
esac
tail -f -n +1 --pid="$booted" -s 0.2 "$output" &
told=$!
wait "$booted" || true
wait "$told" || true
case $kind in
nspawn) code=$(cat "$trial/ended" 2>/dev/null || echo none) ;;
vm) code=$(debugfs -R 'cat /root/install-test/ended' "$machine.img" 2>/dev/null) ;;
esac
booted=""
if [ "$code" != 0 ] && [ "$code" != 1 ]; then
    say "FAILED the machine did not come to its end within $limit_s s; the end of $cache/console-$kind.log:"
    tail -n 20 "$cache/console-$kind.log" | sed 's/^/    /'
    say "0 passed, 1 failed, 0 skipped"
    exit 1
fi
[ -z "${KANBAND_SKIPS:-}" ] ||
    sed -n 's/^install-test: SKIPPED \([^:]*\): \(.*\)$/install-test\t\1\t\2/p' "$output" >>"$KANBAND_SKIPS"
tried=$(grep -cE '^install-test: (passed|FAILED|SKIPPED)  ?' "$output")
"$here/../scripts/check-count.sh" install-test "$tried" || code=1
say "$((($(date +%s) - began_s + 30) / 60)) min"
exit "$code"
