#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ./vgpu clean [--all]: removes what was built. What was downloaded stays,
# unless --all is given.

set -euo pipefail

. "$(dirname "$(readlink -f "$0")")/lib.sh"

# What ./vgpu deb made there is root's.
remove_roots() {
    [[ ! -d $VGPU_BUILD/deb-work ]] || _as_root rm -rf "$VGPU_BUILD/deb-work"
}

case "$*" in
'')
    lock_build
    remove_roots
    find "$VGPU_BUILD" -mindepth 1 -maxdepth 1 \
        ! -name downloads ! -name .lock -exec rm -rf {} +
    ;;
--all)
    lock_build
    remove_roots
    rm -rf "$VGPU_BUILD"
    ;;
*)
    die "usage: ./vgpu clean [--all]"
    ;;
esac
