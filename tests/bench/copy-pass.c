/*
 * How fast the mirror's pass is, against what the memory can do
 *
 * Prints a line of JSON: gigabytes per second for a frame of the given size.
 * Passes take turns, round by round, and medians are printed, so that what
 * else the machine does meanwhile hits all of them alike. "woken" and "sampled"
 * are what a still screen costs at least, in percent of a CPU: waking up ten
 * times per second, and reading a sample of cold memory each time.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <time.h>
#include "ui/damage-map.h"
#include "ui/mirror-layer.h"

#define ROUNDS 41
#define SETTLE_COPIES 10
#define LOOKS 40
#define LOOK_US 100000
#define FRAMES 4 /* of each kind, so that no cache holds what comes next */

typedef struct Bench {
    pixman_box32_t all;
    size_t stride;
    size_t size;
    uint8_t *dst[FRAMES];   /* the surface */
    uint8_t *same[FRAMES];  /* what is in it */
    uint8_t *other[FRAMES]; /* differs in every pixel */
    DamageMap *map[FRAMES];
} Bench;

typedef struct Pass {
    const char *name;
    void (*run)(Bench *bench, int frame);
    int frames_moved; /* how often a frame's bytes are counted */
    double rates[ROUNDS];
} Pass;

/* No frame has this byte: memchr() reads them to the end. */
#define ABSENT 0xff

static void run_read(Bench *bench, int frame)
{
    g_assert_null(memchr(bench->same[frame], ABSENT, bench->size));
    g_assert_null(memchr(bench->dst[frame], ABSENT, bench->size));
}

static void run_unchanged(Bench *bench, int frame)
{
    damage_map_copy(bench->map[frame], bench->dst[frame], bench->stride,
                    bench->same[frame], bench->stride, &bench->all);
    g_assert_true(damage_map_is_empty(bench->map[frame]));
}

static void run_memcpy(Bench *bench, int frame)
{
    memcpy(bench->dst[frame], bench->other[frame], bench->size);
    g_assert_cmpint(bench->dst[frame][bench->size - 1], ==,
                    bench->other[frame][bench->size - 1]);
}

/* What is copied is the other frame next time: every pixel differs again. */
static void run_changed(Bench *bench, int frame)
{
    uint8_t *tmp = bench->same[frame];

    damage_map_copy(bench->map[frame], bench->dst[frame], bench->stride,
                    bench->other[frame], bench->stride, &bench->all);
    g_assert_false(damage_map_is_empty(bench->map[frame]));
    damage_map_clear(bench->map[frame]);
    bench->same[frame] = bench->other[frame];
    bench->other[frame] = tmp;
}

/*
 * Leave the frame as if it had been still for a while, outside of what is
 * timed.
 */
static void settle(Bench *bench)
{
    for (int i = 0; i < FRAMES; i++) {
        memcpy(bench->dst[i], bench->same[i], bench->size);
        damage_map_forget(bench->map[i]);
        for (int k = 0; k < SETTLE_COPIES; k++) {
            run_unchanged(bench, i);
        }
    }
}

static double seconds_of(Bench *bench, const Pass *pass)
{
    int64_t start = g_get_monotonic_time();

    for (int i = 0; i < FRAMES; i++) {
        pass->run(bench, i);
    }
    return (g_get_monotonic_time() - start) / 1e6;
}

static void read_sample(const Bench *bench, uint32_t sample)
{
    const uint32_t period = MIRROR_SAMPLE_ROWS * MIRROR_SAMPLES;
    uint32_t height = bench->all.y2;
    uint32_t first = sample % MIRROR_SAMPLES * MIRROR_SAMPLE_ROWS;

    for (uint32_t y = 0; y < height; y++) {
        uint32_t at = y % period;

        if (at >= first && at < first + MIRROR_SAMPLE_ROWS) {
            size_t offset = y * bench->stride;

            g_assert_false(damage_map_row_differs(bench->map[0], y,
                                                  bench->dst[0] + offset,
                                                  bench->same[0] + offset));
        }
    }
}

static int64_t thread_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/* Percent of a CPU of looking at a still frame in long intervals. */
static double look_percent(Bench *bench, bool sampled)
{
    int64_t start;

    settle(bench);
    start = thread_ns();
    for (int i = 0; i < LOOKS; i++) {
        g_usleep(LOOK_US);
        if (sampled) {
            read_sample(bench, i);
        }
    }
    return (thread_ns() - start) / 10.0 / (LOOKS * LOOK_US);
}

static uint8_t *new_frame(const Bench *bench, uint32_t seed)
{
    uint32_t *frame = g_malloc(bench->size);

    for (size_t i = 0; i < bench->size / 4; i++) {
        frame[i] = (i * 0x9e3779b9 + seed) & 0x7f7f7f7f;
    }
    return (uint8_t *)frame;
}

static void bench_init(Bench *bench, uint32_t width, uint32_t height)
{
    bench->all = (pixman_box32_t) { 0, 0, width, height };
    bench->stride = (size_t)width * 4;
    bench->size = bench->stride * height;
    for (int i = 0; i < FRAMES; i++) {
        bench->same[i] = new_frame(bench, i);
        bench->other[i] = new_frame(bench, i + 0x01000000);
        bench->dst[i] = new_frame(bench, i);
        bench->map[i] = damage_map_new(width, height);
    }
}

static void bench_finish(Bench *bench)
{
    for (int i = 0; i < FRAMES; i++) {
        g_free(bench->same[i]);
        g_free(bench->other[i]);
        g_free(bench->dst[i]);
        damage_map_free(bench->map[i]);
    }
}

static int compare_rates(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    uint32_t width = argc > 2 ? atoi(argv[1]) : 1920;
    uint32_t height = argc > 2 ? atoi(argv[2]) : 1080;
    Pass passes[] = {
        { "read", run_read, 2 },
        { "unchanged", run_unchanged, 2 },
        { "memcpy", run_memcpy, 1 },
        { "changed", run_changed, 1 },
    };
    Bench bench = { 0 };

    if (width < 1 || width > 16384 || height < 1 || height > 16384) {
        fprintf(stderr, "usage: %s [WIDTH HEIGHT]\n", argv[0]);
        return 2;
    }
    bench_init(&bench, width, height);
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < G_N_ELEMENTS(passes); i++) {
            settle(&bench);
            passes[i].rates[round] = FRAMES * passes[i].frames_moved *
                bench.size / seconds_of(&bench, &passes[i]) / 1e9;
        }
    }
    printf("{\"width\": %u, \"height\": %u", width, height);
    for (size_t i = 0; i < G_N_ELEMENTS(passes); i++) {
        qsort(passes[i].rates, ROUNDS, sizeof(double), compare_rates);
        printf(", \"%s\": %.3f", passes[i].name, passes[i].rates[ROUNDS / 2]);
    }
    printf(", \"woken\": %.3f", look_percent(&bench, false));
    printf(", \"sampled\": %.3f}\n", look_percent(&bench, true));
    bench_finish(&bench);
    return 0;
}
