/*
 * virtio-gpu with Wayland: contexts
 *
 * Each process of the guest that uses the device has a context. It can name
 * what is attached to its own only. Those that asked for it are connections to
 * the host's compositor.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/iov.h"
#include "migration/blocker.h"
#include "system/dma.h"
#include "trace.h"
#include "cross-domain-channel.h"
#include "cross-domain-context.h"
#include "cross-domain-protocol.h"
#include "virtio-gpu-wayland.h"

/*
 * A connection holds a place in the queue for each fence that it waits for,
 * and all together must leave some of the queue's 256 for commands.
 */
#define MAX_CONTEXTS 256
#define MAX_CONNECTIONS 64
#define MAX_HELD 3

typedef struct WaylandContext {
    VirtIOGPUWayland *w;
    uint32_t id;
    GHashTable *attached;       /* a set of resources */
    CrossDomainContext *domain; /* NULL: for nothing but to be attached to */
    QTAILQ_HEAD(, virtio_gpu_ctrl_command) held;
    unsigned n_held;
} WaylandContext;

static WaylandContext *find(VirtIOGPUWayland *w, uint32_t id)
{
    return g_hash_table_lookup(w->contexts, GUINT_TO_POINTER(id));
}

static bool has(WaylandContext *context, uint32_t resource)
{
    return g_hash_table_contains(context->attached,
                                 GUINT_TO_POINTER(resource));
}

/* --- Fences ------------------------------------------------------------- */

/*
 * A command that is answered later. The device's queue is done with its own
 * one, and frees it, so this is a copy, with the lists that it points to.
 */
static struct virtio_gpu_ctrl_command *
command_copy(const struct virtio_gpu_ctrl_command *cmd)
{
    struct virtio_gpu_ctrl_command *copy = g_memdup2(cmd, sizeof(*cmd));
    const VirtQueueElement *from = &cmd->elem;
    VirtQueueElement *to = &copy->elem;

    to->in_addr = g_memdup2(from->in_addr,
                            from->in_num * sizeof(*from->in_addr));
    to->out_addr = g_memdup2(from->out_addr,
                             from->out_num * sizeof(*from->out_addr));
    to->in_sg = g_memdup2(from->in_sg, from->in_num * sizeof(*from->in_sg));
    to->out_sg = g_memdup2(from->out_sg,
                           from->out_num * sizeof(*from->out_sg));
    return copy;
}

static void command_free(struct virtio_gpu_ctrl_command *cmd)
{
    g_free(cmd->elem.in_addr);
    g_free(cmd->elem.out_addr);
    g_free(cmd->elem.in_sg);
    g_free(cmd->elem.out_sg);
    g_free(cmd);
}

static struct virtio_gpu_ctrl_command *pop_answer(VirtIOGPUWayland *w)
{
    struct virtio_gpu_ctrl_command *cmd = QTAILQ_FIRST(&w->answers);

    if (cmd) {
        QTAILQ_REMOVE(&w->answers, cmd, next);
    }
    return cmd;
}

/*
 * An answer goes where the guest says, which may be a register of any device,
 * and may reset this one. So it waits until nothing of ours is under way.
 */
static void answer_held(WaylandContext *context)
{
    struct virtio_gpu_ctrl_command *cmd, *next;

    QTAILQ_FOREACH_SAFE(cmd, &context->held, next, next) {
        QTAILQ_REMOVE(&context->held, cmd, next);
        QTAILQ_INSERT_TAIL(&context->w->answers, cmd, next);
    }
    context->n_held = 0;
    qemu_bh_schedule(context->w->answer_bh);
}

void wayland_contexts_answer(void *opaque)
{
    VirtIOGPUWayland *w = opaque;
    struct virtio_gpu_ctrl_command *cmd;

    while ((cmd = pop_answer(w))) {
        struct virtio_gpu_ctrl_hdr resp = {
            .type = VIRTIO_GPU_RESP_OK_NODATA,
            .flags = VIRTIO_GPU_FLAG_INFO_RING_IDX,
            .ring_idx = cmd->cmd_hdr.ring_idx,
        };

        trace_virtio_gpu_wayland_event(cmd->cmd_hdr.ctx_id,
                                       cmd->cmd_hdr.fence_id);
        virtio_gpu_ctrl_response(VIRTIO_GPU(w), cmd, &resp, sizeof(resp));
        command_free(cmd);
    }
    wayland_unblock_migration(w);
}

static void drop_answers(VirtIOGPUWayland *w)
{
    struct virtio_gpu_ctrl_command *cmd;

    while ((cmd = pop_answer(w))) {
        virtqueue_detach_element(cmd->vq, &cmd->elem, 0);
        command_free(cmd);
    }
}

