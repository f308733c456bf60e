/*
 * vGPU display: scan policy
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/display/vfio-display-damage.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "ui/refresh-policy.h"

#define WIDTH 640
#define HEIGHT 480
#define ALL (WIDTH * HEIGHT)
#define SAMPLE (ALL / MIRROR_SAMPLES)
/* A box is read in columns of whole tiles, this wide. */
#define TILE DAMAGE_TILE_WIDTH

#define MS 1000000ll
#define SECOND 1000000000ll
/* When a display of these tests begins: 0 is as good as any other time. */
#define BEGIN (1000 * SECOND)

static const uint8_t memory[2][16];

/* --- Steps ---------------------------------------------------------------- */

/* What the device's answer to the query says of damage. */
typedef enum Answer {
    NO_WORD,        /* it has no such extension */
    SAME,           /* nothing differs */
    BOX,            /* 8x8 pixels at 8,8 */
} Answer;

typedef struct Step {
    VFIODisplayFacts facts;
    int64_t at_ms;          /* since the display began */
    Answer answer;
    unsigned memory;        /* which one is mapped */
    bool flip;              /* it is another buffer than before */
    bool last;              /* no, it is the last good frame, read late */
    bool not_held;          /* the mirror has no such frame */
    MirrorResult result;
    bool half_drawn;
    int reads;              /* expected: pixels */
    bool pending;           /* expected: another refresh is wanted at once */
} Step;

typedef struct Case {
    const char *name;
    const char *why;
    Step step[8];           /* the first one without a time ends it */
} Case;

#define POLLED(quiet_ms) { .wants_pixels = true, .quiet_ns = (quiet_ms) * MS }
#define SILENT(quiet_ms) { .wants_pixels = true, .notifies = true, \
                           .quiet_ns = (quiet_ms) * MS }
#define SIGNAL { .wants_pixels = true, .notifies = true, .signalled = true }
#define CURSOR { .wants_pixels = true, .notifies = true, .cursor_only = true }
#define DUMP { .wants_pixels = true, .dump = true }
#define CHANGED .result = MIRROR_CHANGED

static VFIOPlane plane_of(const Step *step)
{
    return (VFIOPlane) {
        .type = VFIO_PLANE_PRIMARY,
        .fourcc = DRM_FORMAT_XRGB8888,
        .width = WIDTH,
        .height = HEIGHT,
        .stride = WIDTH * 4,
        .size = ALL * 4,
        .damage_known = step->answer != NO_WORD,
        .damage = step->answer == BOX ? (VFIOPlaneRect) { 8, 8, 8, 8 }
                                      : (VFIOPlaneRect) { 0 },
    };
}

/* What the mirror reads of the frame, as far as that was decided. */
static int pixels_read(const MirrorFrame *frame)
{
    int pixels = 0;

    if (!frame->damage) {
        return frame->scan == MIRROR_SCAN_SAMPLED ? SAMPLE : ALL;
    }
    for (size_t i = 0; i < frame->n_damage; i++) {
        const pixman_box32_t *box = &frame->damage[i];

        pixels += (box->x2 - box->x1) * (box->y2 - box->y1);
    }
    return pixels;
}

static void begin(VFIODisplayDamage *d, const Step *step)
{
    VFIODisplayFacts facts = step->facts;

    facts.now_ns = BEGIN + step->at_ms * MS;
    vfio_display_damage_begin(d, &facts);
}

static void run_step(VFIODisplayDamage *d, const Step *step)
{
    VFIOPlane plane = plane_of(step);
    MirrorFrame frame = {
        .format = vfio_plane_format(&plane),
        .width = WIDTH,
        .height = HEIGHT,
        .readable = HEIGHT,
        .stride = WIDTH * 4,
        .map = memory[step->memory],
        .fd = -1,
    };

    g_test_message("after %" PRId64 " ms", step->at_ms);
    begin(d, step);
    vfio_display_damage_report(d, &plane);
    if (step->flip) {
        vfio_display_damage_flip(d, &plane, &plane);
    }
    if (step->last) {
        vfio_display_damage_rescan(d);
    }
    vfio_display_damage_plan(d, &frame, !step->not_held);
    g_assert_cmpint(pixels_read(&frame), ==, step->reads);
    vfio_display_damage_done(d, &frame, step->result, step->half_drawn);
    if (step->last) {
        vfio_display_damage_rescan(d);
    }
    g_assert_cmpint(d->full_scan_pending, ==, step->pending);
}

