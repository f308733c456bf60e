#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ./vgpu demo [--device vgpu] [--vnc | --browser]: a guest's screen on a real
# vfio mediated device. Writes demo.png; with --vnc the guest stays, for a
# viewer on 127.0.0.1:5900, and with --browser for a browser, too, with noVNC on
# port 6080 and H.264. The guest is Linux on the kernel's sample driver mbochs;
# with --device vgpu it is the test guest on our own driver, which has a cursor
# and overlays.
#
# ./vgpu demo --screen: a guest on a software vGPU, without a lab. vgpu-screen
# shows it as a window of the Wayland compositor, or on one without a monitor, of
# whose screen demo.png is a picture.

set -euo pipefail

. "$(dirname "$(readlink -f "$0")")/lib.sh"
. "$VGPU_TOP/lab/guest.sh"
. "$VGPU_TOP/scripts/vgpu/mesa.sh"
. "$VGPU_TOP/scripts/vgpu/viewers.sh"

VNC_PORT=5900
WEBSOCKET_PORT=5700
BROWSER_PORT=6080
SCREEN_PACKAGES=(dbus-daemon gcc make python3-gi python3-pil weston)

usage() {
    die "usage: ./vgpu demo [--device mbochs|vgpu] [--vnc | --browser]" \
        "or ./vgpu demo --screen"
}

# listens PORT: whether anybody does, on the loopback interface
listens() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# noVNC's pages, until this process ends, whatever program it is by then.
serve_novnc() {
    ! listens "$BROWSER_PORT" || die "port $BROWSER_PORT is in use"
    setpriv --pdeathsig TERM /usr/bin/python3 -m http.server \
        --bind 127.0.0.1 --directory "$NOVNC" "$BROWSER_PORT" \
        >"$VGPU_LOGS/novnc.log" 2>&1 </dev/null &
    until listens "$BROWSER_PORT"; do
        kill -0 $! 2>/dev/null || die "noVNC is not served: see" \
            "$VGPU_LOGS/novnc.log"
        sleep 0.1
    done
}

device=mbochs
screen=0
lab=(--timeout 600)
demo=()
browser=
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
    --browser)
        browser="http://127.0.0.1:$BROWSER_PORT/vnc.html?autoconnect=true"
        browser+="&host=127.0.0.1&port=$WEBSOCKET_PORT&path="
        lab=(--timeout inf --forward "$VNC_PORT:5900"
            --forward "$WEBSOCKET_PORT:$WEBSOCKET_PORT")
        demo=(--vnc "10.0.2.100:0,websocket=$WEBSOCKET_PORT,h264=on"
            --vnc-address "127.0.0.1:$VNC_PORT" --browser "$browser")
        ;;
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
[[ -z $browser ]] || need_novnc
unlock_build
[[ -z $browser ]] || serve_novnc

say "booting the lab"
exec bash "$VGPU_TOP/scripts/vgpu/cmd-lab.sh" "${lab[@]}" -- \
    /usr/bin/python3 "$VGPU_TOP/scripts/vgpu/$program" \
    --qemu "$VGPU_BUILD/bin/qemu-system-x86_64" \
    --output "$PWD/demo.png" "${demo[@]}"
