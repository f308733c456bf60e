# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Shell functions that every command uses: progress and logs, the build lock,
# "done once" stamps. What concerns packages is in apt.sh.
#
# A command starts with
#     set -euo pipefail
#     . "$(dirname "$(readlink -f "$0")")/lib.sh"

if [[ -z ${VGPU_TOP:-} ]]; then
    VGPU_TOP=$(readlink -f "${BASH_SOURCE[0]}")
    VGPU_TOP=${VGPU_TOP%/scripts/vgpu/lib.sh}
    export VGPU_TOP
fi
VGPU_BUILD=$VGPU_TOP/build
VGPU_LOGS=$VGPU_BUILD/logs
VGPU_DOWNLOADS=$VGPU_BUILD/downloads
VGPU_TOOLS=$VGPU_BUILD/tools/root
VGPU_JOBS=${VGPU_JOBS:-$(nproc)}
# One clock for a command and for the commands that it calls.
VGPU_START=${VGPU_START:-$(date +%s)}
export VGPU_BUILD VGPU_LOGS VGPU_DOWNLOADS VGPU_TOOLS VGPU_JOBS VGPU_START

# git here works on trees under build/ alone: never on the repository around
# them, nor on one that whoever started this (a hook) has in mind.
GIT_CEILING_DIRECTORIES=$VGPU_BUILD
export GIT_CEILING_DIRECTORIES
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_PREFIX \
    GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_QUARANTINE_PATH GIT_COMMON_DIR

# Ctrl-C ends a command even while it runs a program that took it for its own.
trap 'exit 130' INT

mkdir -p "$VGPU_LOGS" "$VGPU_DOWNLOADS"

# elapsed [SINCE]: minutes and seconds since then, or since the start
elapsed() {
    local seconds=$(($(date +%s) - ${1:-$VGPU_START}))
    printf '%d:%02d' $((seconds / 60)) $((seconds % 60))
}

# say MESSAGE...: one line of progress. Standard error, so that a command's
# own output stays clean ("./vgpu lab -- cat file").
say() {
    printf '[%5s] %s\n' "$(elapsed)" "$*" >&2
}

die() {
    printf 'vgpu: %s\n' "$*" >&2
    exit 1
}

# The line worth showing of a running step's log: the last one, cut to width.
_last_line() {
    tail -c 2000 "$1" 2>/dev/null | tr '\r' '\n' | sed -n '/[^ ]/h;${x;p}' |
        tr -cd '[:print:]' | cut -c "1-$2"
}

# Shows a step's progress until killed: a line that is redrawn on a
# terminal, else one now and then. $1: what, $2: log, $3: whose process.
_watch_step() {
    local since line seen='' pause=15
    since=$(date +%s)
    [[ -t 2 ]] && pause=1
    while sleep "$pause" && kill -0 "$3" 2>/dev/null; do
        line=$(_last_line "$2" 50)
        if [[ -t 2 ]]; then
            printf '\r\033[K[%5s] %s (%s) %s' "$(elapsed)" "$1" \
                "$(elapsed "$since")" "$line" >&2
        elif [[ $line != "$seen" ]]; then
            say "  $1 ($(elapsed "$since")): $line"
            seen=$line
        fi
    done
}

# run_step NAME WHAT COMMAND...: runs COMMAND, which may be a function, with
# its output in build/logs/NAME.log. When it fails, shows the log's end and
# exits. Call it as a plain statement: in a condition "set -e" is off inside
# COMMAND.
run_step() {
    local what=$2 log=$VGPU_LOGS/$1.log since status watcher
    shift 2
    since=$(date +%s)
    say "$what ..."
    : >"$log"
    _watch_step "$what" "$log" $$ </dev/null >/dev/null 9>&- &
    watcher=$!
    set +e
    (
        set -e
        "$@"
    ) >"$log" 2>&1 </dev/null
    status=$?
    set -e
    kill "$watcher" 2>/dev/null || true
    wait "$watcher" 2>/dev/null || true
    [[ -t 2 ]] && printf '\r\033[K' >&2
    if ((status)); then
        printf -- '--- the end of %s\n' "$log" >&2
        tail -n 40 "$log" >&2
        printf -- '---\n' >&2
        die "failed after $(elapsed "$since"): $what (full log: $log)"
    fi
    say "$what: done ($(elapsed "$since"))"
}

# lock_build: waits until no other ./vgpu builds in this checkout. Held until
# unlock_build or the command's end, and shared with the commands it calls.
lock_build() {
    [[ -z ${VGPU_LOCKED:-} ]] || return 0
    exec 9>"$VGPU_BUILD/.lock"
    if ! flock -n 9; then
        say "waiting for another ./vgpu that is building here"
        flock 9
    fi
    VGPU_LOCKED=$$
    export VGPU_LOCKED
}

# unlock_build: call it before running what lasts (a lab, a VNC server). Does
# nothing in a command called by the one that holds the lock.
unlock_build() {
    [[ ${VGPU_LOCKED:-} == "$$" ]] || return 0
    flock -u 9
    exec 9>&-
    unset VGPU_LOCKED
}

# stamp_ok NAME INPUT: true when the step NAME was done with the same INPUT,
# any text that names all the step depends on (see hash_files).
stamp_ok() {
    local stamp=$VGPU_BUILD/stamps/$1
    [[ -f $stamp && $(<"$stamp") == "$(sha256sum <<<"$2")" ]]
}

# stamp_set NAME INPUT: the step is done. stamp_clear NAME: it no longer is;
# call it before a step that overwrites what an earlier run left.
stamp_set() {
    mkdir -p "$VGPU_BUILD/stamps"
    sha256sum <<<"$2" >"$VGPU_BUILD/stamps/$1"
}

stamp_clear() {
    rm -f "$VGPU_BUILD/stamps/$1"
}

# hash_files PATH...: a text that changes when the files do; folders are read
# whole, and a path that does not exist counts as such.
hash_files() {
    local path
    for path; do
        if [[ -d $path ]]; then
            find -L "$path" -type f -print0 | LC_ALL=C sort -z |
                xargs -0r sha256sum
        elif [[ -e $path ]]; then
            sha256sum "$path"
        else
            echo "missing $path"
        fi
    done
}

# shellcheck source=scripts/vgpu/apt.sh
. "$VGPU_TOP/scripts/vgpu/apt.sh"
