#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ./vgpu series [--build-each] [--group NAME]: build/series/*.patch, proved to
# apply to the pristine source, to give what is built, and to pass QEMU's
# checkpatch.pl. --group has one group of patches, and those that it needs, in
# build/series-NAME. --build-each builds every step too, of a group its own.
#
# Each of these takes --base BASE: the series for another release of QEMU, in
# build/BASE.
#
# ./vgpu series --impact: what the series changes for people without a vGPU.
#
# ./vgpu series --configurations [NAME]...: builds what it gives without each
# thing that QEMU can do without, one at a time, or without those named.

set -euo pipefail

. "$(dirname "$(readlink -f "$0")")/lib.sh"
. "$VGPU_TOP/scripts/vgpu/qemu.sh"

qemu_take_base "$@"
set -- "${arguments[@]}"

WORK=$QEMU_BUILD/series-work
STEPS=$WORK/steps

# What QEMU can be built without, one at a time. GBM has no option.
CONFIGURATIONS=(opengl gbm libxxhash pixman vnc gstreamer spice gtk sdl
    dbus-display)
# What has to go with it.
declare -A DEPENDENT=(
    [opengl]="virglrenderer"
    [pixman]="vnc vnc-jpeg gstreamer spice gtk sdl dbus-display opengl virglrenderer"
    [vnc]="vnc-jpeg gstreamer"
)

_make_series() {
    mkdir -p "$WORK"
    python3 "$VGPU_TOP/scripts/vgpu/series.py" --base "$QEMU_BASE" \
        ${group:+--group "$group"} "$VGPU_TOP" "$QEMU_PRISTINE" "$QEMU_TREE" \
        "$SERIES" "$WORK"
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
    for test in $(qemu_qtests) $(qemu_unit_tests); do
        [[ -f $STEPS/$test.c ]] && targets+=("$test")
    done
    qemu_ninja "$STEPS" "${targets[@]}"
}

# The steps to build: all, or those of the group, which are the last.
_steps() {
    local count
    count=$(python3 "$VGPU_TOP/scripts/vgpu/patchstack.py" --names \
        "$VGPU_TOP" "$QEMU_BASE" | grep -c "^$group")
    _git log --reverse --format='%H%x09%s' base..steps | tail -n "$count"
}

build_each() {
    local commit subject number=0 total
    run_step "${QEMU_STEP}series-prepare" "applying the series step by step" _prepare_steps
    total=$(_steps | wc -l)
    while IFS=$'\t' read -r commit subject <&3; do
        number=$((number + 1))
        _git checkout -q "$commit"
        qemu_configure_once "${QEMU_STEP}series-configure" QEMU "$STEPS"
        run_step "${QEMU_STEP}series-build-$number" \
            "building step $number of $total: $subject" _build_step
    done 3< <(_steps)
}

# A pkg-config that has never heard of the package.
_write_pkg_config() {
    cat >"$1" <<EOF
#!/bin/sh
for argument; do
    case \$argument in
    $2 | "$2 "*) exit 1 ;;
    esac
done
exec pkg-config "\$@"
EOF
    chmod +x "$1"
}

_configure_without() {
    local folder=$QEMU_TREE/without-$1 name options=() pkg_config=pkg-config
    for name in $1 ${DEPENDENT[$1]:-}; do
        options+=("--disable-$name")
    done
    rm -rf "$folder"
    mkdir "$folder"
    # there is no option for these
    if [[ $1 == gbm || $1 == libxxhash ]]; then
        options=()
        pkg_config=$folder/pkg-config
        _write_pkg_config "$pkg_config" "$1"
    fi
    cd "$folder"
    PKG_CONFIG=$pkg_config ../configure "${QEMU_OPTIONS[@]}" \
        --enable-gstreamer "${options[@]}"
}

# The emulator, and of the series' tests those that this configuration has.
_build_without() {
    local folder=$QEMU_TREE/without-$1 targets device
    mapfile -t targets < <(ninja -C "$folder" -t targets all |
        sed -n 's/: .*_LINKER.*//p' |
        grep -Fx -f <(qemu_qtests && qemu_unit_tests))
    qemu_ninja_in "$folder" qemu-system-x86_64 "${targets[@]}"
    device=$("$folder/qemu-system-x86_64" -device help | grep -c '"vgpu-sw"') ||
        true
    if [[ $1 == pixman ]]; then
        ((!device)) || die "there is a vGPU display, and no pixman for it"
    else
        ((device)) || die "there is no vgpu-sw"
    fi
}

# build_without NAME...: the final tree, a folder for each. They are kept, so
# that a later run compiles only what has changed.
build_without() {
    local name step identity
    for name; do
        identity="${QEMU_OPTIONS[*]} ${DEPENDENT[$name]:-} $(hash_files \
            "$QEMU_TREE/configure" "$QEMU_TREE/pythondeps.toml" \
            "$VGPU_TOP/scripts/vgpu/cmd-series.sh")"
        step=${QEMU_STEP}without-$name
        if ! stamp_ok "$step-configure" "$identity" ||
            [[ ! -f $QEMU_TREE/without-$name/build.ninja ]]; then
            stamp_clear "$step-configure"
            run_step "$step-configure" \
                "configuring QEMU without $name" _configure_without "$name"
            stamp_set "$step-configure" "$identity"
        fi
        run_step "$step" "building without $name" \
            _build_without "$name"
    done
}

usage() {
    die "usage: ./vgpu series [--base BASE] [--build-each] [--group NAME] |" \
        "--impact | --configurations [NAME]..., NAME one of:" \
        "${CONFIGURATIONS[*]}"
}

each=
group=
without=()
while (($#)); do
    case $1 in
    --build-each) each=1 ;;
    --group)
        group=${2:-}
        grep -q "^${group:-/}/" "$VGPU_TOP/patches/series" ||
            die "--group: one of: $(sed -n 's|/.*||p' \
                "$VGPU_TOP/patches/series" | uniq | xargs)"
        shift
        ;;
    --impact)
        exec python3 "$VGPU_TOP/scripts/vgpu/series.py" --base "$QEMU_BASE" \
            --impact "$VGPU_TOP"
        ;;
    --configurations)
        shift
        without=("$@")
        (($#)) || without=("${CONFIGURATIONS[@]}")
        for name in "${without[@]}"; do
            [[ " ${CONFIGURATIONS[*]} " == *" $name "* ]] || usage
        done
        break
        ;;
    *) usage ;;
    esac
    shift
done
SERIES=$QEMU_BUILD/series${group:+-$group}

lock_build
need_packages git patch perl python3 xz-utils
[[ -z $each && ${#without[@]} == 0 ]] || qemu_prepare
qemu_source
if ((${#without[@]})); then
    build_without "${without[@]}"
    say "QEMU can be built without each of: ${without[*]}"
    exit
fi
run_step "${QEMU_STEP}series" "making and checking the series" _make_series
sed 's/^/        /' "$VGPU_LOGS/${QEMU_STEP}series.log" >&2
[[ -z $each ]] || build_each
say "the series is in ${SERIES#"$PWD"/}"