/* --- Mapped memory -------------------------------------------------------- */

static const Case cases[] = {
    { "polled", "what moves is one moment's frame", {
        { POLLED(0), 16, .reads = ALL, CHANGED },
        { POLLED(16), 32, .reads = ALL },
      } },
    { "polled-still", "a sample finds out whether there is more to read", {
        { POLLED(999), 16, .reads = ALL },
        { POLLED(1000), 116, .reads = SAMPLE },
        { POLLED(2100), 216, .reads = SAMPLE, CHANGED },
        { POLLED(0), 232, .reads = ALL },
      } },
    { "polled-cursor", "without signals nothing is known of the cursor", {
        { { .wants_pixels = true, .cursor_only = false }, 16,
          .reads = ALL },
      } },
    { "dump", "a screendump is right at once", {
        { POLLED(5000), 16, .reads = SAMPLE },
        { { .wants_pixels = true, .dump = true, .quiet_ns = 5 * SECOND }, 32,
          .reads = ALL },
      } },
    { "dump-silent", "also of a device that says that nothing changed", {
        { SIGNAL, 16, .reads = ALL, CHANGED },
        { SILENT(16), 32, .reads = 0 },
        { { .wants_pixels = true, .notifies = true, .dump = true }, 48,
          .reads = ALL },
      } },
    { "signal", "all of it, and nothing after the last signal", {
        { SIGNAL, 16, .reads = ALL, CHANGED },
        { SIGNAL, 32, .reads = ALL, CHANGED },
        { SILENT(16), 48, .reads = 0 },
      } },
    { "signal-cursor", "the cursor moves over a picture that stays", {
        { SIGNAL, 16, .reads = ALL, CHANGED },
        { SILENT(16), 32, .reads = 0 },
        { CURSOR, 48, .reads = 0 },
        { CURSOR, 5064, .reads = 0 },
      } },
    { "unwatched-cursor", "what the mirror lacks is read all the same", {
        { SIGNAL, 16, .reads = ALL, CHANGED },
        { { .notifies = true }, 32, .reads = ALL },
        { SIGNAL, 48, .reads = ALL, .result = MIRROR_VANISHED },
        { CURSOR, 64, .reads = ALL },
      } },
    { "busy-cursor", "a pending scan is not forgotten for that", {
        { SIGNAL, 16, .reads = ALL, .result = MIRROR_BUSY, .pending = true },
        { CURSOR, 32, .reads = ALL },
      } },
    { "other-memory", "what is silent of one buffer says nothing of another", {
        { SIGNAL, 16, .reads = ALL, CHANGED },
        { SILENT(32), 48, .memory = 1, .reads = ALL },
        { SILENT(48), 64, .memory = 1, .reads = 0 },
      } },
    { "flip", "another buffer may be mapped where the last one was", {
        { SIGNAL, 16, .reads = ALL, CHANGED },
        { SILENT(16), 32, .reads = 0 },
        { SILENT(32), 48, .flip = true, .reads = ALL },
      } },
    { "busy", "the signal was for the frame that is being drawn", {
        { SIGNAL, 16, .reads = ALL, .result = MIRROR_BUSY, .pending = true },
        { SILENT(16), 32, .reads = ALL },
        { SILENT(32), 48, .reads = 0 },
      } },
    { "half-drawn", "shown, but what comes after that is not signalled", {
        { SIGNAL, 16, .reads = ALL, CHANGED, .half_drawn = true,
          .pending = true },
        { SILENT(16), 32, .reads = ALL, CHANGED },
        { SILENT(16), 48, .reads = 0 },
      } },
    { "busy-polled", "it is polled anyway", {
        { POLLED(0), 16, .reads = ALL, .result = MIRROR_BUSY },
      } },
    { "vanished", "nothing is known of what the mirror has", {
        { SIGNAL, 16, .reads = ALL, .result = MIRROR_VANISHED },
        { SILENT(32), 48, .reads = ALL },
        { SILENT(48), 64, .reads = 0 },
      } },
    { "unwatched", "nobody kept the mirror up to date meanwhile", {
        { SIGNAL, 16, .reads = ALL, CHANGED },
        { SILENT(16), 32, .reads = 0 },
        { { .notifies = true }, 48, .reads = ALL },
      } },
    { "damage", "after one full scan, what the device names and no more", {
        { POLLED(0), 16, BOX, .reads = ALL, CHANGED },
        { POLLED(0), 32, BOX, .reads = TILE * 8, CHANGED },
        { POLLED(16), 48, SAME, .reads = 0 },
      } },
    { "damage-signal", "it stands for the full scan after a signal", {
        { SIGNAL, 16, BOX, .reads = ALL, CHANGED },
        { SIGNAL, 32, BOX, .reads = TILE * 8, CHANGED },
        { SILENT(16), 48, SAME, .reads = 0 },
      } },
    { "damage-dump", "a screendump does not rely on it", {
        { POLLED(0), 16, BOX, .reads = ALL, CHANGED },
        { DUMP, 32, SAME, .reads = ALL },
      } },
    { "damage-not-held", "the mirror lost its frame: all is lacking", {
        { POLLED(0), 16, BOX, .reads = ALL, CHANGED },
        { POLLED(0), 32, BOX, .not_held = true, .reads = ALL, CHANGED },
        { POLLED(0), 48, BOX, .reads = TILE * 8, CHANGED },
      } },
    { "damage-busy", "it stays until the mirror has it", {
        { POLLED(0), 16, BOX, .reads = ALL, CHANGED },
        { POLLED(0), 32, BOX, .reads = TILE * 8, .result = MIRROR_BUSY },
        { POLLED(16), 48, SAME, .reads = TILE * 8, CHANGED },
        { POLLED(16), 64, SAME, .reads = 0 },
      } },
    { "damage-vanished", "as with one that is busy", {
        { POLLED(0), 16, BOX, .reads = ALL, CHANGED },
        { POLLED(0), 32, BOX, .reads = TILE * 8, .result = MIRROR_VANISHED },
        { POLLED(16), 48, SAME, .reads = TILE * 8, CHANGED },
      } },
    { "last-frame", "the answer's damage is of a frame that does not come", {
        { POLLED(0), 16, SAME, .reads = ALL, CHANGED },
        { POLLED(0), 32, SAME, .reads = 0 },
        { POLLED(0), 48, BOX, .last = true, .reads = ALL, CHANGED },
        { POLLED(0), 64, SAME, .memory = 1, .flip = true, .reads = ALL },
      } },
    { "damage-flip", "it is the difference to the last answer's frame", {
        { POLLED(0), 16, BOX, .reads = ALL, CHANGED },
        { POLLED(0), 32, BOX, .memory = 1, .flip = true, .reads = TILE * 8,
          CHANGED },
      } },
    { "damage-ends", "an answer without it may mean any change", {
        { POLLED(0), 16, BOX, .reads = ALL, CHANGED },
        { POLLED(0), 32, NO_WORD, .reads = ALL, CHANGED },
        { POLLED(0), 48, BOX, .reads = TILE * 8, CHANGED },
        { POLLED(2000), 2048, NO_WORD, .reads = SAMPLE },
        { POLLED(2100), 2148, BOX, .reads = ALL, CHANGED },
      } },
    { "damage-quiet", "a guest may draw without saying so", {
        { POLLED(0), 16, BOX, .reads = ALL, CHANGED },
        { POLLED(500), 516, SAME, .reads = 0 },
        { POLLED(1000), 1016, SAME, .reads = ALL },
        { POLLED(1016), 1032, SAME, .reads = 0 },
      } },
};

