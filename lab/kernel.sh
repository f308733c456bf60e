# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds the lab's kernel, build/lab/linux: Debian's Linux 6.12 source, the
# patches and the driver beside this file, ARCH=um. Sourced after
# scripts/vgpu/lib.sh.

LAB_KERNEL=$VGPU_BUILD/lab/linux
LAB_TREE=$VGPU_BUILD/linux
# The driver's source, and what of include/ it shares with QEMU.
LAB_DRIVER=$VGPU_TOP/lab/vgpu-mdev
LAB_DRIVER_HEADERS=(hw/vfio/vfio-gfx-ext.h hw/display/vgpu-sw.h)
LAB_SOURCE_PACKAGE=linux-source-6.12
LAB_BUILD_PACKAGES=(gcc libc6-dev make ccache flex bison bc libelf-dev patch
    perl xz-utils)

# A .deb that was fetched before, or nothing.
_lab_source_deb() {
    find "$VGPU_DOWNLOADS/linux" -name "${LAB_SOURCE_PACKAGE}_*.deb" \
        2>/dev/null | sort -V | tail -n 1
}

_lab_fetch_source() {
    rm -rf "$VGPU_DOWNLOADS/linux.part"
    apt_download "$LAB_SOURCE_PACKAGE" "$VGPU_DOWNLOADS/linux.part"
    rm -rf "$VGPU_DOWNLOADS/linux"
    mv "$VGPU_DOWNLOADS/linux.part" "$VGPU_DOWNLOADS/linux"
}

# Writes the source's .tar, whatever it comes in, to standard output.
_lab_source_tar() {
    local member=./usr/src/$LAB_SOURCE_PACKAGE.tar.xz
    if [[ -n ${VGPU_LINUX_TARBALL:-} ]]; then
        case $VGPU_LINUX_TARBALL in
        *.xz) xz -dc "$VGPU_LINUX_TARBALL" ;;
        *.gz) gzip -dc "$VGPU_LINUX_TARBALL" ;;
        *) cat "$VGPU_LINUX_TARBALL" ;;
        esac
    else
        dpkg-deb --fsys-tarfile "$(_lab_source_deb)" |
            tar -xO "$member" | xz -dc
    fi
}

# Other architectures are most of what a UML build never reads.
_lab_unpack() {
    local patch fresh=$LAB_TREE.new
    rm -rf "$fresh"
    mkdir -p "$fresh"
    _lab_source_tar | tar -x -C "$fresh" --strip-components=1 \
        --exclude='linux-*/Documentation/[a-z]*' \
        --exclude='linux-*/arch/*/boot/dts'
    while read -r patch; do
        echo "applying $patch"
        patch -d "$fresh" -p1 --forward <"$VGPU_TOP/lab/patches/$patch"
    done < <(grep -v '^#' "$VGPU_TOP/lab/patches/series")
    rm -rf "$LAB_TREE"
    mv "$fresh" "$LAB_TREE"
}

# Puts the driver's files into the tree. Those that are there already keep
# their time, so that make compiles no more than what changed.
_lab_place_driver() {
    local place=$LAB_TREE/drivers/vfio/vgpu-mdev file
    mkdir -p "$place"
    rm -rf "$place.new"
    cp -r "$LAB_DRIVER" "$place.new"
    for file in "${LAB_DRIVER_HEADERS[@]}"; do
        mkdir -p "$place.new/include/${file%/*}"
        cp "$VGPU_TOP/include/$file" "$place.new/include/$file"
    done
    (
        cd "$place.new"
        find . -type f | while read -r file; do
            cmp -s "$file" "$place/$file" ||
                install -D -m 644 "$file" "$place/$file"
        done
        cd "$place"
        find . -type f \( -name '*.[ch]' -o -name Kconfig \) |
            while read -r file; do
                [[ -f $place.new/$file ]] || rm -f "$file"
            done
    )
    rm -rf "$place.new"
}

# olddefconfig drops what it cannot have, and says nothing.
_lab_configure() {
    local fragment=$VGPU_TOP/lab/kernel.config missing identity
    identity="$(hash_files "$fragment" "$LAB_DRIVER/Kconfig")"
    if stamp_ok linux-config "$identity" && [[ -f .config ]]; then
        return
    fi
    make ARCH=um defconfig
    scripts/kconfig/merge_config.sh -m .config "$fragment"
    make ARCH=um olddefconfig
    missing=$(grep -E '^(CONFIG_|# CONFIG_.* is not set$)' "$fragment" |
        grep -vxFf .config | grep -v '^# ' || true)
    if [[ -n $missing ]]; then
        printf 'this kernel cannot be configured with:\n%s\n' "$missing"
        return 1
    fi
    stamp_set linux-config "$identity"
}

_lab_make() {
    _lab_place_driver
    cd "$LAB_TREE" || return
    _lab_configure
    make ARCH=um CC="ccache gcc" HOSTCC="ccache gcc" -j"$VGPU_JOBS" linux
    mkdir -p "${LAB_KERNEL%/*}"
    # A lab that runs keeps the file it was started from.
    strip -o "$LAB_KERNEL.new" linux
    mv "$LAB_KERNEL.new" "$LAB_KERNEL"
}

# What the kernel depends on, as stamps want it: the source, the build.
_lab_source_identity() {
    if [[ -n ${VGPU_LINUX_TARBALL:-} ]]; then
        stat -c '%n %s %Y' "$VGPU_LINUX_TARBALL"
    else
        basename "$(_lab_source_deb)"
    fi
    hash_files "$VGPU_TOP/lab/patches" "$VGPU_TOP/lab/kernel.sh"
}

_lab_build_identity() {
    _lab_source_identity
    hash_files "$VGPU_TOP/lab/kernel.config" "$LAB_DRIVER" \
        "${LAB_DRIVER_HEADERS[@]/#/$VGPU_TOP/include/}"
}

lab_kernel_current() {
    [[ -x $LAB_KERNEL ]] && stamp_ok linux-kernel "$(_lab_build_identity)"
}

_lab_need_source() {
    if [[ -n ${VGPU_LINUX_TARBALL:-} ]]; then
        [[ -f $VGPU_LINUX_TARBALL ]] ||
            die "VGPU_LINUX_TARBALL: no such file: $VGPU_LINUX_TARBALL"
    elif [[ -z $(_lab_source_deb) ]]; then
        is_debian || die "not a Debian system: name a Linux 6.12 source" \
            "tarball in VGPU_LINUX_TARBALL"
        run_step linux-fetch "getting $LAB_SOURCE_PACKAGE" _lab_fetch_source
    fi
}

# lab_kernel_build: makes $LAB_KERNEL, unless it is up to date.
lab_kernel_build() {
    local identity
    _lab_need_source
    ! lab_kernel_current || return 0
    need_packages "${LAB_BUILD_PACKAGES[@]}"
    stamp_clear linux-kernel
    identity=$(_lab_source_identity)
    if ! stamp_ok linux-source "$identity" || [[ ! -d $LAB_TREE ]]; then
        stamp_clear linux-source
        stamp_clear linux-config
        run_step linux-unpack "unpacking the lab kernel's source" _lab_unpack
        stamp_set linux-source "$identity"
    fi
    run_step linux-kernel "building the lab kernel" _lab_make
    stamp_set linux-kernel "$(_lab_build_identity)"
}
