# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# QEMU: where its source comes from, how it is configured and built. Sourced
# by the commands that build it, after lib.sh.

# The releases of QEMU that the patches are for (patchstack.py), the first one
# unless --base says otherwise, and where Debian has each one's source.
QEMU_BASES=(10.0 10.2)
declare -A QEMU_SUITES=(
    [10.0]="trixie bookworm-backports"
    [10.2]="sid"
)

# qemu_use_base BASE: the first one's files are in build itself, another one's
# in a folder of their own, and so are the names of its steps.
qemu_use_base() {
    [[ " ${QEMU_BASES[*]} " == *" $1 "* ]] ||
        die "--base: one of: ${QEMU_BASES[*]}"
    QEMU_BASE=$1
    QEMU_STEP=$1-
    QEMU_BUILD=$VGPU_BUILD/$1
    if [[ $1 == "${QEMU_BASES[0]}" ]]; then
        QEMU_STEP=
        QEMU_BUILD=$VGPU_BUILD
    fi
    QEMU_TREE=$QEMU_BUILD/qemu
    QEMU_OUT=$QEMU_TREE/build
    QEMU_PRISTINE=$QEMU_BUILD/pristine.git
    QEMU_BINARY=$QEMU_BUILD/bin/qemu-system-x86_64
    # The same source, options and compiler without the patches, to compare
    # with.
    QEMU_STOCK_TREE=$QEMU_BUILD/stock
    QEMU_STOCK_BINARY=$QEMU_BUILD/bin/stock/qemu-system-x86_64
    # The same tree with another compiler, whose sanitizers end what they find.
    QEMU_ASAN_OUT=$QEMU_BUILD/asan
    QEMU_ASAN_BINARY=$QEMU_BUILD/bin/asan/qemu-system-x86_64
}
qemu_use_base "${QEMU_BASES[0]}"