static void test_case(const void *opaque)
{
    const Case *c = opaque;
    VFIODisplayDamage d = { 0 };

    g_test_message("%s", c->why);
    vfio_display_damage_init(&d);
    for (size_t i = 0; i < ARRAY_SIZE(c->step) && c->step[i].at_ms; i++) {
        run_step(&d, &c->step[i]);
    }
    vfio_display_damage_finish(&d);
}

/* What the device names differs from a frame that nobody has. */
static void test_flip_unknown(void)
{
    const Step first = { POLLED(0), 16, BOX, .reads = ALL, CHANGED };
    const Step next = { POLLED(0), 32, BOX, .reads = TILE * 8, CHANGED };
    const Step after = { POLLED(0), 48, SAME, .reads = ALL };
    VFIOPlane plane = plane_of(&first), other = plane;
    VFIODisplayDamage d = { 0 };

    other.fourcc = DRM_FORMAT_ARGB8888;
    vfio_display_damage_init(&d);
    run_step(&d, &first);
    run_step(&d, &next);
    vfio_display_damage_flip(&d, NULL, &plane);
    run_step(&d, &after);
    run_step(&d, &next);
    vfio_display_damage_flip(&d, &other, &plane);
    run_step(&d, &after);
    vfio_display_damage_finish(&d);
}

