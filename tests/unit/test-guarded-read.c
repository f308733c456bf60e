/*
 * Reading mapped memory that can vanish
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "ui/guarded-read.h"

#define PAGES 4
/* Whole pages on every host: the largest ones in use are of 64 KiB. */
#define PAGE_BYTES 65536
#define FILL 0x5a

/* Four pages of a file, the first @pages_left of which are still there. */
typedef struct Mapping {
    size_t size;
    uint8_t *p;
    int fd;
} Mapping;

static void mapping_init(Mapping *m, unsigned pages_left)
{
    m->size = PAGES * PAGE_BYTES;
    m->fd = memfd_create("mapping", MFD_CLOEXEC);
    g_assert_cmpint(m->fd, >=, 0);
    g_assert_cmpint(ftruncate(m->fd, m->size), ==, 0);
    m->p = mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
    g_assert_true(m->p != MAP_FAILED);
    memset(m->p, FILL, m->size);
    g_assert_cmpint(ftruncate(m->fd, pages_left * PAGE_BYTES), ==, 0);
}

static void mapping_finish(Mapping *m)
{
    munmap(m->p, m->size);
    close(m->fd);
}

typedef struct Reader {
    const volatile uint8_t *p;  /* volatile: each read must really happen */
    size_t size;
    volatile size_t done;       /* volatile: looked at after a jump */
} Reader;

static void read_all(void *opaque)
{
    Reader *r = opaque;

    for (size_t i = 0; i < r->size; i += PAGE_BYTES) {
        if (r->p[i] == FILL) {
            r->done++;
        }
    }
}

static bool read_mapping(const Mapping *m, size_t *pages)
{
    Reader r = { .p = m->p, .size = m->size };
    bool ok = guarded_read(m->p, m->size, read_all, &r);

    *pages = r.done;
    return ok;
}

static void block_sigbus(int how)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGBUS);
    g_assert_cmpint(pthread_sigmask(how, &set, NULL), ==, 0);
}

/* Mask and handler, to be compared before and after. */
typedef struct State {
    bool blocked[NSIG];
    struct sigaction action;
} State;

static void state_get(State *state)
{
    sigset_t set;

    memset(state, 0, sizeof(*state));
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    for (int i = 1; i < NSIG; i++) {
        state->blocked[i] = sigismember(&set, i) == 1;
    }
    sigaction(SIGBUS, NULL, &state->action);
}

static void assert_state(const State *before)
{
    /* The C library adds one of its own to what it puts back. */
    const int flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER |
                      SA_RESETHAND | SA_NOCLDSTOP | SA_NOCLDWAIT;
    State now;

    state_get(&now);
    g_assert_cmpmem(now.blocked, sizeof(now.blocked),
                    before->blocked, sizeof(before->blocked));
    g_assert_true(now.action.sa_sigaction == before->action.sa_sigaction);
    g_assert_cmpint(now.action.sa_flags & flags, ==,
                    before->action.sa_flags & flags);
}

static void test_whole(void)
{
    State before;
    Mapping m;
    size_t pages;

    mapping_init(&m, PAGES);
    state_get(&before);
    g_assert_true(read_mapping(&m, &pages));
    g_assert_cmpuint(pages, ==, PAGES);
    assert_state(&before);
    mapping_finish(&m);
}

/* As QEMU's main thread has it: blocked, where a fault kills. */
static void test_shrunk_blocked(void)
{
    State before;
    Mapping m;
    size_t pages;

    block_sigbus(SIG_BLOCK);
    state_get(&before);
    g_assert_true(before.blocked[SIGBUS]);
    for (unsigned left = 0; left < PAGES; left++) {
        mapping_init(&m, left);
        g_assert_false(read_mapping(&m, &pages));
        g_assert_cmpuint(pages, ==, left);
        assert_state(&before);
        /* The next read is guarded as well as the first. */
        g_assert_false(read_mapping(&m, &pages));
        g_assert_cmpuint(pages, ==, left);
        assert_state(&before);
        mapping_finish(&m);
    }
    mapping_init(&m, PAGES);
    g_assert_true(read_mapping(&m, &pages));
    assert_state(&before);
    mapping_finish(&m);
    block_sigbus(SIG_UNBLOCK);
}

static void test_shrunk_unblocked(void)
{
    State before;
    Mapping m;
    size_t pages;

    block_sigbus(SIG_UNBLOCK);
    state_get(&before);
    g_assert_false(before.blocked[SIGBUS]);
    mapping_init(&m, 1);
    g_assert_false(read_mapping(&m, &pages));
    g_assert_cmpuint(pages, ==, 1);
    assert_state(&before);
    mapping_finish(&m);
}

/* What the old handlers of the tests work with. */
static Mapping *elsewhere;
static volatile sig_atomic_t handled;
static sigjmp_buf out;

