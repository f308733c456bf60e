# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# VNC viewers that decode H.264: noVNC from 1.6 on, TigerVNC from 1.13 on as
# Debian 13 builds it. Debian 13 has them; for Debian 12 they are unpacked under
# build/viewers, and the system's own stay as they are. Sourced after lib.sh.
#
# Afterwards build/viewers/novnc is a folder with noVNC's pages, and
# build/viewers/vncviewer is TigerVNC's viewer; novnc.py and vnc.py in
# tests/lab/vgpulab/viewers name them too.

VIEWERS=$VGPU_BUILD/viewers
VIEWERS_SUITE=trixie
NOVNC=$VIEWERS/novnc
NOVNC_WANTED=1.6
TIGERVNC=$VIEWERS/vncviewer
TIGERVNC_WANTED=1.13

# _version_is PACKAGE WANTED: whether the system's own is that or later.
_version_is() {
    local version
    version=$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null) || return 1
    dpkg --compare-versions "${version#*:}" ge "$2"
}

_unpack_novnc() {
    local folder=$VGPU_DOWNLOADS/novnc
    rm -rf "$folder" "$VIEWERS/novnc-root"
    apt_download novnc "$folder"
    dpkg-deb -x "$folder"/novnc_*.deb "$VIEWERS/novnc-root"
    ln -sfn novnc-root/usr/share/novnc "$NOVNC"
}

# With the libraries that it was linked with, the C library included.
_unpack_tigervnc() {
    _unpack_whole "$VIEWERS_SUITE" "$VIEWERS/tigervnc" tigervnc-viewer
    cat >"$TIGERVNC.new" <<'EOF'
#!/bin/sh
root=$(dirname "$(readlink -f "$0")")/tigervnc
exec "$root/usr/lib64/ld-linux-x86-64.so.2" \
    --library-path "$root/usr/lib/x86_64-linux-gnu" \
    "$root/usr/bin/xtigervncviewer" "$@"
EOF
    chmod +x "$TIGERVNC.new"
    mv "$TIGERVNC.new" "$TIGERVNC"
}

# _need_viewer NAME PACKAGE WANTED PATH SYSTEM: PATH leads to SYSTEM if that
# is recent enough, else to what _unpack_NAME makes.
_need_viewer() {
    local name=$1 package=$2 wanted=$3 path=$4 system=$5
    need_packages "$package"
    if ! is_debian || _version_is "$package" "$wanted"; then
        ln -sfn "$system" "$path"
        return
    fi
    stamp_ok "viewer-$name" "1 $VIEWERS_SUITE" && [[ -e $path ]] && return
    stamp_clear "viewer-$name"
    run_step "viewer-$name" "getting a $package that decodes H.264" \
        "_unpack_$name"
    stamp_set "viewer-$name" "1 $VIEWERS_SUITE"
}

need_novnc() {
    mkdir -p "$VIEWERS"
    _need_viewer novnc novnc "$NOVNC_WANTED" "$NOVNC" /usr/share/novnc
}

need_tigervnc() {
    mkdir -p "$VIEWERS"
    _need_viewer tigervnc tigervnc-viewer "$TIGERVNC_WANTED" "$TIGERVNC" \
        /usr/bin/xtigervncviewer
}