bool wayland_context_hold(VirtIOGPUWayland *w,
                          struct virtio_gpu_ctrl_command *cmd)
{
    const uint32_t flags = VIRTIO_GPU_FLAG_FENCE |
                           VIRTIO_GPU_FLAG_INFO_RING_IDX;
    WaylandContext *context = find(w, cmd->cmd_hdr.ctx_id);
    struct virtio_gpu_ctrl_command *held;

    if ((cmd->cmd_hdr.flags & flags) != flags ||
        cmd->cmd_hdr.ring_idx != CROSS_DOMAIN_CHANNEL_RING ||
        !context || !context->domain) {
        return false;
    }
    if (context->n_held == MAX_HELD) {
        cross_domain_context_end(context->domain,
                                 "it polls before it has been answered");
        return false;
    }
    held = command_copy(cmd);
    QTAILQ_INSERT_TAIL(&context->held, held, next);
    context->n_held++;
    cmd->finished = true;
    cross_domain_context_poll(context->domain);
    return true;
}

/* --- What a connection needs -------------------------------------------- */

static int context_connect(void *opaque, Error **errp)
{
    WaylandContext *context = opaque;

    return cross_domain_connect(context->w->path, errp);
}

/* Memory of the guest's own that it gave for a blob, or NULL. */
static struct virtio_gpu_simple_resource *
find_guest_blob(WaylandContext *context, uint32_t resource)
{
    struct virtio_gpu_simple_resource *res =
        has(context, resource) ?
        virtio_gpu_find_resource(VIRTIO_GPU(context->w), resource) : NULL;

    return res && !res->image && res->iov && res->addrs ? res : NULL;
}

static size_t context_ring_size(void *opaque, uint32_t resource)
{
    struct virtio_gpu_simple_resource *res = find_guest_blob(opaque, resource);

    return res ? MIN(res->blob_size, iov_size(res->iov, res->iov_cnt)) : 0;
}

/*
 * By the guest's addresses, not by where they are mapped: that was for reading,
 * and may be memory that the guest must not write. No register of a device is
 * written: it could reset this one, with the connection that writes.
 */
static bool context_write_ring(void *opaque, uint32_t resource,
                               const void *buf, size_t len)
{
    WaylandContext *context = opaque;
    AddressSpace *as = VIRTIO_DEVICE(context->w)->dma_as;
    const MemTxAttrs ram_only = { .memory = 1 };
    struct virtio_gpu_simple_resource *res = find_guest_blob(opaque, resource);

    if (context_ring_size(opaque, resource) < len) {
        return false;
    }
    for (unsigned i = 0; len; i++) {
        size_t step = MIN(len, res->iov[i].iov_len);

        if (dma_memory_write(as, res->addrs[i], buf, step, ram_only) !=
            MEMTX_OK) {
            return false;
        }
        buf = (const uint8_t *)buf + step;
        len -= step;
    }
    return true;
}

static int context_resource_fd(void *opaque, uint32_t resource)
{
    WaylandContext *context = opaque;
    WaylandBlob *blob = g_hash_table_lookup(context->w->blobs,
                                            GUINT_TO_POINTER(resource));
    struct virtio_gpu_simple_resource *res;

    if (blob) {
        return has(context, resource) ? wayland_blob_dup(blob) : -1;
    }
    /* All of a guest's memory is one file: only a dma-buf is a part of it. */
    res = find_guest_blob(context, resource);
    return res && res->remapped && context->w->udmabuf >= 0 ?
        qemu_dup(res->dmabuf_fd) : -1;
}

static void context_event(void *opaque)
{
    answer_held(opaque);
}

static void context_ended(void *opaque, const char *why)
{
    WaylandContext *context = opaque;

    trace_virtio_gpu_wayland_ended(context->id, why);
    if (!context->w->warned) {
        context->w->warned = true;
        warn_report("%s: a connection of the guest's has been ended: %s "
                    "(there may be more, which are not reported)",
                    object_get_typename(OBJECT(context->w)), why);
    }
}

static const CrossDomainOps context_ops = {
    .connect = context_connect,
    .ring_size = context_ring_size,
    .write_ring = context_write_ring,
    .resource_fd = context_resource_fd,
    .event = context_event,
    .ended = context_ended,
};

/* --- Contexts ----------------------------------------------------------- */

static bool block_migration(VirtIOGPUWayland *w)
{
    Error *err = NULL;

    if (w->blocker) {
        return true;
    }
    error_setg(&w->blocker, "%s: the guest is connected to the host's Wayland "
               "compositor", object_get_typename(OBJECT(w)));
    if (migrate_add_blocker(&w->blocker, &err) < 0) {
        if (!w->warned) {
            w->warned = true;
            warn_report_err(err);
        } else {
            error_free(err);
        }
        return false;
    }
    return true;
}

