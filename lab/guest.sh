# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Makes the demo's Linux guest: Debian's kernel as it is, and an initramfs of
# busybox and that kernel's own bochs-drm. Sourced after scripts/vgpu/lib.sh.

GUEST_DIR=$VGPU_BUILD/lab/guest
GUEST_KERNEL=$GUEST_DIR/vmlinuz
GUEST_INITRAMFS=$GUEST_DIR/initramfs.gz
GUEST_META_PACKAGE=linux-image-amd64

_guest_deb() {
    find "$VGPU_DOWNLOADS/guest" -name 'linux-image-[0-9]*.deb' 2>/dev/null |
        sort -V | tail -n 1
}

# The package of the kernel itself carries its version in its name, which the
# package that always depends on the newest one tells.
_guest_fetch() {
    local part=$VGPU_DOWNLOADS/guest.part package
    rm -rf "$part"
    apt_download "$GUEST_META_PACKAGE" "$part"
    package=$(dpkg-deb -f "$part/$GUEST_META_PACKAGE"_*.deb Depends |
        grep -o 'linux-image-[0-9][^ ,]*')
    apt_download "$package" "$part"
    rm -rf "$VGPU_DOWNLOADS/guest"
    mv "$part" "$VGPU_DOWNLOADS/guest"
}

_guest_make() {
    local tree=$GUEST_DIR/tree
    rm -rf "$GUEST_DIR"
    mkdir -p "$tree"
    dpkg-deb --fsys-tarfile "$(_guest_deb)" | tar -x -C "$tree" \
        --wildcards './boot/vmlinuz-*' '*/kernel/drivers/gpu/drm/*' \
        '*/kernel/drivers/i2c/*' '*/kernel/drivers/video/*'
    python3 "$VGPU_TOP/scripts/vgpu/initramfs.py" --modules "$tree" \
        --busybox "$(command -v busybox)" --init "$VGPU_TOP/lab/guest/init" \
        --output "$GUEST_INITRAMFS"
    mv "$tree"/boot/vmlinuz-* "$GUEST_KERNEL"
    rm -rf "$tree"
}

# guest_build: makes $GUEST_KERNEL and $GUEST_INITRAMFS, unless up to date.
guest_build() {
    local identity
    need_packages busybox-static python3 xz-utils
    if [[ -z $(_guest_deb) ]]; then
        is_debian || die "not a Debian system: put the .deb that Debian's" \
            "$GUEST_META_PACKAGE depends on into $VGPU_DOWNLOADS/guest"
        run_step guest-fetch "getting the guest's kernel, 100 MB" _guest_fetch
    fi
    identity="$(basename "$(_guest_deb)") $(hash_files \
        "$VGPU_TOP/lab/guest" "$VGPU_TOP/lab/guest.sh" \
        "$VGPU_TOP/scripts/vgpu/initramfs.py" "$(command -v busybox)")"
    if ! stamp_ok guest "$identity" || [[ ! -f $GUEST_KERNEL ]]; then
        stamp_clear guest
        run_step guest "making the Linux guest" _guest_make
        stamp_set guest "$identity"
    fi
}
