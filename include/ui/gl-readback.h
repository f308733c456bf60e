/*
 * Reading dma-bufs back with OpenGL, without waiting for it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_GL_READBACK_H
#define UI_GL_READBACK_H

#include "ui/dmabuf.h"
#include "ui/pixel-format.h"

/**
 * DOC: GL readback
 *
 * Some dma-bufs cannot be mapped, or what the CPU would find there is tiled.
 * OpenGL reads those: it imports the buffer and copies a frame of it to memory
 * that QEMU owns. That takes a while, and a driver may wait for the device
 * where it pleases, so all of it happens in a thread of its own with a context
 * of its own. No other user of OpenGL in the process is disturbed, and the
 * main loop never waits.
 *
 * The pixels themselves may be copied by the thread, too: a big copy in the
 * main loop would keep that from other things. Whoever looks at the copy does
 * so with the BQL, and so does the thread while it copies: frames are whole.
 *
 * A request takes one of %GL_READBACK_SLOTS slots until its pixels were shown.
 * With all of them taken there is no new request: frames are dropped, not
 * queued. Results come in the order of the requests, in the main loop.
 *
 * A GPU or its driver may hang, and the thread with it. A request that takes
 * too long gets a result that says so, and its pixels are not shown if they
 * come later. Until then there is no new request: what was asked of a GPU that
 * hangs would hang as well.
 *
 * OpenGL may fail as a whole, as a reset of the GPU makes it. It is closed and,
 * after a pause that grows from failure to failure, opened again. While that is
 * expected to help, results say so and there is no new request, as if it hung.
 */
typedef struct GLReadback GLReadback;

/**
 * typedef GLReadbackBuffer:
 *
 * A dma-buf as the readback has it: with an fd of its own, and imported when
 * it is first read.
 */
typedef struct GLReadbackBuffer GLReadbackBuffer;

/* Two on their way, and one whose pixels are being shown. */
#define GL_READBACK_SLOTS 3

/* A request is given up after so many ticks of the main loop. */
#define GL_READBACK_TIMEOUT_TICKS 6

/* So many rectangles of a frame can be read at once. */
#define GL_READBACK_MAX_BOXES 16

/**
 * enum GLReadbackWhat:
 * @GL_READBACK_WHOLE: the whole frame
 * @GL_READBACK_BOXES: rectangles
 * @GL_READBACK_CHANGES: asked for: the whole frame is read, and compared with
 *                       the last one, in the thread. The result names what
 *                       differs from that of the last request, as rectangles,
 *                       or is of the whole frame.
 */
typedef enum GLReadbackWhat {
    GL_READBACK_WHOLE,
    GL_READBACK_BOXES,
    GL_READBACK_CHANGES,
} GLReadbackWhat;

/**
 * struct GLReadbackArea:
 * @what: kind of area
 * @n: with %GL_READBACK_BOXES, how many; at least 1 in a request
 * @box: in the frame's pixels, none empty or reaching past it
 */
typedef struct GLReadbackArea {
    GLReadbackWhat what;
    unsigned n;
    pixman_box32_t box[GL_READBACK_MAX_BOXES];
} GLReadbackArea;

/**
 * struct GLReadbackResult:
 * @number: of the request; the results of earlier ones came before
 * @buffer: what was read; NULL if it was freed in the meantime, and then
 *          there is nothing else
 * @dmabuf: what that is of
 * @pixels: the frame, in a format that the CPU can read; the top row comes
 *          first, unless the buffer has it last (qemu_dmabuf_get_y0_top()).
 *          NULL if reading failed
 * @area: what of it was read or differs; the rest may be anything
 * @copied: what GLReadbackCopy returned
 * @error: why it failed, or NULL
 * @timed_out: the request was given up
 * @passing: OpenGL has failed and will be opened again; what it read before is
 *           the best there is. A result with @number 0 comes when it can be
 *           asked again.
 *
 * Borrowed for the call.
 */
typedef struct GLReadbackResult {
    uint64_t number;
    GLReadbackBuffer *buffer;
    QemuDmaBuf *dmabuf;
    const UIPixels *pixels;
    const GLReadbackArea *area;
    bool copied;
    const Error *error;
    bool timed_out;
    bool passing;
} GLReadbackResult;

/* Called in the main loop. */
typedef void GLReadbackDone(void *opaque, const GLReadbackResult *result);

/*
 * Called in the readback's thread with the BQL, for a frame that was read;
 * @result has pixels. Returns: true if those are where they belong. If not, or
 * if the BQL cannot be had soon, that is left to who is told of the result, and
 * the next result of changes is of a whole frame.
 */
typedef bool GLReadbackCopy(void *opaque, const GLReadbackResult *result);

