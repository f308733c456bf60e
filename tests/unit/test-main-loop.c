/*
 * Tests of what wakes the main loop up
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/event_notifier.h"
#include "qemu/main-loop.h"
#include "qemu/thread.h"
#include "qemu/timer.h"

#define TICKS 40
/* A timer that does not come while a test runs. */
#define FAR_MS (3600 * 1000)

typedef struct Ticker {
    QEMUTimer *timer;
    int ticks;
} Ticker;

static int64_t now_ms(void)
{
    return qemu_clock_get_ms(QEMU_CLOCK_REALTIME);
}

static void tick(void *opaque)
{
    Ticker *t = opaque;

    if (++t->ticks < TICKS) {
        timer_mod(t->timer, now_ms() + 2);
    }
}

/* One that is set again from itself takes one round of the loop each time. */
static void test_rounds(void)
{
    Ticker t = { 0 };
    int rounds = 0;

    t.timer = timer_new_ms(QEMU_CLOCK_REALTIME, tick, &t);
    timer_mod(t.timer, now_ms());
    while (t.ticks < TICKS) {
        main_loop_wait(false);
        rounds++;
    }
    g_test_message("%d rounds for %d ticks", rounds, TICKS);
    g_assert_cmpint(rounds, <, TICKS + TICKS / 2);
    timer_free(t.timer);
}

/* The one that a timer sets may be due before any that was there. */
static void test_sooner(void)
{
    Ticker t = { 0 };
    QEMUTimer *far = timer_new_ms(QEMU_CLOCK_REALTIME, tick, &t);

    t.timer = timer_new_ms(QEMU_CLOCK_REALTIME, tick, &t);
    timer_mod(far, now_ms() + FAR_MS);
    timer_mod(t.timer, now_ms());
    while (t.ticks < TICKS) {
        main_loop_wait(false);
    }
    g_assert_true(timer_pending(far));
    timer_free(far);
    timer_free(t.timer);
}

static void *set_timer(void *opaque)
{
    Ticker *t = opaque;

    g_usleep(20 * 1000);
    timer_mod(t->timer, now_ms());
    return NULL;
}

/* Another thread does wake it up, whenever it does. */
static void test_thread(void)
{
    for (int i = 0; i < 10; i++) {
        Ticker t = { .ticks = TICKS };
        QEMUTimer *far = timer_new_ms(QEMU_CLOCK_REALTIME, tick, &t);
        QemuThread thread;

        t.timer = timer_new_ms(QEMU_CLOCK_REALTIME, tick, &t);
        timer_mod(far, now_ms() + FAR_MS);
        qemu_thread_create(&thread, "timer", set_timer, &t,
                           QEMU_THREAD_JOINABLE);
        while (t.ticks == TICKS) {
            main_loop_wait(false);
        }
        g_assert_true(timer_pending(far));
        qemu_thread_join(&thread);
        timer_free(far);
        timer_free(t.timer);
    }
}

typedef struct Bell {
    EventNotifier notifier;
    Ticker ticker;
} Bell;

static void bell_rings(EventNotifier *notifier)
{
    Bell *bell = container_of(notifier, Bell, notifier);

    event_notifier_test_and_clear(notifier);
    timer_mod(bell->ticker.timer, now_ms() + 2);
}

static void ring(void *opaque)
{
    Bell *bell = opaque;

    bell->ticker.ticks++;
    event_notifier_set(&bell->notifier);
}

/* A round for the file whose handler sets the timer, and one for the timer. */
static void test_handler(void)
{
    Bell bell = { };
    int rounds = 0;

    g_assert_cmpint(event_notifier_init(&bell.notifier, true), ==, 0);
    bell.ticker.timer = timer_new_ms(QEMU_CLOCK_REALTIME, ring, &bell);
    event_notifier_set_handler(&bell.notifier, bell_rings);
    while (bell.ticker.ticks < TICKS) {
        main_loop_wait(false);
        rounds++;
    }
    g_test_message("%d rounds for %d ticks", rounds, TICKS);
    g_assert_cmpint(rounds, <, 2 * TICKS + TICKS / 2);
    event_notifier_set_handler(&bell.notifier, NULL);
    timer_free(bell.ticker.timer);
    event_notifier_cleanup(&bell.notifier);
}

static void set_from_bh(void *opaque)
{
    Ticker *t = opaque;

    timer_mod(t->timer, now_ms() + 1);
}

/* Nor is one forgotten that is set between two rounds, or from within one. */
static void test_between(void)
{
    Ticker t = { 0 };
    QEMUTimer *far = timer_new_ms(QEMU_CLOCK_REALTIME, tick, &t);

    t.timer = timer_new_ms(QEMU_CLOCK_REALTIME, tick, &t);
    t.ticks = TICKS;
    timer_mod(far, now_ms() + FAR_MS);
    main_loop_wait(true);
    timer_mod(t.timer, now_ms() + 1);
    while (t.ticks == TICKS) {
        main_loop_wait(false);
    }
    aio_bh_schedule_oneshot(qemu_get_aio_context(), set_from_bh, &t);
    while (t.ticks == TICKS + 1) {
        main_loop_wait(false);
    }
    g_assert_true(timer_pending(far));
    timer_free(far);
    timer_free(t.timer);
}

int main(int argc, char **argv)
{
    qemu_init_main_loop(&error_abort);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/main-loop/timers/rounds", test_rounds);
    g_test_add_func("/main-loop/timers/handler", test_handler);
    g_test_add_func("/main-loop/timers/sooner", test_sooner);
    g_test_add_func("/main-loop/timers/thread", test_thread);
    g_test_add_func("/main-loop/timers/between", test_between);
    return g_test_run();
}
