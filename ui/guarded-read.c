/*
 * Reading mapped memory that can vanish
 *
 * The handler is the process's and is there only while a read runs; the
 * range and the way back are the thread's. A SIGBUS that is not about that
 * range on that thread is handed to the handler that was there before, as
 * if this one did not exist.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/guarded-read.h"

typedef struct GuardedRange {
    uintptr_t start;
    size_t len;
    sigjmp_buf back;
    /* volatile: the signal handler reads it in the middle of anything */
    volatile sig_atomic_t armed;
} GuardedRange;

static __thread GuardedRange range;

/* Written while the handler is not installed, read by the handler. */
static struct sigaction old_action;
static struct sigaction own_action;

/* Raised by the instruction that just ran, and not by kill() or a daemon? */
static bool is_synchronous(const siginfo_t *info)
{
    switch (info->si_code) {
    case BUS_ADRALN:
    case BUS_ADRERR:
    case BUS_OBJERR:
#ifdef BUS_MCEERR_AR
    case BUS_MCEERR_AR:
#endif
        return true;
    default:
        return false;
    }
}

static bool is_ours(const siginfo_t *info)
{
    return range.armed && is_synchronous(info) &&
           (uintptr_t)info->si_addr - range.start < range.len;
}

/* Returns: false if the process is about to be killed. */
static bool chain(int sig, siginfo_t *info, void *context)
{
    bool ignored = old_action.sa_handler == SIG_IGN;

    if (ignored && !is_synchronous(info)) {
        return true;
    }
    if (ignored || old_action.sa_handler == SIG_DFL) {
        /*
         * Without a handler the kernel kills, for a fault even where SIGBUS
         * is ignored. A fault comes again on return; what was sent does not.
         */
        sigaction(SIGBUS, &old_action, NULL);
        if (!is_synchronous(info)) {
            raise(sig);
        }
        return false;
    }
    if (old_action.sa_flags & SA_SIGINFO) {
        old_action.sa_sigaction(sig, info, context);
    } else {
        old_action.sa_handler(sig);
    }
    return true;
}

static void handle_sigbus(int sig, siginfo_t *info, void *context)
{
    if (is_ours(info)) {
        range.armed = 0;
        siglongjmp(range.back, 1);
    }
    if (!range.armed) {
        /* Another thread's. */
        chain(sig, info, context);
        return;
    }

    /*
     * The old handler may leave by a jump of its own, never to come back
     * here: let it find everything as it was before the read.
     */
    range.armed = 0;
    sigaction(SIGBUS, &old_action, NULL);
    if (chain(sig, info, context)) {
        sigaction(SIGBUS, &own_action, NULL);
        range.armed = 1;
    }
}

static void set_action(const struct sigaction *action, struct sigaction *before)
{
    int ret = sigaction(SIGBUS, action, before);

    assert(ret == 0);
}

static void install_handler(void)
{
    set_action(NULL, &old_action);
    own_action.sa_sigaction = handle_sigbus;
    /* as the old handler asked for, since it may run from inside this one */
    own_action.sa_mask = old_action.sa_mask;
    own_action.sa_flags = SA_SIGINFO |
        (old_action.sa_flags & (SA_ONSTACK | SA_RESTART));
    set_action(&own_action, NULL);
}

bool guarded_read(const void *start, size_t len, void (*fn)(void *opaque),
                  void *opaque)
{
    sigset_t unblock, old_mask;
    bool done;

    assert(!range.armed);
    range.start = (uintptr_t)start;
    range.len = len;
    install_handler();
    sigemptyset(&unblock);
    sigaddset(&unblock, SIGBUS);
    pthread_sigmask(SIG_UNBLOCK, &unblock, &old_mask);

    /* The mask is put back below in either case, so it needs no saving. */
    if (sigsetjmp(range.back, 0) == 0) {
        range.armed = 1;
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        fn(opaque);
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        range.armed = 0;
        done = true;
    } else {
        done = false;
    }

    pthread_sigmask(SIG_SETMASK, &old_mask, NULL);
    sigaction(SIGBUS, &old_action, NULL);
    return done;
}