/* --- Audits --------------------------------------------------------------- */

typedef struct AuditCase {
    const char *name;
    int changes_s;          /* it changes then without a signal, or 0 */
    int input_s;            /* somebody touches something then, or 0 */
    int seconds;            /* of one refresh in each */
    int reads;              /* expected: frames read in them */
    const char *why;
} AuditCase;

static const AuditCase audit_cases[] = {
    { "still", 0, 0, 180, 10,
      "after 1, 2, 4, 8, 16, 32 s and then each 30: it may have stopped" },
    { "input", 0, 30, 59, 11,
      "who sees an old picture touches something: from 1 s on again" },
    { "silent-change", 2, 0, 60, 8,
      "so does a change that an audit found" },
};

static void test_audit(const void *opaque)
{
    const AuditCase *c = opaque;
    Step step = { SIGNAL, 1, .reads = ALL, CHANGED };
    VFIODisplayDamage d = { 0 };
    int64_t active_ms = 1;
    int reads = 0;

    g_test_message("%s", c->why);
    vfio_display_damage_init(&d);
    run_step(&d, &step);
    for (int s = 1; s <= c->seconds; s++) {
        VFIOPlane plane = plane_of(&step);
        MirrorFrame frame = {
            .format = vfio_plane_format(&plane), .width = WIDTH,
            .height = HEIGHT, .readable = HEIGHT, .stride = WIDTH * 4,
            .map = memory[0], .fd = -1,
        };
        bool changed = false;

        if (s == c->input_s) {
            active_ms = s * 1000;
        }
        step = (Step) { SILENT(s * 1000 - active_ms), s * 1000 };
        begin(&d, &step);
        vfio_display_damage_plan(&d, &frame, true);
        if (pixels_read(&frame)) {
            g_test_message("read after %d s", s);
            g_assert_cmpint(pixels_read(&frame), ==, ALL);
            changed = s == c->changes_s;
            active_ms = changed ? s * 1000 : active_ms;
            reads++;
        }
        vfio_display_damage_done(&d, &frame, changed ? MIRROR_CHANGED
                                                     : MIRROR_UNCHANGED,
                                 false);
    }
    g_assert_cmpint(reads, ==, c->reads);
    vfio_display_damage_finish(&d);
}

/* --- Readbacks ------------------------------------------------------------ */

typedef struct ReadbackStep {
    VFIODisplayFacts facts;
    int64_t at_ms;
    Answer answer;
    bool not_held;
    VFIODisplayReadbackPlan plan;   /* expected */
    GLReadbackWhat what;            /* expected, if there is something */
    int completed;                  /* then that many requests are shown */
} ReadbackStep;

