#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ./vgpu demo [--device vgpu] [--vnc]: a guest's screen on a real vfio mediated
# device. Writes demo.png; with --vnc the guest stays, for a viewer on
# 127.0.0.1:5900. The guest is Linux on the kernel's sample driver mbochs; with
# --device vgpu it is the test guest on our own driver, which has a cursor and
# overlays.
#
# ./vgpu demo --screen: a guest on a software vGPU, without a lab. vgpu-screen
# shows it as a window of the Wayland compositor, or on one without a monitor, of
# whose screen demo.png is a picture.

set -euo pipefail

. "$(dirname "$(readlink -f "$0")")/lib.sh"
. "$VGPU_TOP/lab/guest.sh"
. "$VGPU_TOP/scripts/vgpu/mesa.sh"

VNC_PORT=5900
SCREEN_PACKAGES=(dbus-daemon gcc make python3-gi python3-pil weston)

usage() {
    die "usage: ./vgpu demo [--device mbochs|vgpu] [--vnc] | --screen"
}

device=mbochs
screen=0
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
    --screen) screen=1 ;;
    *) usage ;;
    esac
    shift || usage
done

lock_build
bash "$VGPU_TOP/scripts/vgpu/cmd-build.sh"
if ((screen)); then
    need_packages "${SCREEN_PACKAGES[@]}"
    need_mesa
    unlock_build
    exec /usr/bin/python3 "$VGPU_TOP/scripts/vgpu/demo_screen.py" \
        --output "$PWD/demo.png"
fi
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