# qemu_take_base ARGUMENT...: obeys "--base BASE" among a command's arguments,
# and leaves the others in the array arguments.
qemu_take_base() {
    arguments=()
    while (($#)); do
        if [[ $1 == --base ]]; then
            qemu_use_base "${2:-}"
            shift
        else
            arguments+=("$1")
        fi
        shift || break
    done
}

# What Debian packages now, to compare with as well.
QEMU_PACKAGED=$VGPU_BUILD/packaged
QEMU_PACKAGED_SUITE=sid
QEMU_PACKAGED_BINARY=$VGPU_BUILD/bin/packaged/qemu-system-x86_64

# To compile, then what the emulator links with, what libvirt's and
# virt-install's default domains need besides, and the firmware that it loads
# when it runs.
QEMU_PACKAGES=(
    build-essential ccache git ninja-build patch pkgconf
    python3 python3-venv python3-distlib xz-utils
    zlib1g-dev libglib2.0-dev libpixman-1-dev libfdt-dev libslirp-dev
    libjpeg-dev libpng-dev libepoxy-dev libegl-dev libgbm-dev libdrm-dev
    libspice-server-dev libspice-protocol-dev libgtk-3-dev libsdl2-dev
    libvirglrenderer-dev libxxhash-dev
    libseccomp-dev libgnutls28-dev libsasl2-dev libusbredirparser-dev
    libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev
    gstreamer1.0-plugins-base gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
    qemu-system-data seabios ipxe-qemu
    libinput-dev libliftoff-dev libseat-dev libudev-dev libwayland-bin
    libwayland-dev libxkbcommon-dev wayland-protocols
)

# What vgpu-screen links with. A system that has it not, and is no Debian, gets
# the emulator without.
QEMU_SCREEN_LIBRARIES=(libinput libliftoff libseat libudev wayland-client
    wayland-protocols xkbcommon)

# Where Debian has the firmware. The emulator looks there by itself, so that
# build/bin needs no script, which AppArmor would not let libvirt run.
QEMU_FIRMWARE=(/usr/share/seabios /usr/share/qemu /usr/share/qemu-firmware
    /usr/lib/ipxe/qemu)

QEMU_OPTIONS=(
    --target-list=x86_64-softmmu
    --cc="ccache cc"
    --python=/usr/bin/python3
    --without-default-features
    --disable-download
    --disable-install-blobs
    --disable-docs
    --disable-tools
    --with-pkgversion=vgpu
    --enable-tcg --enable-kvm
    --enable-pixman --enable-png
    --enable-vnc --enable-vnc-jpeg
    --enable-opengl --enable-spice --enable-virglrenderer
    --enable-gio --enable-dbus-display
    --enable-gtk --enable-sdl
    --enable-slirp --enable-fdt=system
    --enable-seccomp --enable-gnutls --enable-vnc-sasl --enable-tpm
    --enable-vhost-kernel --enable-vhost-net --enable-usb-redir
    --firmwarepath="$(IFS=: && echo "${QEMU_FIRMWARE[*]}")"
    --enable-werror
)

# qemu_own_options TREE: those that patches bring, as far as TREE has them.
qemu_own_options() {
    local option options=(--enable-gstreamer)
    if pkg-config --exists "${QEMU_SCREEN_LIBRARIES[@]}"; then
        options+=(--enable-vgpu-screen)
    fi
    for option in "${options[@]}"; do
        if grep -qF -e "$option)" "$1/scripts/meson-buildoptions.sh"; then
            echo "$option"
        fi
    done
}

QEMU_ASAN_OPTIONS=(
    "${QEMU_OPTIONS[@]}"
    --enable-gstreamer
    --cc="ccache clang"
    --enable-asan --enable-ubsan
)

_qemu_fetch() {
    rm -rf "$1"
    apt_get_source qemu "$QEMU_BASE" "${QEMU_SUITES[$QEMU_BASE]}" \
        "$1.partial" || {
        echo "VGPU_QEMU_TARBALL can name a local QEMU $QEMU_BASE source tarball"
        return 1
    }
    mv "$1.partial" "$1"
}

# Sets qemu_tarball: a local one, or Debian's, fetched once.
_qemu_find_tarball() {
    local folder=$VGPU_DOWNLOADS/${QEMU_STEP}qemu
    if [[ -n ${VGPU_QEMU_TARBALL:-} ]]; then
        qemu_tarball=$(readlink -f "$VGPU_QEMU_TARBALL")
        [[ -f $qemu_tarball ]] ||
            die "VGPU_QEMU_TARBALL: no such file: $VGPU_QEMU_TARBALL"
        return
    fi
    if ! compgen -G "$folder/qemu_*.orig.tar.*" >/dev/null; then
        is_debian || die "set VGPU_QEMU_TARBALL to the path of a QEMU" \
            "$QEMU_BASE source tarball (qemu-$QEMU_BASE.x.tar.xz)"
        run_step "${QEMU_STEP}qemu-fetch" "getting QEMU's source package" \
            _qemu_fetch "$folder"
    fi
    qemu_tarball=$(compgen -G "$folder/qemu_*.orig.tar.*" |
        grep -v '\.asc$' | head -n 1)
}

# Commits the source as it came, to tell later what a patch has changed and
# to make the series on.
_qemu_commit_pristine() {
    local date=2025-04-22T00:00:00Z git=(git --git-dir="$QEMU_PRISTINE" --work-tree="$1"
        -c core.bare=false -c core.autocrlf=false -c gc.auto=0
        -c core.excludesFile=/dev/null
        -c user.name=pristine -c user.email=pristine@localhost)
    rm -rf "$QEMU_PRISTINE"
    git init -q --bare --initial-branch=pristine "$QEMU_PRISTINE"
    "${git[@]}" add --all --force .
    # The same source is always the same commit, so that clones stay good.
    GIT_AUTHOR_DATE=$date GIT_COMMITTER_DATE=$date \
        "${git[@]}" commit -q -m "QEMU $(<"$1/VERSION")"
}

_qemu_unpack() {
    local fresh=$QEMU_BUILD/qemu.unpack
    rm -rf "$fresh" "$QEMU_TREE"
    mkdir -p "$fresh"
    tar -xf "$1" -C "$fresh" --strip-components=1
    [[ $(<"$fresh/VERSION") == "$QEMU_BASE".* ]] || {
        echo "$1 holds QEMU $(<"$fresh/VERSION"), not $QEMU_BASE" >&2
        return 1
    }
    _qemu_commit_pristine "$fresh"
    mv "$fresh" "$QEMU_TREE"
}

# qemu_source: makes QEMU_TREE: pristine, patched, the new files linked in.
qemu_source() {
    local qemu_tarball identity
    _qemu_find_tarball
    identity="1 $qemu_tarball $(stat -c '%s %Y' "$qemu_tarball")"
    if ! stamp_ok "${QEMU_STEP}qemu-unpack" "$identity"; then
        stamp_clear "${QEMU_STEP}qemu-unpack"
        run_step "${QEMU_STEP}qemu-unpack" \
            "unpacking $(basename "$qemu_tarball")" \
            _qemu_unpack "$qemu_tarball"
        stamp_set "${QEMU_STEP}qemu-unpack" "$identity"
    fi
    python3 "$VGPU_TOP/scripts/vgpu/overlay.py" "$VGPU_TOP" \
        "$QEMU_PRISTINE" "$QEMU_TREE" "$QEMU_BASE" \
        >"$VGPU_LOGS/${QEMU_STEP}qemu-overlay.log" 2>&1 || {
        cat "$VGPU_LOGS/${QEMU_STEP}qemu-overlay.log" >&2
        die "the patches do not apply"
    }
}

# _qemu_configure TREE OPTION...: in TREE/build, from the beginning
_qemu_configure() {
    rm -rf "$1/build"
    mkdir "$1/build"
    cd "$1/build" || return
    shift
    ../configure "${QEMU_OPTIONS[@]}" "$@"
}

# qemu_added PATTERN: the programs whose source files the patches add and
# match the pattern, as ninja calls them
qemu_added() {
    python3 "$VGPU_TOP/scripts/vgpu/patchstack.py" --added "$VGPU_TOP" \
        "$QEMU_BASE" | sed -n "s|^\($1\)\.c\$|\1|p"
}

qemu_qtests() {
    qemu_added 'tests/qtest/.*-test'
}

qemu_unit_tests() {
    qemu_added 'tests/unit/test-.*'
}

# Those that link files of QEMU's own, which the top-level meson.build has not.
qemu_tree_unit_tests() {
    local test
    qemu_unit_tests | while read -r test; do
        grep -q "'${test##*/}'" "$VGPU_TOP/tests/unit/meson.build" ||
            echo "$test"
    done
}

# qemu_ninja_in FOLDER TARGET...: a build folder within a tree; all of them
# share what ccache keeps
qemu_ninja_in() {
    local folder=$1
    shift
    CCACHE_BASEDIR=${folder%/*} CCACHE_NOHASHDIR=1 \
        ninja -C "$folder" -j "$VGPU_JOBS" "$@"
}

# qemu_ninja TREE TARGET...
qemu_ninja() {
    local tree=$1
    shift
    qemu_ninja_in "$tree/build" "$@"
}

_qemu_compile() {
    local targets
    mapfile -t targets < <(qemu_qtests && qemu_tree_unit_tests)
    [[ -z $(qemu_own_options) ]] ||
        targets+=(contrib/vgpu-screen/vgpu-screen)
    qemu_ninja "$QEMU_TREE" qemu-system-x86_64 "${targets[@]}"
}

# _qemu_link PROGRAM OUT: a link relative to itself to the emulator of the
# build folder OUT, so that a checkout can be moved. An emulator that is run
# from there takes every path for one in its qemu-bundle.
_qemu_link() {
    local folder
    for folder in "${QEMU_FIRMWARE[@]}"; do
        mkdir -p "$2/qemu-bundle${folder%/*}"
        ln -sfn "$folder" "$2/qemu-bundle$folder"
    done
    mkdir -p "$(dirname "$1")"
    ln -sfn "$(realpath --relative-to="$(dirname "$1")" \
        "$2/qemu-system-x86_64")" "$1"
}

# Beside the emulator, where it was built at all.
_qemu_link_screen() {
    local built=$QEMU_OUT/contrib/vgpu-screen/vgpu-screen
    local folder=${QEMU_BINARY%/*}
    rm -f "$folder/vgpu-screen"
    [[ ! -x $built ]] || ln -sfn \
        "$(realpath --relative-to="$folder" "$built")" "$folder/vgpu-screen"
}

# qemu_prepare: what building needs: packages and a recent enough meson.
qemu_prepare() {
    need_packages "${QEMU_PACKAGES[@]}"
    need_meson
}

# qemu_configure_once STEP WHAT TREE: as far as it is not up to date
qemu_configure_once() {
    local identity own
    mapfile -t own < <(qemu_own_options "$3")
    identity="${QEMU_OPTIONS[*]} ${own[*]} $(hash_files "$3/configure" \
        "$3/pythondeps.toml")"
    if ! stamp_ok "$1" "$identity" || [[ ! -f $3/build/build.ninja ]]; then
        stamp_clear "$1"
        run_step "$1" "configuring $2" _qemu_configure "$3" "${own[@]}"
        stamp_set "$1" "$identity"
    fi
}

# qemu_build: everything, as far as it is not up to date.
qemu_build() {
    qemu_prepare
    qemu_source
    qemu_configure_once "${QEMU_STEP}qemu-configure" QEMU "$QEMU_TREE"
    run_step "${QEMU_STEP}qemu-build" "building QEMU" _qemu_compile
    _qemu_link "$QEMU_BINARY" "$QEMU_OUT"
    _qemu_link_screen
}

_qemu_stock_unpack() {
    rm -rf "$QEMU_STOCK_TREE"
    mkdir "$QEMU_STOCK_TREE"
    git --git-dir="$QEMU_PRISTINE" archive pristine |
        tar -x -C "$QEMU_STOCK_TREE"
    python3 "$VGPU_TOP/scripts/vgpu/overlay.py" --prepare "$QEMU_STOCK_TREE"
}

_qemu_stock_compile() {
    qemu_ninja "$QEMU_STOCK_TREE" qemu-system-x86_64
}

# qemu_build_stock: the emulator without the patches. Call qemu_build before.
qemu_build_stock() {
    local identity
    identity=$(git --git-dir="$QEMU_PRISTINE" rev-parse pristine
        hash_files "$VGPU_TOP/scripts/vgpu/overlay.py")
    if ! stamp_ok "${QEMU_STEP}stock-unpack" "$identity"; then
        stamp_clear "${QEMU_STEP}stock-unpack"
        run_step "${QEMU_STEP}stock-unpack" "unpacking stock QEMU" \
            _qemu_stock_unpack
        stamp_set "${QEMU_STEP}stock-unpack" "$identity"
    fi
    qemu_configure_once "${QEMU_STEP}stock-configure" "stock QEMU" \
        "$QEMU_STOCK_TREE"
    run_step "${QEMU_STEP}stock-build" "building stock QEMU" \
        _qemu_stock_compile
    _qemu_link "$QEMU_STOCK_BINARY" "$QEMU_STOCK_TREE/build"
}

_qemu_asan_configure() {
    rm -rf "$QEMU_ASAN_OUT"
    mkdir "$QEMU_ASAN_OUT"
    cd "$QEMU_ASAN_OUT" || return
    "$QEMU_TREE/configure" "${QEMU_ASAN_OPTIONS[@]}"
}

_qemu_asan_compile() {
    local tests
    mapfile -t tests < <(qemu_qtests)
    ninja -C "$QEMU_ASAN_OUT" -j "$VGPU_JOBS" qemu-system-x86_64 "${tests[@]}"
}

# qemu_build_asan: the emulator and its qtests with clang, ASan and UBSan. Call
# qemu_build before.
qemu_build_asan() {
    local identity
    need_clang
    identity="${QEMU_ASAN_OPTIONS[*]} $(hash_files "$QEMU_TREE/configure" \
        "$QEMU_TREE/pythondeps.toml")"
    if ! stamp_ok "${QEMU_STEP}asan-configure" "$identity" ||
        [[ ! -f $QEMU_ASAN_OUT/build.ninja ]]; then
        stamp_clear "${QEMU_STEP}asan-configure"
        run_step "${QEMU_STEP}asan-configure" \
            "configuring QEMU with sanitizers" _qemu_asan_configure
        stamp_set "${QEMU_STEP}asan-configure" "$identity"
    fi
    run_step "${QEMU_STEP}asan-build" "building QEMU with sanitizers" \
        _qemu_asan_compile
    _qemu_link "$QEMU_ASAN_BINARY" "$QEMU_ASAN_OUT"
}

# With a C library of its own, of which the programs that it starts must not
# know.
_qemu_write_packaged_wrapper() {
    mkdir -p "$(dirname "$QEMU_PACKAGED_BINARY")"
    cat >"$QEMU_PACKAGED_BINARY" <<'EOF'
#!/bin/sh
root=$(dirname "$(readlink -f "$0")")/../../packaged
lib=$root/usr/lib/x86_64-linux-gnu
QEMU_MODULE_DIR=$lib/qemu exec "$root/usr/lib64/ld-linux-x86-64.so.2" \
    --library-path "$lib" "$root/usr/bin/qemu-system-x86_64" \
    -L "$root/usr/share/seabios" -L "$root/usr/share/qemu" "$@"
EOF
    chmod +x "$QEMU_PACKAGED_BINARY"
}

# qemu_packaged: unpacks it, once; false, in words, where it cannot be had.
qemu_packaged() {
    local identity="1 $QEMU_PACKAGED_SUITE" log=$VGPU_LOGS/qemu-packaged.log
    stamp_ok qemu-packaged "$identity" && return
    stamp_clear qemu-packaged
    say "getting the QEMU of Debian $QEMU_PACKAGED_SUITE ..."
    if ! is_debian || ! _unpack_whole "$QEMU_PACKAGED_SUITE" "$QEMU_PACKAGED" \
        qemu-system-x86 >"$log" 2>&1 </dev/null; then
        say "there is none: it is left out (see $log)"
        return 1
    fi
    _qemu_write_packaged_wrapper
    stamp_set qemu-packaged "$identity"
}