typedef struct ReadbackCase {
    const char *name;
    const char *why;
    ReadbackStep step[6];
} ReadbackCase;

#define READ VFIO_DISPLAY_PLAN_READ
#define FIRST { DUMP, 16, .not_held = true, .plan = READ, \
                .what = GL_READBACK_WHOLE, .completed = 1 }

static const ReadbackCase readback_cases[] = {
    { "changes", "without a word of damage the thread finds out", {
        FIRST,
        { POLLED(0), 32, .plan = READ, .what = GL_READBACK_CHANGES },
        { POLLED(0), 48, .plan = READ, .what = GL_READBACK_CHANGES },
      } },
    { "not-held", "what differs is of no use without a frame", {
        FIRST,
        { POLLED(0), 32, .not_held = true, .plan = READ,
          .what = GL_READBACK_WHOLE },
      } },
    { "dump", "a screendump has all of it", {
        FIRST,
        { DUMP, 32, SAME, .plan = READ, .what = GL_READBACK_WHOLE },
      } },
    { "boxes", "what the device names and no more", {
        FIRST,
        { POLLED(0), 32, BOX, .plan = READ, .what = GL_READBACK_BOXES,
          .completed = 2 },
        { POLLED(16), 48, SAME, .plan = VFIO_DISPLAY_PLAN_NOTHING },
      } },
    { "in-flight", "what was requested is not requested again", {
        FIRST,
        { POLLED(0), 32, BOX, .plan = READ, .what = GL_READBACK_BOXES },
        { POLLED(16), 48, SAME, .plan = VFIO_DISPLAY_PLAN_WAIT },
        { POLLED(0), 64, BOX, .plan = READ, .what = GL_READBACK_BOXES,
          .completed = 3 },
        { POLLED(16), 80, SAME, .plan = VFIO_DISPLAY_PLAN_NOTHING },
      } },
    { "silent", "a device that signals would have said so", {
        FIRST,
        { SIGNAL, 32, .plan = READ, .what = GL_READBACK_CHANGES,
          .completed = 2 },
        { SILENT(16), 48, .plan = VFIO_DISPLAY_PLAN_NOTHING },
        { SILENT(1000), 1048, .plan = READ, .what = GL_READBACK_CHANGES },
      } },
};

static void test_readback(const void *opaque)
{
    const ReadbackCase *c = opaque;
    VFIODisplayDamage d = { 0 };
    uint64_t number = 0;

    g_test_message("%s", c->why);
    vfio_display_damage_init(&d);
    for (size_t i = 0; i < ARRAY_SIZE(c->step) && c->step[i].at_ms; i++) {
        const ReadbackStep *s = &c->step[i];
        Step step = { .facts = s->facts, .at_ms = s->at_ms,
                      .answer = s->answer };
        VFIOPlane plane = plane_of(&step);
        GLReadbackArea area;

        g_test_message("after %" PRId64 " ms", s->at_ms);
        begin(&d, &step);
        vfio_display_damage_report(&d, &plane);
        g_assert_cmpint(vfio_display_damage_plan_readback(&d, &plane,
                                                          !s->not_held,
                                                          &area), ==,
                        s->plan);
        if (s->plan == READ) {
            g_assert_cmpint(area.what, ==, s->what);
            g_assert_cmpint(area.n, ==, s->what == GL_READBACK_BOXES);
            vfio_display_damage_requested(&d, ++number, &area);
        }
        if (s->completed) {
            vfio_display_damage_completed(&d, s->completed);
        }
    }
    vfio_display_damage_finish(&d);
}