static void note_plain(int sig)
{
    /* Put memory there, as a handler that copes with its fault does. */
    mmap(elsewhere->p, elsewhere->size, PROT_READ | PROT_WRITE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    handled++;
}

static void note_siginfo(int sig, siginfo_t *info, void *context)
{
    g_assert_true(info->si_addr == elsewhere->p);
    g_assert_nonnull(context);
    note_plain(sig);
}

static void jump_out(int sig)
{
    handled++;
    siglongjmp(out, 1);
}

static void count_only(int sig)
{
    handled++;
}

static void install(const struct sigaction *action, struct sigaction *old)
{
    g_assert_cmpint(sigaction(SIGBUS, action, old), ==, 0);
}

typedef struct TwoMappings {
    const Mapping *own;
    const volatile uint8_t *other;      /* volatile: must really be read */
    size_t pages;
} TwoMappings;

static void read_other_then_own(void *opaque)
{
    TwoMappings *two = opaque;
    Reader r = { .p = two->own->p, .size = two->own->size };

    (void)two->other[0];
    read_all(&r);
    two->pages = r.done;
}

/*
 * A fault elsewhere goes to the old handler, which copes; the read goes on,
 * guarded as before.
 */
static void elsewhere_with(const struct sigaction *action)
{
    struct sigaction old;
    State before;
    Mapping own, other;
    TwoMappings two = { .own = &own };

    install(action, &old);
    state_get(&before);
    for (unsigned left = PAGES; left >= PAGES - 1; left--) {
        mapping_init(&own, left);
        mapping_init(&other, 0);
        two.other = other.p;
        elsewhere = &other;
        handled = 0;
        g_assert_cmpint(guarded_read(own.p, own.size, read_other_then_own,
                                     &two), ==, left == PAGES);
        g_assert_cmpint(handled, ==, 1);
        assert_state(&before);
        mapping_finish(&own);
        mapping_finish(&other);
    }
    install(&old, NULL);
}

static void test_elsewhere_plain(void)
{
    struct sigaction action = { .sa_handler = note_plain };

    elsewhere_with(&action);
}

static void test_elsewhere_siginfo(void)
{
    struct sigaction action = { .sa_sigaction = note_siginfo,
                                .sa_flags = SA_SIGINFO };

    elsewhere_with(&action);
}

/* A handler that leaves by its own jump finds all as it was, and leaves so. */
static void test_elsewhere_jumps(void)
{
    struct sigaction action = { .sa_handler = jump_out }, old;
    State before;
    Mapping own, other;
    TwoMappings two = { .own = &own };
    size_t pages;

    install(&action, &old);
    state_get(&before);
    mapping_init(&own, PAGES - 1);
    mapping_init(&other, 0);
    two.other = other.p;
    handled = 0;
    if (sigsetjmp(out, 1) == 0) {
        guarded_read(own.p, own.size, read_other_then_own, &two);
        g_assert_not_reached();
    }
    g_assert_cmpint(handled, ==, 1);
    assert_state(&before);

    g_assert_false(read_mapping(&own, &pages));
    g_assert_cmpuint(pages, ==, PAGES - 1);
    g_assert_cmpint(handled, ==, 1);
    assert_state(&before);
    mapping_finish(&own);
    mapping_finish(&other);
    install(&old, NULL);
}

/* The page right behind the range is not the range's. */
static void test_past_range(void)
{
    struct sigaction action = { .sa_handler = jump_out }, old;
    Mapping m;
    Reader r;

    install(&action, &old);
    mapping_init(&m, PAGES - 1);
    r = (Reader) { .p = m.p, .size = m.size };
    handled = 0;
    if (sigsetjmp(out, 1) == 0) {
        guarded_read(m.p, m.size - PAGE_BYTES, read_all, &r);
        g_assert_not_reached();
    }
    g_assert_cmpint(handled, ==, 1);
    g_assert_cmpuint(r.done, ==, PAGES - 1);
    mapping_finish(&m);
    install(&old, NULL);
}

static void note_action(void *opaque)
{
    g_assert_cmpint(sigaction(SIGBUS, NULL, opaque), ==, 0);
}

/*
 * The guard's handler runs as the one that was there before does: the next
 * read knows it, also where it is the same function with other flags.
 */
static void test_flags(void)
{
    static const int flags[] = {
        0, SA_RESTART, SA_ONSTACK, SA_RESTART | SA_ONSTACK | SA_NODEFER, 0,
    };
    const int kept = SA_RESTART | SA_ONSTACK;
    struct sigaction action = { .sa_handler = count_only }, old, during;
    Mapping m;

    install(NULL, &old);
    mapping_init(&m, PAGES);
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        State before;

        action.sa_flags = flags[i];
        install(&action, NULL);
        state_get(&before);
        g_assert_true(guarded_read(m.p, m.size, note_action, &during));
        g_assert_cmpint(during.sa_flags & (kept | SA_NODEFER), ==,
                        flags[i] & kept);
        assert_state(&before);
    }
    mapping_finish(&m);
    install(&old, NULL);
}

