#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ./vgpu demo [--device vgpu] [--vnc]: a guest's screen on a real vfio mediated
# device. Writes demo.png; with --vnc the guest stays, for a viewer on
# 127.0.0.1:5900. The guest is Linux on the kernel's sample driver mbochs; with
# --device vgpu it is the test guest on our own driver, which has a cursor and
# overlays.

set -euo pipefail

. "$(dirname "$(readlink -f "$0")")/lib.sh"
. "$VGPU_TOP/lab/guest.sh"

VNC_PORT=5900

usage() {
    die "usage: ./vgpu demo [--device mbochs|vgpu] [--vnc]"
}

device=mbochs
lab=(--timeout 600)
demo=()
while (($#)); do
    case $1 in
    --device)
        device=${2:-}
        shift
        ;;
    --vnc)
        # The lab's address as slirp4netns knows it, and no time limit.
        lab=(--timeout inf --forward "$VNC_PORT:5900")
        demo=(--vnc 10.0.2.100:0 --vnc-address "127.0.0.1:$VNC_PORT")
        ;;
    *) usage ;;
    esac
    shift || usage
done

lock_build
bash "$VGPU_TOP/scripts/vgpu/cmd-build.sh"
bash "$VGPU_TOP/scripts/vgpu/cmd-lab.sh" --build-only
case $device in
mbochs)
    guest_build
    program=demo.py
    demo+=(--kernel "$GUEST_KERNEL" --initramfs "$GUEST_INITRAMFS")
    ;;
vgpu)
    need_packages python3-pil
    program=demo_vgpu.py
    ;;
*) usage ;;
esac
unlock_build

say "booting the lab"
exec bash "$VGPU_TOP/scripts/vgpu/cmd-lab.sh" "${lab[@]}" -- \
    /usr/bin/python3 "$VGPU_TOP/scripts/vgpu/$program" \
    --qemu "$VGPU_BUILD/bin/qemu-system-x86_64" \
    --output "$PWD/demo.png" "${demo[@]}"
