#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ./vgpu deb [--release bookworm|trixie] [--base BASE]: a package for that
# release, by default the machine's own: build/deb/qemu-vgpu_*.deb. It is Debian's
# QEMU with the series, built in a root folder that has nothing but that release's
# packages.
#
# deb/ holds what is our own of the source package; all else comes from Debian's
# and from ./vgpu series.

set -euo pipefail

. "$(dirname "$(readlink -f "$0")")/lib.sh"
. "$VGPU_TOP/scripts/vgpu/qemu.sh"

PACKAGES=(mmdebstrap dpkg-dev util-linux mount xz-utils)
RESULTS=$VGPU_BUILD/deb
# The releases that have what QEMU 10.0 is built with, and their numbers.
declare -A NUMBER=([bookworm]=12 [trixie]=13)

usage() {
    die "usage: ./vgpu deb [--base BASE] [--release NAME]," \
        "NAME one of: ${!NUMBER[*]}"
}

# in_root COMMAND...: as root in $ROOT, with $SOURCES as /build. The mounts are
# gone with the command.
in_root() {
    # shellcheck disable=SC2016 # for the inner shell
    _as_root unshare --mount --pid --fork --kill-child sh -ec '
        mount --bind "$2" "$1/build"
        mount -t proc proc "$1/proc"
        root=$1
        shift 2
        exec chroot "$root" env -i HOME=/root LC_ALL=C.UTF-8 \
            PATH=/usr/lib/ccache:/usr/sbin:/usr/bin:/sbin:/bin "$@"
    ' - "$ROOT" "$SOURCES" "$@"
}

# What the root's apt reads, by way of the machine's own mirror and proxy.
write_apt_files() {
    local suite
    mkdir -p "$WORK"
    for suite in $suites; do
        _read_suite "$suite"
        grep '^deb ' "$VGPU_BUILD/apt/$suite/sources.list"
    done >"$WORK/sources.list.new"
    mv "$WORK/sources.list.new" "$WORK/sources.list"
    apt-config dump | grep -iE '^Acquire::https?::Proxy' \
        >"$WORK/apt.conf" || true
    # Debian 12's own meson is too old.
    printf '%s\n' "Package: meson" "Pin: release n=bookworm-backports" \
        "Pin-Priority: 500" >"$WORK/preferences"
}

make_root() {
    write_apt_files
    _as_root rm -rf "$ROOT"
    # What it mounts is gone with it, even when it is killed.
    # shellcheck disable=SC2016 # for mmdebstrap's shell
    _as_root unshare --mount mmdebstrap --variant=buildd --include=ccache,lintian \
        --aptopt="$WORK/apt.conf" \
        --setup-hook="install -D -m 644 '$WORK/preferences' \
            \"\$1/etc/apt/preferences.d/meson\"" \
        --customize-hook="mkdir \"\$1/build\" \"\$1/tmp/needs\"" \
        --customize-hook="copy-in '$VGPU_TOP/deb/control' /tmp/needs" \
        --customize-hook='cd "$1/tmp/needs" && mkdir debian &&
            mv control debian/ && chroot "$1" apt-get build-dep -y \
            --no-install-recommends /tmp/needs && rm -rf "$1/tmp/needs"' \
        "$release" "$ROOT" "$WORK/sources.list"
}

# The new files that the patches bring.
series_files() {
    sed -n 's/^Adds: *//p' "$VGPU_TOP"/patches/*/*.patch | sort
}

# A text that differs for any two series. The checkout's place is not in it.
series_hash() {
    local added
    mapfile -t added < <(series_files)
    (echo "$QEMU_BASE" && cd "$VGPU_TOP" && hash_files patches "${added[@]}") |
        sha256sum | cut -c 1-12
}

# Who answers for the package, as Debian's own tools ask it.
maintainer() {
    echo "${DEBFULLNAME:-vGPU display series}" \
        "<${DEBEMAIL:-vgpu-display@example.org}>"
}

# Its time is that of the last change to this project.
write_changelog() {
    local seconds version
    seconds=$(git -C "$VGPU_TOP" log -1 --format=%ct 2>/dev/null) ||
        seconds=$(stat -c %Y "$VGPU_TOP/patches/series")
    version="$upstream-0vgpu$(date -u -d "@$seconds" +%Y%m%d.%H%M)"
    version+="~deb${NUMBER[$release]}"
    cat <<EOF
qemu-vgpu ($version) $release; urgency=medium

  * QEMU as in Debian's qemu $debian_version, with series $series.

 -- $(maintainer)  $(LC_ALL=C date -u -R -d "@$seconds")
EOF
}

# write_debian DEBIAN THEIRS: the new source package's folder, and that of
# Debian's.
write_debian() {
    local debian=$1 theirs=$2
    mkdir -p "$debian/source" "$debian/from-debian" "$debian/patches"
    echo '3.0 (quilt)' >"$debian/source/format"
    cp "$VGPU_TOP"/deb/* "$debian"
    cp -r "$VGPU_TOP"/docs/{using.md,messages.md,libvirt} "$debian"
    sed -i "s/@MAINTAINER@/$(maintainer)/" "$debian/control"
    write_changelog >"$debian/changelog"
    {
        cat "$theirs/copyright"
        printf '\nFiles: debian/*\n'
        series_files | sed 's/^/ /'
        cat "$VGPU_TOP/deb/copyright"
    } >"$debian/copyright"
    # What makes Debian's source one that can be built, then the series.
    cp "$theirs"/patches/{skip-unpack-edk2-blobs,disable-pycotap}.patch \
        "$QEMU_BUILD"/series/*.patch "$debian/patches"
    (cd "$debian/patches" && ls skip-*.patch disable-*.patch [0-9]*.patch) \
        >"$debian/patches/series"
    cp "$theirs"/{control,extract-config-opts,gen-module-upgrade.sh} \
        "$debian/from-debian"
    echo "vgpu $series on Debian $debian_version" \
        >"$debian/from-debian/pkgversion"
}

unpack_source() {
    local theirs=$WORK/theirs
    _as_root rm -rf "$SOURCES/qemu-vgpu" "$SOURCES"/qemu-vgpu_* "$theirs"
    mkdir -p "$SOURCES/qemu-vgpu" "$theirs"
    cp "$qemu_tarball" "$SOURCES/qemu-vgpu_${qemu_tarball##*/qemu_}"
    tar -xf "$qemu_tarball" -C "$SOURCES/qemu-vgpu" --strip-components=1
    tar -xf "$debian_tarball" -C "$theirs" --strip-components=1
    write_debian "$SOURCES/qemu-vgpu/debian" "$theirs"
}

