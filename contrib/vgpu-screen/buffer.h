/*
 * Memory that a picture lies in: a dma-buf, or pixels
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VGPU_SCREEN_BUFFER_H
#define VGPU_SCREEN_BUFFER_H

#include <pixman.h>
#include <sys/types.h>

#define BUFFER_MAX_PLANES 4

/* Counted: an output may still read from it after the guest shows another. */
typedef struct ScreenBuffer {
    unsigned refs;
    int width;
    int height;
    bool bottom_up;             /* its first row is the picture's last */
    bool straight_alpha;        /* colours are not multiplied by alpha */

    unsigned num_planes;        /* 0: pixels */
    uint32_t fourcc;
    uint64_t modifier;
    int fds[BUFFER_MAX_PLANES];
    uint32_t offsets[BUFFER_MAX_PLANES];
    uint32_t strides[BUFFER_MAX_PLANES];
    dev_t device;               /* with the inode: which dma-buf it is */
    ino_t inode;

    pixman_image_t *image;      /* pixels; of a dma-buf, once mapped */
    pixman_image_t *alpha;      /* those of straight alpha, or NULL */
    void *map;
    size_t map_size;
    int guard;                  /* the map's, or -1 */

    void *import;               /* the output's, which frees it */
    void (*import_free)(void *import);
} ScreenBuffer;

/**
 * screen_buffer_new:
 *
 * Returns: one reference to a buffer without any memory, for the caller to
 * fill. Its descriptors are closed with the last reference.
 */
ScreenBuffer *screen_buffer_new(void);
ScreenBuffer *screen_buffer_ref(ScreenBuffer *buffer);
void screen_buffer_unref(ScreenBuffer *buffer);

/* Whether both are the same dma-buf of the same layout. */
bool screen_buffer_is_same(const ScreenBuffer *a, const ScreenBuffer *b);

/**
 * screen_buffer_set_map:
 * @buffer: without memory
 * @map: what mmap() returned; becomes the buffer's
 * @size: of the mapping
 *
 * The memory may vanish (screen_buffer_is_lost()).
 *
 * Returns: false, with errno set and nothing mapped, if there are too many.
 */
bool screen_buffer_set_map(ScreenBuffer *buffer, void *map, size_t size);

/**
 * screen_buffer_image:
 * @buffer: a dma-buf or pixels
 *
 * Maps a dma-buf on its first call.
 *
 * Returns: the buffer's memory as an image, which the buffer owns, or NULL with
 * errno set if the CPU cannot read it.
 */
pixman_image_t *screen_buffer_image(ScreenBuffer *buffer);

/* Returns: the format without alpha, for what has nothing below it */
uint32_t screen_opaque_format(uint32_t fourcc);

/* Whether it lets what is below it through. */
bool screen_buffer_has_alpha(const ScreenBuffer *buffer);

/*
 * Whether its memory has gone while it was read: what was read is no picture.
 * A device that is unplugged takes its memory along.
 */
bool screen_buffer_is_lost(const ScreenBuffer *buffer);

#endif /* VGPU_SCREEN_BUFFER_H */