/* What changed of a large frame lies outside of the small one after it. */
static void test_readback_smaller(void)
{
    const Step step = { POLLED(0), 16, BOX };
    VFIOPlane plane = plane_of(&step);
    GLReadbackArea area = { .what = GL_READBACK_WHOLE };
    VFIODisplayDamage d = { 0 };

    vfio_display_damage_init(&d);
    begin(&d, &step);
    vfio_display_damage_requested(&d, 1, &area);
    vfio_display_damage_completed(&d, 1);
    vfio_display_damage_report(&d, &plane);
    plane.width = 8;
    plane.height = 8;
    g_assert_cmpint(vfio_display_damage_plan_readback(&d, &plane, true, &area),
                    ==, READ);
    g_assert_cmpint(area.what, ==, GL_READBACK_CHANGES);
    vfio_display_damage_finish(&d);
}

/* --- Dma-bufs that viewers draw ------------------------------------------- */

typedef struct DrawCase {
    const char *name;
    VFIODisplayFacts facts;
    Answer answer;
    int64_t read_ms;        /* when pixels were read last, before now */
    int64_t probe_ms;       /* when it was probed last, before now */
    int64_t took_ms;        /* how long that took */
    bool probes;            /* expected */
    bool redraws;           /* expected */
    const char *why;
} DrawCase;

static const DrawCase draw_cases[] = {
    { "active", POLLED(0), NO_WORD, 100, 100, 1, false, true,
      "it is drawn at the viewers' rate, whether it changed or not" },
    { "calm", POLLED(1500), NO_WORD, 100, 100, 1, true, true,
      "a probe finds out, and viewers go on meanwhile" },
    { "still", POLLED(3000), NO_WORD, 50, 50, 1, false, false,
      "known to be the same by the last probe" },
    { "still-due", POLLED(3000), NO_WORD, 100, 100, 1, true, true,
      "not known any more" },
    { "slow-probe", POLLED(3000), NO_WORD, 500, 500, 100, false, true,
      "probes take a twentieth of the time at most" },
    { "signals", SILENT(3000), NO_WORD, 100, 100, 1, false, false,
      "it would have said so" },
    { "signals-audit", SILENT(3000), NO_WORD, 2000, 2000, 1, true, true,
      "it may have stopped signalling" },
    { "damage", POLLED(3000), SAME, 100, 100, 1, false, false,
      "its answer says so" },
    { "damage-audit", POLLED(3000), SAME, 2000, 2000, 1, true, true,
      "its guest may draw without saying so" },
};

static void test_draw(const void *opaque)
{
    const DrawCase *c = opaque;
    Step step = { .facts = c->facts, .at_ms = 1, .answer = c->answer };
    VFIODisplayDamage d = {
        .read_ns = BEGIN + (1 - c->read_ms) * MS,
        .probe_ns = BEGIN + (1 - c->probe_ms) * MS,
        .probe_took_ns = c->took_ms * MS,
    };
    VFIOPlane plane = plane_of(&step);

    g_test_message("%s", c->why);
    vfio_display_damage_init(&d);
    begin(&d, &step);
    vfio_display_damage_report(&d, &plane);
    g_assert_cmpint(vfio_display_damage_probes(&d, c->facts.quiet_ns), ==,
                    c->probes);
    g_assert_cmpint(vfio_display_damage_redraws(&d, c->facts.quiet_ns), ==,
                    c->redraws);
    vfio_display_damage_probed(&d, MS);
    g_assert_false(vfio_display_damage_probes(&d, c->facts.quiet_ns));
    vfio_display_damage_finish(&d);
}

#define ADD(group, table, function) \
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) { \
        g_autofree char *path = \
            g_strdup_printf("/vfio-display-damage/" group "/%s", \
                            (table)[i].name); \
        g_test_add_data_func(path, &(table)[i], function); \
    }

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("scan", cases, test_case);
    ADD("audit", audit_cases, test_audit);
    ADD("readback", readback_cases, test_readback);
    ADD("draw", draw_cases, test_draw);
    g_test_add_func("/vfio-display-damage/readback/smaller",
                    test_readback_smaller);
    g_test_add_func("/vfio-display-damage/scan/flip-unknown",
                    test_flip_unknown);
    return g_test_run();
}
