/*
 * A guest's screen as a window of a Wayland compositor
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VGPU_SCREEN_WAYLAND_H
#define VGPU_SCREEN_WAYLAND_H

#include "input.h"

typedef struct WaylandOutput WaylandOutput;

/**
 * wayland_output_new:
 * @screen: what is shown; outlives the output, as the others do
 * @client: gets the window's size as a wish
 * @input: gets the window's input
 * @fullscreen: whether the window covers a monitor
 * @closed: called once, from the main loop, when the window is closed, with
 * NULL, or when the compositor has left, with why
 * @opaque: its argument
 * @errp: why there is no window, and what to do
 *
 * Returns: the output, or NULL
 */
WaylandOutput *wayland_output_new(Screen *screen, DBusClient *client,
                                  ScreenInput *input, bool fullscreen,
                                  void (*closed)(void *opaque,
                                                 const char *why),
                                  void *opaque, Error **errp);
void wayland_output_free(WaylandOutput *out);

#endif /* VGPU_SCREEN_WAYLAND_H */