/**
 * struct GLReadbackOps:
 *
 * What does the reading. All of it is called in the readback's thread, with
 * @gl as @open returned it.
 *
 * @tick_ms: time between two ticks of the main loop
 * @open: a context, current in this thread from now on; NULL with @errp set if
 *        there is none
 * @close: its end; images were released and slots unmapped before
 * @import: makes an image of the buffer; NULL with @errp set if it cannot
 * @release: frees what @import made
 * @begin: starts to copy @area of @image to the memory of @slot; the whole
 *         frame unless that is of boxes
 * @wait: waits for that for up to @ms milliseconds; false: not yet
 * @map: where the copy of the whole frame is, whether all of it was read or
 *       not, and its format; valid until @unmap
 * @unmap: (what @begin, @wait and @map of @slot made is not needed any more)
 * @is_lost: asked after @import, @begin or @map has failed: was it OpenGL, of
 *           which nothing more is to be expected, and not what it was asked
 *           for? Then images are released, slots unmapped and @gl is closed.
 */
typedef struct GLReadbackOps {
    unsigned tick_ms;
    void *(*open)(const char *render_node, Error **errp);
    void (*close)(void *gl);
    void *(*import)(void *gl, QemuDmaBuf *dmabuf, Error **errp);
    void (*release)(void *gl, void *image);
    bool (*begin)(void *gl, void *image, unsigned slot,
                  const GLReadbackArea *area, Error **errp);
    bool (*wait)(void *gl, unsigned slot, int ms);
    bool (*map)(void *gl, unsigned slot, UIPixels *pixels,
                Error **errp);
    void (*unmap)(void *gl, unsigned slot);
    bool (*is_lost)(void *gl);
} GLReadbackOps;

/**
 * gl_readback_find_ops:
 * @errp: error
 *
 * Returns: what reads with EGL, or NULL if QEMU was built without OpenGL or
 * its module for it is not installed.
 */
const GLReadbackOps *gl_readback_find_ops(Error **errp);

/**
 * gl_readback_register:
 * @ops: what gl_readback_find_ops() will find
 */
void gl_readback_register(const GLReadbackOps *ops);

/**
 * gl_readback_new:
 * @ops: what does the reading
 * @render_node: (optional) DRM render node of the GPU that can read best,
 *               copied; others are tried if it is of no use
 * @done: gets the results
 * @opaque: for @done
 *
 * Nothing is opened until something is to be read; if that fails, each result
 * says so, and one after the pause tries again.
 *
 * Returns: a readback, to be freed with gl_readback_free().
 */
GLReadback *gl_readback_new(const GLReadbackOps *ops, const char *render_node,
                            GLReadbackDone *done, void *opaque);

/**
 * gl_readback_set_copy:
 * @rb: a readback that was not asked for anything yet
 * @copy: copies what was read; gets the same pointer as what gets the results
 */
void gl_readback_set_copy(GLReadback *rb, GLReadbackCopy *copy);

/**
 * gl_readback_free:
 * @rb: a readback without buffers, or NULL
 *
 * No results come any more. The thread ends by itself. May be called from the
 * callback, as gl_readback_buffer_free() may.
 */
void gl_readback_free(GLReadback *rb);

/**
 * gl_readback_buffer_new:
 * @rb: a readback
 * @dmabuf: only used in the call; its fd is duplicated
 * @errp: error
 *
 * Returns: the buffer, to be freed with gl_readback_buffer_free(); or NULL.
 */
GLReadbackBuffer *gl_readback_buffer_new(GLReadback *rb, QemuDmaBuf *dmabuf,
                                         Error **errp);

/**
 * gl_readback_buffer_free:
 * @buffer: a buffer, or NULL
 *
 * Pixels of this buffer are not shown any more; requests still get results.
 * The fd and the import go soon, see gl_readback_is_closing().
 */
void gl_readback_buffer_free(GLReadbackBuffer *buffer);

/**
 * gl_readback_is_closing:
 * @rb: a readback
 *
 * Returns: true while freed buffers are still open in the thread, unless that
 * hangs. When there are none any more, a result with @number 0 comes.
 */
bool gl_readback_is_closing(GLReadback *rb);

/**
 * gl_readback_is_hung:
 * @rb: a readback
 *
 * Returns: true while the thread does not come back from what took too long, or
 * OpenGL has failed and will be opened again. When that is over, a result with
 * @number 0 comes.
 */
bool gl_readback_is_hung(GLReadback *rb);

/**
 * gl_readback_submit:
 * @buffer: what is to be read
 * @area: (optional) what of it, copied; NULL for all
 *
 * Returns: the request's number, more than any before; 0 if every slot is
 * taken, and then a result comes before long, after which there is room; or if
 * gl_readback_is_hung().
 */
uint64_t gl_readback_submit(GLReadbackBuffer *buffer,
                            const GLReadbackArea *area);

/**
 * gl_readback_next:
 * @rb: a readback
 *
 * Returns: the number that the next request gets, at least 1.
 */
uint64_t gl_readback_next(const GLReadback *rb);

#endif /* UI_GL_READBACK_H */
