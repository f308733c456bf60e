/*
 * What a guest's screen shows, between QEMU that tells it and an output that
 * shows it
 *
 * QEMU's side sets the picture and adds damage. The output takes both when it
 * can show the next frame, so a guest that is faster than the output costs no
 * more than one that is as fast. An update with a dma-buf is answered only once
 * it is on screen, since that answer is what lets the guest draw on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "standard-headers/drm/drm_fourcc.h"
#include <sys/mman.h>

#include "screen.h"

struct ScreenHold {
    Screen *screen;
    GDBusMethodInvocation *invocation;
    guint timer;
    bool taken;
    unsigned serial;            /* of the frame that shows it, once taken */
};

ScreenBuffer *screen_buffer_new(void)
{
    ScreenBuffer *buffer = g_new0(ScreenBuffer, 1);

    buffer->refs = 1;
    memset(buffer->fds, -1, sizeof(buffer->fds));
    return buffer;
}

ScreenBuffer *screen_buffer_ref(ScreenBuffer *buffer)
{
    buffer->refs++;
    return buffer;
}

void screen_buffer_unref(ScreenBuffer *buffer)
{
    if (!buffer || --buffer->refs) {
        return;
    }
    if (buffer->import_free) {
        buffer->import_free(buffer->import);
    }
    if (buffer->image) {
        pixman_image_unref(buffer->image);
    }
    if (buffer->map) {
        munmap(buffer->map, buffer->map_size);
    }
    for (int i = 0; i < SCREEN_MAX_PLANES; i++) {
        if (buffer->fds[i] >= 0) {
            close(buffer->fds[i]);
        }
    }
    g_free(buffer);
}

static pixman_format_code_t pixman_format_of(uint32_t fourcc)
{
    switch (fourcc) {
    case DRM_FORMAT_XRGB8888:
    case DRM_FORMAT_ARGB8888:
        return PIXMAN_x8r8g8b8;
    case DRM_FORMAT_XBGR8888:
    case DRM_FORMAT_ABGR8888:
        return PIXMAN_x8b8g8r8;
    case DRM_FORMAT_RGBX8888:
    case DRM_FORMAT_RGBA8888:
        return PIXMAN_r8g8b8x8;
    case DRM_FORMAT_BGRX8888:
    case DRM_FORMAT_BGRA8888:
        return PIXMAN_b8g8r8x8;
    case DRM_FORMAT_XRGB2101010:
        return PIXMAN_x2r10g10b10;
    case DRM_FORMAT_XBGR2101010:
        return PIXMAN_x2b10g10r10;
    case DRM_FORMAT_RGB565:
        return PIXMAN_r5g6b5;
    default:
        return 0;
    }
}

/*
 * How much of a dma-buf can be mapped: no more than its whole pages. The rows
 * that are cut off are few, and black is better than nothing.
 */
static size_t mappable_size(int fd, size_t wanted)
{
    size_t page = qemu_real_host_page_size();
    off_t end = lseek(fd, 0, SEEK_END);

    if (end < 0) {
        return wanted;
    }
    return MIN(wanted, end / page * page);
}

static pixman_image_t *buffer_map(ScreenBuffer *buffer)
{
    pixman_format_code_t format = pixman_format_of(buffer->fourcc);
    size_t stride = buffer->strides[0];
    size_t end = buffer->offsets[0] + stride * buffer->height;
    size_t rows;
    void *map;

    /* Longer rows than strides would end outside of what is mapped. */
    if (!format || stride % 4 || buffer->offsets[0] % 4 ||
        stride < (size_t)buffer->width * PIXMAN_FORMAT_BPP(format) / 8 ||
        stride > INT32_MAX || buffer->num_planes != 1 ||
        (buffer->modifier != DRM_FORMAT_MOD_LINEAR &&
         buffer->modifier != DRM_FORMAT_MOD_INVALID)) {
        errno = ENOTSUP;
        return NULL;
    }
    buffer->map_size = mappable_size(buffer->fds[0], end);
    if (buffer->map_size <= buffer->offsets[0] + stride) {
        errno = EINVAL;
        return NULL;
    }
    map = mmap(NULL, buffer->map_size, PROT_READ, MAP_SHARED,
               buffer->fds[0], 0);
    if (map == MAP_FAILED) {
        return NULL;
    }
    buffer->map = map;
    rows = (buffer->map_size - buffer->offsets[0]) / stride;
    return pixman_image_create_bits(format, buffer->width,
                                    MIN(rows, buffer->height),
                                    map + buffer->offsets[0], stride);
}

pixman_image_t *screen_buffer_image(ScreenBuffer *buffer)
{
    if (!buffer->image && !buffer->map && buffer->num_planes) {
        buffer->image = buffer_map(buffer);
    }
    return buffer->image;
}

void screen_init(Screen *screen)
{
    memset(screen, 0, sizeof(*screen));
    pixman_region32_init(&screen->damage);
    g_queue_init(&screen->holds);
}

void screen_set_output(Screen *screen, const ScreenOutputOps *ops,
                       void *output)
{
    screen->ops = ops;
    screen->output = output;
}

static void screen_forget_recent(Screen *screen)
{
    for (int i = 0; i < SCREEN_MAX_PLANES; i++) {
        g_clear_pointer(&screen->recent[i], screen_buffer_unref);
    }
}

static void hold_answer(ScreenHold *hold)
{
    g_queue_remove(&hold->screen->holds, hold);
    g_clear_handle_id(&hold->timer, g_source_remove);
    g_dbus_method_invocation_return_value(hold->invocation, NULL);
    g_free(hold);
}

