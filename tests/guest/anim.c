/*
 * Animation, one step per timer tick.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "anim.h"
#include "draw.h"
#include "gpu.h"
#include "io.h"
#include "pit.h"
#include "plane.h"

/* QEMU's isa-debugcon of the first device, if there is one. */
#define DEBUG_PORT 0xe9

#define STAMP_X     128
#define STAMP_WIDTH 64

struct anim {
    /* NULL: nothing moves. */
    bool (*step)(struct gpu *gpu, struct anim *anim);
    uint32_t every;
    uint32_t ticks;
    uint32_t n;                     /* the step shown */
    uint32_t arg;                   /* box, overlay: size; flip: pages */
    uint32_t burst;                 /* film: rests at each so manieth step */
    uint32_t rest;                  /* film: ticks until it goes on */
    struct anim_stamp stamp;
    uint32_t pattern;
    uint32_t frame;
};

static const uint16_t modes[][2] = {
    { 640, 480 }, { 800, 600 }, { 1024, 768 }, { 1280, 720 },
};

static struct anim anims[GPU_MAX];
static uint32_t rate = ANIM_HZ;

static struct rect box_at(const struct gpu *gpu, const struct anim *anim,
                          uint32_t n)
{
    struct rect rect = {
        .x = n * 7 % (gpu->width - anim->arg),
        .y = n * 5 % (gpu->height - anim->arg),
        .width = anim->arg,
        .height = anim->arg,
    };

    return rect;
}