void wayland_unblock_migration(VirtIOGPUWayland *w)
{
    if (!w->connections && !g_hash_table_size(w->blobs) &&
        QTAILQ_EMPTY(&w->answers)) {
        migrate_del_blocker(&w->blocker);
    }
}

uint32_t wayland_context_create(VirtIOGPUWayland *w, uint32_t id,
                                uint32_t context_init)
{
    uint32_t capset = context_init & VIRTIO_GPU_CONTEXT_INIT_CAPSET_ID_MASK;
    WaylandContext *context;

    trace_virtio_gpu_wayland_context(id, capset);
    if (!id || find(w, id)) {
        return VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
    }
    if (capset && capset != CROSS_DOMAIN_CAPSET) {
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    }
    if (g_hash_table_size(w->contexts) >= MAX_CONTEXTS) {
        return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    }
    if (capset && (w->connections >= MAX_CONNECTIONS || !block_migration(w))) {
        return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    }
    context = g_new0(WaylandContext, 1);
    context->w = w;
    context->id = id;
    context->attached = g_hash_table_new(NULL, NULL);
    QTAILQ_INIT(&context->held);
    if (capset) {
        context->domain = cross_domain_context_new(&context_ops, context);
        cross_domain_context_run(context->domain,
                                 VIRTIO_DEVICE(w)->vm_running);
        w->connections++;
    }
    g_hash_table_insert(w->contexts, GUINT_TO_POINTER(id), context);
    return 0;
}

static void context_free(WaylandContext *context)
{
    VirtIOGPUWayland *w = context->w;

    g_hash_table_remove(w->contexts, GUINT_TO_POINTER(context->id));
    if (context->domain) {
        cross_domain_context_free(context->domain);
        w->connections--;
    }
    g_hash_table_unref(context->attached);
    g_free(context);
    wayland_unblock_migration(w);
}

uint32_t wayland_context_destroy(VirtIOGPUWayland *w, uint32_t id)
{
    WaylandContext *context = find(w, id);

    if (!context) {
        return VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
    }
    answer_held(context);
    context_free(context);
    return 0;
}

uint32_t wayland_context_attach(VirtIOGPUWayland *w, uint32_t id,
                                uint32_t resource)
{
    WaylandContext *context = find(w, id);

    if (!context) {
        return VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
    }
    if (!virtio_gpu_find_resource(VIRTIO_GPU(w), resource)) {
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    }
    g_hash_table_add(context->attached, GUINT_TO_POINTER(resource));
    return 0;
}

uint32_t wayland_context_detach(VirtIOGPUWayland *w, uint32_t id,
                                uint32_t resource)
{
    WaylandContext *context = find(w, id);

    if (!context) {
        return VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
    }
    g_hash_table_remove(context->attached, GUINT_TO_POINTER(resource));
    return 0;
}

uint32_t wayland_context_submit(VirtIOGPUWayland *w, uint32_t id,
                                const uint8_t *buf, size_t len)
{
    WaylandContext *context = find(w, id);

    if (!context || !context->domain) {
        return VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
    }
    return cross_domain_context_submit(context->domain, buf, len) ? 0 :
        VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
}

bool wayland_context_is_connection(VirtIOGPUWayland *w, uint32_t id)
{
    WaylandContext *context = find(w, id);

    return context && context->domain;
}

int wayland_context_take(VirtIOGPUWayland *w, uint32_t id, uint64_t blob_id,
                         uint64_t *size)
{
    return cross_domain_context_take(find(w, id)->domain, blob_id, size);
}

/* --- All of them -------------------------------------------------------- */

void wayland_contexts_forget(VirtIOGPUWayland *w, uint32_t resource)
{
    GHashTableIter iter;
    void *context;

    g_hash_table_iter_init(&iter, w->contexts);
    while (g_hash_table_iter_next(&iter, NULL, &context)) {
        g_hash_table_remove(((WaylandContext *)context)->attached,
                            GUINT_TO_POINTER(resource));
    }
}

void wayland_contexts_run(VirtIOGPUWayland *w, bool running)
{
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init(&iter, w->contexts);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        WaylandContext *context = value;

        if (context->domain) {
            cross_domain_context_run(context->domain, running);
        }
    }
}

void wayland_contexts_reset(VirtIOGPUWayland *w)
{
    g_autoptr(GList) contexts = g_hash_table_get_values(w->contexts);

    for (GList *entry = contexts; entry; entry = entry->next) {
        answer_held(entry->data);
        context_free(entry->data);
    }
    drop_answers(w);
    wayland_unblock_migration(w);
}