# Compiled again is only what has changed, as ccache keeps the rest.
build_package() {
    in_root env CCACHE_DIR=/build/ccache CCACHE_DEPEND=1 DEB_BUILD_OPTIONS="\
parallel=$VGPU_JOBS nocheck terse ${DEB_BUILD_OPTIONS-noautodbgsym}" \
        sh -ec 'cd /build/qemu-vgpu && dpkg-buildpackage --no-sign'
}

# What is installed; most of the source is Debian's, who check it themselves.
check_package() {
    in_root sh -c 'lintian --allow-root --fail-on error /build/*.deb'
}

keep_results() {
    mkdir -p "$RESULTS"
    rm -f "$RESULTS"/qemu-vgpu*_"$QEMU_BASE".*"~deb${NUMBER[$release]}"*
    cp "$SOURCES"/qemu-vgpu*_* "$RESULTS"
}

qemu_take_base "$@"
release=$(_release)
case ${#arguments[@]} in
0) ;;
2)
    [[ ${arguments[0]} == --release ]] || usage
    release=${arguments[1]}
    ;;
*) usage ;;
esac
[[ -n ${NUMBER[$release]:-} ]] || usage
suites=$release
[[ $release != bookworm ]] || suites+=" bookworm-backports"
WORK=$VGPU_BUILD/deb-work/$release
ROOT=$WORK/root
SOURCES=$WORK/${QEMU_STEP}build
PACKAGE="$RESULTS/qemu-vgpu_$QEMU_BASE.*~deb${NUMBER[$release]}_*.deb"

is_debian || die "a Debian package is made on Debian"
[[ -z ${VGPU_QEMU_TARBALL:-} ]] ||
    die "a Debian package is made of Debian's source: unset VGPU_QEMU_TARBALL"
lock_build
need_packages "${PACKAGES[@]}"
series=$(series_hash)
identity="$release $series $(cd "$VGPU_TOP" && hash_files deb \
    docs/using.md docs/messages.md docs/libvirt scripts/vgpu/cmd-deb.sh)"
if ! stamp_ok "${QEMU_STEP}deb-$release" "$identity" ||
    ! compgen -G "$PACKAGE" >/dev/null; then
    stamp_clear "${QEMU_STEP}deb-$release"
    if ! stamp_ok "${QEMU_STEP}deb-series" "$series" ||
        [[ ! -d $QEMU_BUILD/series ]]; then
        bash "$VGPU_TOP/scripts/vgpu/cmd-series.sh" --base "$QEMU_BASE"
        stamp_set "${QEMU_STEP}deb-series" "$series"
    fi
    _qemu_find_tarball
    upstream=$(basename "$qemu_tarball" | sed 's/^qemu_//; s/\.orig\..*//')
    debian=$VGPU_DOWNLOADS/${QEMU_STEP}qemu
    debian_tarball=$(compgen -G "$debian/qemu_*.debian.tar.*")
    debian_version=$(sed -n 's/^Version: //p' "$debian"/*.dsc)
    needs=$(sed '/^$/q' "$VGPU_TOP/deb/control")
    if ! stamp_ok "deb-root-$release" "$needs" || [[ ! -d $ROOT ]]; then
        stamp_clear "deb-root-$release"
        run_step "deb-root-$release" \
            "making a root folder of $release with 600 packages" make_root
        stamp_set "deb-root-$release" "$needs"
    fi
    run_step "${QEMU_STEP}deb-source-$release" "making the source package" \
        unpack_source
    run_step "${QEMU_STEP}deb-build-$release" \
        "building the package for $release" build_package
    run_step "${QEMU_STEP}deb-lintian-$release" "checking the package" \
        check_package
    keep_results
    stamp_set "${QEMU_STEP}deb-$release" "$identity"
fi
say "the package is $(compgen -G "$PACKAGE")"