static uint32_t min(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t max(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static struct rect rect_around(const struct rect *a, const struct rect *b)
{
    struct rect rect = { .x = min(a->x, b->x), .y = min(a->y, b->y) };

    rect.width = max(a->x + a->width, b->x + b->width) - rect.x;
    rect.height = max(a->y + a->height, b->y + b->height) - rect.y;
    return rect;
}

static bool step_box(struct gpu *gpu, struct anim *anim)
{
    struct rect old = box_at(gpu, anim, anim->n);
    struct rect new = box_at(gpu, anim, anim->n + 1);
    struct rect damage;

    draw_pattern_rect(gpu, 0, &old, anim->pattern, anim->frame);
    draw_fill(gpu, &new, anim->n + 1);
    /* At once: a frame with but the old one gone is none. */
    damage = rect_around(&old, &new);
    gpu_damage(gpu, &damage);
    return true;
}

static bool step_flip(struct gpu *gpu, struct anim *anim)
{
    return gpu_pan(gpu, 0, (anim->n + 1) % anim->arg * gpu->height);
}

static void fill(struct gpu *gpu, const struct rect *rect, uint32_t color)
{
    draw_fill(gpu, rect, color);
    gpu_damage(gpu, rect);
}

static bool step_stamp(struct gpu *gpu, struct anim *anim)
{
    const struct anim_stamp *stamp = &anim->stamp;
    uint32_t n = anim->n + 1;
    struct rect block = { 0, 0, stamp->block, stamp->block };
    struct rect place = {
        .x = STAMP_X,
        .y = n / stamp->gap * 37 % (gpu->height - stamp->rows),
        .width = STAMP_WIDTH,
        .height = stamp->rows,
    };

    if (stamp->block) {
        fill(gpu, &block, n);
    }
    if (n % stamp->gap == 0) {
        fill(gpu, &place, n);
    }
    return true;
}

static bool cycle_show(struct gpu *gpu, struct anim *anim, uint32_t n)
{
    const uint16_t *mode = modes[n % (sizeof(modes) / sizeof(modes[0]))];
    struct rect all = { 0, 0, mode[0], mode[1] };

    if (!gpu_set_mode(gpu, mode[0], mode[1], mode[0])) {
        return false;
    }
    draw_pattern(gpu, 0, anim->pattern, n);
    gpu_damage(gpu, &all);
    anim->frame = n;
    return true;
}

static bool step_cycle(struct gpu *gpu, struct anim *anim)
{
    return cycle_show(gpu, anim, anim->n + 1);
}

static bool start(struct anim_pace pace, uint32_t arg,
                  bool (*step)(struct gpu *, struct anim *))
{
    struct anim *anim = &anims[pace.index];

    if (!pace.every) {
        return false;
    }
    anim->step = step;
    anim->every = pace.every;
    anim->ticks = 0;
    anim->n = 0;
    anim->arg = arg;
    anim->burst = 0;
    anim->rest = 0;
    pit_start(rate);
    return true;
}

void anim_set_background(int index, uint32_t pattern, uint32_t frame)
{
    anims[index].pattern = pattern;
    anims[index].frame = frame;
}

bool anim_box(struct anim_pace pace, uint32_t size)
{
    struct gpu *gpu = gpu_get(pace.index);
    struct anim *anim = &anims[pace.index];
    struct rect first;

    if (!size || size >= gpu->width || size >= gpu->height ||
        !start(pace, size, step_box)) {
        return false;
    }
    first = box_at(gpu, anim, 0);
    draw_fill(gpu, &first, 0);
    gpu_damage(gpu, &first);
    return true;
}

bool anim_stamp(int index, const struct anim_stamp *stamp)
{
    struct gpu *gpu = gpu_get(index);
    struct anim_pace pace = { index, 1 };

    if (!stamp->rows || stamp->rows >= gpu->height || !stamp->gap ||
        stamp->block > STAMP_X || stamp->block > gpu->height ||
        STAMP_X + STAMP_WIDTH > gpu->width) {
        return false;
    }
    anims[index].stamp = *stamp;
    return start(pace, 0, step_stamp);
}

bool anim_flip(struct anim_pace pace, uint32_t pages)
{
    struct gpu *gpu = gpu_get(pace.index);
    struct anim *anim = &anims[pace.index];
    uint32_t page;

    if (pages < 2 || pages > gpu_pages(gpu) || !gpu->ops->pan ||
        !start(pace, pages, step_flip)) {
        return false;
    }
    for (page = 0; page < pages; page++) {
        draw_pattern(gpu, page, anim->pattern, page);
    }
    return gpu_pan(gpu, 0, 0);
}

/* The page's number at both ends, so that a lossy codec leaves it readable. */
static void mark_film(struct gpu *gpu, uint32_t page, const struct rect *film)
{
    struct rect mark = { film->x, film->y, FILM_MARK, FILM_MARK };

    draw_fill_page(gpu, page, &mark, page * FILM_MARK_STEP * 0x10101);
    mark.x += film->width - FILM_MARK;
    mark.y += film->height - FILM_MARK;
    draw_fill_page(gpu, page, &mark, page * FILM_MARK_STEP * 0x10101);
}

bool anim_film(struct anim_pace pace, const struct anim_film *arg)
{
    uint32_t pages = arg->pages, size = arg->size;
    struct gpu *gpu = gpu_get(pace.index);
    struct anim *anim = &anims[pace.index];
    struct rect film = { 0, 0, gpu->width, gpu->height };
    uint32_t page;

    if (size) {
        film.x = (gpu->width - size) / 2;
        film.y = (gpu->height - size) / 2;
        film.width = film.height = size;
    }
    if (pages < 2 || pages > gpu_pages(gpu) || pages > FILM_PAGES ||
        size > gpu->width || size > gpu->height ||
        film.width < FILM_MARK || film.height < FILM_MARK ||
        !gpu->ops->pan || !start(pace, pages, step_flip)) {
        return false;
    }
    for (page = 0; page < pages; page++) {
        draw_pattern(gpu, page, anim->pattern, anim->frame);
        draw_pattern_rect(gpu, page, &film, PATTERN_FILM, page);
        mark_film(gpu, page, &film);
    }
    anim->burst = arg->burst;
    return gpu_pan(gpu, 0, 0);
}

bool anim_cycle(struct anim_pace pace)
{
    return start(pace, 0, step_cycle) &&
           cycle_show(gpu_get(pace.index), &anims[pace.index], 0);
}

static bool step_overlay(struct gpu *gpu, struct anim *anim)
{
    plane_overlay_move(gpu, anim->arg, anim->n + 1);
    return true;
}

bool anim_overlay(struct anim_pace pace, uint32_t size)
{
    return plane_overlay(gpu_get(pace.index), size) &&
           start(pace, size, step_overlay);
}

uint32_t anim_stop(int index)
{
    int i;

    anims[index].step = NULL;
    for (i = 0; i < GPU_MAX && !anims[i].step; i++) {
        /* look for another one that still needs the timer */
    }
    if (i == GPU_MAX) {
        pit_stop();
    }
    return anims[index].n;
}

uint32_t anim_steps(int index)
{
    return anims[index].n;
}

void anim_stop_all(void)
{
    int i;

    for (i = 0; i < GPU_MAX; i++) {
        anim_stop(i);
    }
}

void anim_set_rate(uint32_t hz)
{
    int i;

    rate = hz;
    for (i = 0; i < GPU_MAX; i++) {
        if (anims[i].step) {
            pit_start(hz);
        }
    }
}

void anim_tick(void)
{
    int i;

    for (i = 0; i < GPU_MAX; i++) {
        struct anim *anim = &anims[i];

        if (!anim->step) {
            continue;
        }
        if (anim->rest) {
            anim->rest--;
            continue;
        }
        if (++anim->ticks < anim->every) {
            continue;
        }
        anim->ticks = 0;
        if (anim->step(gpu_get(i), anim)) {
            anim->n++;
            if (anim->burst && anim->n % anim->burst == 0) {
                anim->rest = anim->burst;
            }
            outb(DEBUG_PORT + i, anim->n);
        } else {
            anim_stop(i);
        }
    }
}