static void raise_then_read(void *opaque)
{
    raise(SIGBUS);
    read_all(opaque);
}

/* One that was sent tells no address and is nobody's fault. */
static void test_sent(void)
{
    struct sigaction action = { .sa_handler = count_only }, old;
    Mapping m;
    Reader r;

    install(&action, &old);
    mapping_init(&m, PAGES);
    handled = 0;
    r = (Reader) { .p = m.p, .size = m.size };
    /* All of memory is the range, so only the signal's origin can tell. */
    g_assert_true(guarded_read(NULL, SIZE_MAX, raise_then_read, &r));
    g_assert_cmpint(handled, ==, 1);
    g_assert_cmpuint(r.done, ==, PAGES);

    /* Where it is ignored it stays so, and the guard stays up. */
    g_assert_cmpint(ftruncate(m.fd, 2 * PAGE_BYTES), ==, 0);
    action.sa_handler = SIG_IGN;
    install(&action, NULL);
    r.done = 0;
    g_assert_false(guarded_read(m.p, m.size, raise_then_read, &r));
    g_assert_cmpuint(r.done, ==, 2);
    mapping_finish(&m);
    install(&old, NULL);
}

static void *fault_in_thread(void *opaque)
{
    const volatile uint8_t *p = opaque;     /* volatile: really read it */

    return GINT_TO_POINTER(p[0] + 1);
}

static void run_thread(void *opaque)
{
    pthread_t thread;
    void *ret;

    g_assert_cmpint(pthread_create(&thread, NULL, fault_in_thread, opaque),
                    ==, 0);
    g_assert_cmpint(pthread_join(thread, &ret), ==, 0);
    g_assert_cmpint(GPOINTER_TO_INT(ret), ==, 1);
}

/* Another thread's fault is the old handler's, even within the range. */
static void test_other_thread(void)
{
    struct sigaction action = { .sa_handler = note_plain }, old;
    Mapping m;

    install(&action, &old);
    mapping_init(&m, 0);
    elsewhere = &m;
    handled = 0;
    g_assert_true(guarded_read(m.p, m.size, run_thread, m.p));
    g_assert_cmpint(handled, ==, 1);
    mapping_finish(&m);
    install(&old, NULL);
}

/* With nobody to handle it, a fault elsewhere kills as it always did. */
static void assert_killed(void (*handler)(int), void (*fn)(void *opaque))
{
    Mapping own, other;
    TwoMappings two = { .own = &own };
    int status;
    pid_t pid;

    mapping_init(&own, PAGES);
    mapping_init(&other, 0);
    two.other = other.p;
    pid = fork();
    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        struct sigaction action = { .sa_handler = handler };
        struct rlimit no_core = { 0, 0 };

        setrlimit(RLIMIT_CORE, &no_core);
        sigaction(SIGBUS, &action, NULL);
        guarded_read(own.p, own.size, fn, &two);
        _exit(0);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_true(WIFSIGNALED(status));
    g_assert_cmpint(WTERMSIG(status), ==, SIGBUS);
    mapping_finish(&own);
    mapping_finish(&other);
}

static void raise_only(void *opaque)
{
    raise(SIGBUS);
}

static void test_killed_default(void)
{
    assert_killed(SIG_DFL, read_other_then_own);
}

static void test_killed_ignored(void)
{
    assert_killed(SIG_IGN, read_other_then_own);
}

static void test_killed_sent(void)
{
    assert_killed(SIG_DFL, raise_only);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/guarded-read/whole", test_whole);
    g_test_add_func("/guarded-read/shrunk-blocked", test_shrunk_blocked);
    g_test_add_func("/guarded-read/shrunk-unblocked", test_shrunk_unblocked);
    g_test_add_func("/guarded-read/elsewhere-plain", test_elsewhere_plain);
    g_test_add_func("/guarded-read/elsewhere-siginfo",
                    test_elsewhere_siginfo);
    g_test_add_func("/guarded-read/elsewhere-jumps", test_elsewhere_jumps);
    g_test_add_func("/guarded-read/past-range", test_past_range);
    g_test_add_func("/guarded-read/flags", test_flags);
    g_test_add_func("/guarded-read/sent", test_sent);
    g_test_add_func("/guarded-read/other-thread", test_other_thread);
    g_test_add_func("/guarded-read/killed-default", test_killed_default);
    g_test_add_func("/guarded-read/killed-ignored", test_killed_ignored);
    g_test_add_func("/guarded-read/killed-sent", test_killed_sent);
    return g_test_run();
}
