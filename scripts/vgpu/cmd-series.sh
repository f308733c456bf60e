#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ./vgpu series [--build-each]: build/series/*.patch, proved to apply to the
# pristine source, to give what is built, and to pass QEMU's checkpatch.pl.
# --build-each builds every step of it too.

set -euo pipefail

. "$(dirname "$(readlink -f "$0")")/lib.sh"
. "$VGPU_TOP/scripts/vgpu/qemu.sh"

SERIES=$VGPU_BUILD/series
WORK=$VGPU_BUILD/series-work
STEPS=$WORK/steps

_make_series() {
    mkdir -p "$WORK"
    python3 "$VGPU_TOP/scripts/vgpu/series.py" "$VGPU_TOP" \
        "$QEMU_PRISTINE" "$QEMU_TREE" "$SERIES" "$WORK"
}

_git() {
    git -C "$STEPS" -c user.name=steps -c user.email=steps@localhost \
        -c commit.gpgSign=false -c advice.detachedHead=false "$@"
}

# The series on top of what Debian's source needs to be built. The folder is
# kept, so that a later run compiles only what has changed.
_prepare_steps() {
    if ! _git fetch -q origin; then
        rm -rf "$STEPS"
        git clone -q --shared "$QEMU_PRISTINE" "$STEPS"
    fi
    # It may be in the middle of applying an earlier series.
    rm -rf "$STEPS/.git/rebase-apply"
    _git checkout -q -f -B steps origin/pristine
    python3 "$VGPU_TOP/scripts/vgpu/overlay.py" --prepare "$STEPS"
    _git commit -q -a -m "Build without firmware blobs"
    _git tag -f base >/dev/null
    _git am -q "$SERIES"/*.patch
    _git checkout -q base
}

_build_step() {
    local test targets=(qemu-system-x86_64)
    _git checkout -q "$1"
    for test in $(qemu_qtests) $(qemu_unit_tests); do
        [[ -f $STEPS/$test.c ]] && targets+=("$test")
    done
    qemu_ninja "$STEPS" "${targets[@]}"
}

build_each() {
    local commit subject number=0 total identity
    run_step series-prepare "applying the series step by step" _prepare_steps
    identity="$STEPS ${QEMU_OPTIONS[*]}"
    if ! stamp_ok series-configure "$identity" ||
        [[ ! -f $STEPS/build/build.ninja ]]; then
        stamp_clear series-configure
        run_step series-configure "configuring QEMU" _qemu_configure "$STEPS"
        stamp_set series-configure "$identity"
    fi
    total=$(_git rev-list --count base..steps)
    while IFS=$'\t' read -r commit subject <&3; do
        number=$((number + 1))
        run_step "series-build-$number" \
            "building step $number of $total: $subject" _build_step "$commit"
    done 3< <(_git log --reverse --format='%H%x09%s' base..steps)
}

each=
case "$*" in
'') ;;
--build-each) each=1 ;;
*) die "usage: ./vgpu series [--build-each]" ;;
esac

lock_build
need_packages git patch perl python3 xz-utils
[[ -z $each ]] || qemu_prepare
qemu_source
run_step series "making and checking the series" _make_series
sed 's/^/        /' "$VGPU_LOGS/series.log" >&2
[[ -z $each ]] || build_each
say "the series is in ${SERIES#"$PWD"/}"
