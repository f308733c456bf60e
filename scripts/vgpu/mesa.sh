# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A Mesa whose software renderer imports dma-bufs, which it does from version
# 25 on. Debian 13 has it; for Debian 12 that of backports is unpacked under
# build/mesa, and the system's own stays as it is. Sourced after lib.sh.
#
# build/mesa/env names the variables that make a program use it, one
# NAME=VALUE for each line; tests/lab/vgpulab/mesa.py reads it too.

MESA=$VGPU_BUILD/mesa
MESA_ENV=$MESA/env
MESA_WANTED=25

# What loads Mesa, then Mesa: that of the system, or what its successor in
# backports links with.
MESA_PACKAGES=(libegl1 libegl-mesa0 libgbm1 libgles2 libgl1-mesa-dri
    libglx-mesa0)
MESA_DEBS=(libegl-mesa0 libgbm1 libgl1-mesa-dri libglx-mesa0 mesa-libgallium
    libdrm2 libdrm-amdgpu1 libdrm-intel1)
MESA_DEPENDENCIES=(libelf1 libexpat1 libllvm15 libsensors5 libwayland-client0
    libwayland-server0 libx11-xcb1 libxcb-dri3-0 libxcb-glx0 libxcb-present0
    libxcb-randr0 libxcb-shm0 libxcb-sync1 libxcb-xfixes0 libxshmfence1
    libxxf86vm1 libzstd1)
# To let it import on X11 too.
MESA_X11_PACKAGES=(build-essential libxcb1-dev libxcb-dri3-dev)
MESA_X11_SOURCE=$VGPU_TOP/tests/lab/x11-import.c
MESA_X11=$MESA/x11-import.so

# The major version of the system's Mesa, 0 if there is none.
_mesa_version() {
    local version
    version=$(dpkg-query -W -f '${Version}' libegl-mesa0 2>/dev/null) || true
    version=${version#*:}
    version=${version%%.*}
    [[ $version =~ ^[0-9]+$ ]] && echo "$version" || echo 0
}

# _mesa_write_env [ROOT]: the system's Mesa, or that under ROOT.
_mesa_write_env() {
    local lib=
    [[ -z ${1:-} ]] || lib=$(compgen -G "$1/usr/lib/*-linux-gnu")
    {
        echo "LIBGL_ALWAYS_SOFTWARE=1"
        echo "LD_PRELOAD=$MESA_X11"
        if [[ -n $lib ]]; then
            echo "LD_LIBRARY_PATH=$lib"
            echo "LIBGL_DRIVERS_PATH=$lib/dri"
            echo "GBM_BACKENDS_PATH=$lib/gbm"
            echo "__EGL_VENDOR_LIBRARY_FILENAMES=$(
                )$1/usr/share/glvnd/egl_vendor.d/50_mesa.json"
        fi
    } >"$MESA_ENV.new"
    mv "$MESA_ENV.new" "$MESA_ENV"
}

_mesa_unpack() {
    rm -rf "$MESA/root"
    _unpack_debs mesa "$MESA/root" "${MESA_DEBS[@]}"
}

_mesa_compile_x11() {
    cc -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -shared -fPIC \
        -o "$MESA_X11.new" "$MESA_X11_SOURCE" -lxcb-dri3 -lxcb
    mv "$MESA_X11.new" "$MESA_X11"
}

_mesa_x11() {
    local identity
    identity=$(hash_files "$MESA_X11_SOURCE")
    need_packages "${MESA_X11_PACKAGES[@]}"
    if ! stamp_ok mesa-x11 "$identity" || [[ ! -f $MESA_X11 ]]; then
        run_step mesa-x11 "letting it import on X11 too" _mesa_compile_x11
        stamp_set mesa-x11 "$identity"
    fi
}

# need_mesa: afterwards there is build/mesa/env.
need_mesa() {
    local identity="${MESA_DEBS[*]}"
    mkdir -p "$MESA"
    need_packages "${MESA_PACKAGES[@]}"
    _mesa_x11
    if ! is_debian || (($(_mesa_version) >= MESA_WANTED)); then
        _mesa_write_env
        return
    fi
    need_packages "${MESA_DEPENDENCIES[@]}"
    if ! stamp_ok mesa "$identity" || [[ ! -d $MESA/root ]]; then
        stamp_clear mesa
        run_step mesa "getting a Mesa that imports dma-bufs" _mesa_unpack
        stamp_set mesa "$identity"
    fi
    _mesa_write_env "$MESA/root"
}
