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
#include "screen.h"

struct ScreenHold {
    Screen *screen;
    GDBusMethodInvocation *invocation;
    guint timer;
    bool taken;
    unsigned serial;            /* of the frame that shows it, once taken */
};

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
    for (int i = 0; i < ARRAY_SIZE(screen->recent); i++) {
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

static void plane_set(ScreenPlane *plane, ScreenPlane to)
{
    if (to.buffer) {
        screen_buffer_ref(to.buffer);
    }
    screen_buffer_unref(plane->buffer);
    *plane = to;
}

static void screen_drop_planes(Screen *screen)
{
    for (int i = 0; i < SCREEN_PLANES; i++) {
        plane_set(&screen->planes[i], (ScreenPlane) { });
    }
    screen->has_plane_cursor = false;
}

void screen_finish(Screen *screen)
{
    while (!g_queue_is_empty(&screen->holds)) {
        hold_answer(g_queue_peek_head(&screen->holds));
    }
    g_clear_handle_id(&screen->late_update, g_source_remove);
    screen_forget_recent(screen);
    screen_drop_planes(screen);
    plane_set(&screen->cursor.plane, (ScreenPlane) { });
    pixman_region32_fini(&screen->damage);
}

ScreenBuffer *screen_recent(Screen *screen, ScreenBuffer *like)
{
    ScreenBuffer **recent = screen->recent;
    unsigned last = ARRAY_SIZE(screen->recent) - 1;

    for (unsigned i = 0; i <= last && recent[i]; i++) {
        if (screen_buffer_is_same(recent[i], like)) {
            screen_buffer_unref(like);
            like = screen_buffer_ref(recent[i]);
            last = i;
        }
    }
    /* The one that was shown last comes first. */
    screen_buffer_unref(recent[last]);
    memmove(&recent[1], &recent[0], last * sizeof(recent[0]));
    recent[0] = screen_buffer_ref(like);
    return like;
}

static void screen_changed(Screen *screen)
{
    screen->changed = true;
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

/* The cursor as QEMU defines it, where there is none among the planes. */
static void screen_place_cursor(Screen *screen)
{
    const ScreenCursor *cursor = &screen->cursor;

    if (screen->has_plane_cursor) {
        return;
    }
    plane_set(&screen->planes[SCREEN_CURSOR],
              cursor->visible && screen->planes[SCREEN_PICTURE].buffer
              ? cursor->plane : (ScreenPlane) { });
    screen->hot_x = cursor->hot_x;
    screen->hot_y = cursor->hot_y;
}

void screen_show(Screen *screen, ScreenBuffer *buffer, ScreenRect view,
                 bool await_update)
{
    ScreenPlane *picture = &screen->planes[SCREEN_PICTURE];

    /* Buffers of another mode do not come back soon. */
    if (!buffer || view.width != picture->view.width ||
        view.height != picture->view.height) {
        screen_forget_recent(screen);
        if (buffer && buffer->num_planes) {
            screen->recent[0] = screen_buffer_ref(buffer);
        }
    }
    if (!await_update) {
        screen_drop_planes(screen);
    }
    screen_buffer_unref(picture->buffer);
    *picture = (ScreenPlane) {
        buffer, view, { 0, 0, view.width, view.height },
    };
    screen_place_cursor(screen);
    pixman_region32_fini(&screen->damage);
    pixman_region32_init_rect(&screen->damage, 0, 0, view.width, view.height);
    if (!await_update) {
        screen_changed(screen);
    } else if (!screen->late_update) {
        screen->late_update = g_timeout_add(20, screen_update_is_late, screen);
    }
}

void screen_set_planes(Screen *screen, const ScreenPlane *planes,
                       int hot_x, int hot_y)
{
    screen->has_plane_cursor = planes[SCREEN_CURSOR].buffer;
    for (int i = SCREEN_OVERLAY; i < SCREEN_PLANES; i++) {
        screen_buffer_unref(screen->planes[i].buffer);
        screen->planes[i] = planes[i];
    }
    screen->hot_x = hot_x;
    screen->hot_y = hot_y;
    screen_place_cursor(screen);
}

bool screen_can_show(Screen *screen, ScreenBuffer *buffer)
{
    return (screen->ops && screen->ops->takes(screen->output, buffer)) ||
           screen_buffer_image(buffer);
}

bool screen_has(const Screen *screen, ScreenRect rect)
{
    const ScreenPlane *picture = &screen->planes[SCREEN_PICTURE];

    return picture->buffer &&
           ((!rect.width && !rect.height) ||
            screen_rect_intersect(rect, picture->place).width);
}

void screen_damage(Screen *screen, ScreenRect rect)
{
    const ScreenPlane *picture = &screen->planes[SCREEN_PICTURE];

    if (screen_has(screen, rect)) {
        rect = screen_rect_intersect(rect, picture->place);
        pixman_region32_union_rect(&screen->damage, &screen->damage,
                                   rect.x, rect.y, rect.width, rect.height);
        screen_changed(screen);
    }
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

static void screen_cursor_changed(Screen *screen)
{
    screen_place_cursor(screen);
    if (screen->ops && !screen->has_plane_cursor) {
        screen->ops->cursor_changed(screen->output);
    }
}

void screen_set_cursor(Screen *screen, ScreenBuffer *buffer,
                       int hot_x, int hot_y)
{
    ScreenPlane *plane = &screen->cursor.plane;

    screen_buffer_unref(plane->buffer);
    plane->buffer = buffer;
    plane->view = (ScreenRect) { 0, 0, buffer->width, buffer->height };
    plane->place.width = buffer->width;
    plane->place.height = buffer->height;
    screen->cursor.hot_x = hot_x;
    screen->cursor.hot_y = hot_y;
    screen_cursor_changed(screen);
}

void screen_move_cursor(Screen *screen, int x, int y, bool visible)
{
    ScreenCursor *cursor = &screen->cursor;

    if (cursor->plane.place.x == x && cursor->plane.place.y == y &&
        cursor->visible == visible) {
        return;
    }
    cursor->plane.place.x = x;
    cursor->plane.place.y = y;
    cursor->visible = visible;
    screen_cursor_changed(screen);
}

void screen_take(Screen *screen, unsigned serial, pixman_region32_t *damage)
{
    pixman_region32_copy(damage, &screen->damage);
    pixman_region32_clear(&screen->damage);
    screen->changed = false;
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

static bool frame_waits(const ScreenFrame *frame,
                        bool (*is_busy)(const ScreenBuffer *buffer))
{
    for (int i = 0; i < SCREEN_PLANES; i++) {
        if (frame->before[i] && is_busy(frame->before[i])) {
            return true;
        }
    }
    return !frame->shown;
}

void screen_complete_frames(Screen *screen, GQueue *frames,
                            bool (*is_busy)(const ScreenBuffer *buffer))
{
    for (GList *l = frames->head; l; l = l->next) {
        ScreenFrame *frame = l->data;

        if (frame->complete) {
            continue;
        }
        if (frame_waits(frame, is_busy)) {
            return;
        }
        frame->complete = true;
        screen_done(screen, frame->serial);
    }
}