void screen_finish(Screen *screen)
{
    while (!g_queue_is_empty(&screen->holds)) {
        hold_answer(g_queue_peek_head(&screen->holds));
    }
    g_clear_handle_id(&screen->late_update, g_source_remove);
    screen_forget_recent(screen);
    g_clear_pointer(&screen->buffer, screen_buffer_unref);
    g_clear_pointer(&screen->cursor.image, pixman_image_unref);
    pixman_region32_fini(&screen->damage);
}

static bool buffer_is_same(const ScreenBuffer *a, const ScreenBuffer *b)
{
    return a->inode == b->inode && a->device == b->device &&
           a->width == b->width && a->height == b->height &&
           a->bottom_up == b->bottom_up && a->num_planes == b->num_planes &&
           a->fourcc == b->fourcc && a->modifier == b->modifier &&
           !memcmp(a->offsets, b->offsets, sizeof(a->offsets)) &&
           !memcmp(a->strides, b->strides, sizeof(a->strides));
}

ScreenBuffer *screen_recent(Screen *screen, ScreenBuffer *like)
{
    ScreenBuffer **recent = screen->recent;

    /* Buffers of another mode do not come back soon. */
    if (recent[0] && (recent[0]->width != like->width ||
                      recent[0]->height != like->height)) {
        screen_forget_recent(screen);
    }
    for (int i = 0; i < SCREEN_MAX_PLANES && recent[i]; i++) {
        if (buffer_is_same(recent[i], like)) {
            return screen_buffer_ref(recent[i]);
        }
    }
    screen_buffer_unref(recent[SCREEN_MAX_PLANES - 1]);
    memmove(&recent[1], &recent[0],
            (SCREEN_MAX_PLANES - 1) * sizeof(recent[0]));
    recent[0] = screen_buffer_ref(like);
    return screen_buffer_ref(like);
}

static void screen_changed(Screen *screen)
{
    g_clear_handle_id(&screen->late_update, g_source_remove);
    if (screen->ops) {
        screen->ops->picture_changed(screen->output);
    }
}

static gboolean screen_update_is_late(gpointer opaque)
{
    Screen *screen = opaque;

    screen->late_update = 0;
    screen_changed(screen);
    return G_SOURCE_REMOVE;
}

void screen_show(Screen *screen, ScreenBuffer *buffer, ScreenRect view,
                 bool await_update)
{
    screen_buffer_unref(screen->buffer);
    screen->buffer = buffer;
    screen->view = view;
    if (!buffer) {
        screen_forget_recent(screen);
        pixman_region32_clear(&screen->damage);
        screen_changed(screen);
        return;
    }
    pixman_region32_fini(&screen->damage);
    pixman_region32_init_rect(&screen->damage, 0, 0, view.width, view.height);
    if (!await_update) {
        screen_changed(screen);
    } else if (!screen->late_update) {
        screen->late_update = g_timeout_add(20, screen_update_is_late, screen);
    }
}

void screen_damage(Screen *screen, ScreenRect rect)
{
    ScreenRect all = { 0, 0, screen->view.width, screen->view.height };

    rect = screen_rect_intersect(rect, all);
    if (!screen->buffer || !rect.width) {
        return;
    }
    pixman_region32_union_rect(&screen->damage, &screen->damage,
                               rect.x, rect.y, rect.width, rect.height);
    screen_changed(screen);
}

static gboolean hold_is_too_long(gpointer opaque)
{
    ScreenHold *hold = opaque;

    hold->timer = 0;
    hold->screen->stats.held_too_long++;
    hold_answer(hold);
    return G_SOURCE_REMOVE;
}

void screen_hold(Screen *screen, GDBusMethodInvocation *invocation)
{
    ScreenHold *hold = g_new0(ScreenHold, 1);

    hold->screen = screen;
    hold->invocation = invocation;
    hold->timer = g_timeout_add(SCREEN_HOLD_MS, hold_is_too_long, hold);
    g_queue_push_tail(&screen->holds, hold);
}

void screen_set_cursor(Screen *screen, pixman_image_t *image,
                       int hot_x, int hot_y)
{
    g_clear_pointer(&screen->cursor.image, pixman_image_unref);
    screen->cursor.image = image;
    screen->cursor.hot_x = hot_x;
    screen->cursor.hot_y = hot_y;
    screen->cursor.serial++;
    if (screen->ops) {
        screen->ops->cursor_changed(screen->output);
    }
}

void screen_move_cursor(Screen *screen, int x, int y, bool visible)
{
    ScreenCursor *cursor = &screen->cursor;

    if (cursor->x == x && cursor->y == y && cursor->visible == visible) {
        return;
    }
    cursor->x = x;
    cursor->y = y;
    cursor->visible = visible;
    if (screen->ops) {
        screen->ops->cursor_changed(screen->output);
    }
}

void screen_take(Screen *screen, unsigned serial, pixman_region32_t *damage)
{
    pixman_region32_copy(damage, &screen->damage);
    pixman_region32_clear(&screen->damage);
    for (GList *l = screen->holds.head; l; l = l->next) {
        ScreenHold *hold = l->data;

        if (!hold->taken) {
            hold->taken = true;
            hold->serial = serial;
        }
    }
}

void screen_done(Screen *screen, unsigned serial)
{
    GList *l = screen->holds.head;

    while (l) {
        ScreenHold *hold = l->data;

        l = l->next;
        if (hold->taken && (int)(serial - hold->serial) >= 0) {
            hold_answer(hold);
        }
    }
}

void screen_complete_frames(Screen *screen, GQueue *frames,
                            bool (*is_busy)(const ScreenBuffer *buffer))
{
    for (GList *l = frames->head; l; l = l->next) {
        ScreenFrame *frame = l->data;

        if (frame->complete) {
            continue;
        }
        if (!frame->shown || (frame->before && is_busy(frame->before))) {
            return;
        }
        frame->complete = true;
        screen_done(screen, frame->serial);
    }
}
