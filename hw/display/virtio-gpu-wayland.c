/*
 * virtio-gpu with Wayland
 *
 * A virtio-gpu whose guest's programs can show their windows on the host's
 * compositor, by the cross-domain context that crosvm has, too. What the guest
 * draws on its screens is as without that.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/iov.h"
#include "qemu/units.h"
#include "hw/qdev-properties.h"
#include "hw/virtio/virtio-gpu-bswap.h"
#include "migration/blocker.h"
#include "system/runstate.h"
#include "trace.h"
#include "cross-domain-memory.h"
#include "cross-domain-protocol.h"
#include "virtio-gpu-wayland.h"

#define MAX_SUBMIT (256 * KiB)
#define MAX_BLOBS 1024

static VirtIOGPUClass *parent_gpu_class(void)
{
    return VIRTIO_GPU_CLASS(object_class_by_name(TYPE_VIRTIO_GPU));
}

static WaylandBlob *find_blob(VirtIOGPUWayland *w, uint32_t id)
{
    return g_hash_table_lookup(w->blobs, GUINT_TO_POINTER(id));
}

/* The command with its header, as the guest has written it. */
static bool read_command(struct virtio_gpu_ctrl_command *cmd, void *out,
                         size_t size)
{
    if (iov_to_buf(cmd->elem.out_sg, cmd->elem.out_num, 0, out,
                   size) != size) {
        cmd->error = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
        return false;
    }
    return true;
}

/* --- Capabilities ------------------------------------------------------- */

static void get_capset_info(VirtIOGPUWayland *w,
                            struct virtio_gpu_ctrl_command *cmd)
{
    struct virtio_gpu_resp_capset_info resp = {
        .hdr.type = VIRTIO_GPU_RESP_OK_CAPSET_INFO,
    };
    struct virtio_gpu_get_capset_info info;
    VirtIOGPU *g = VIRTIO_GPU(w);

    if (!read_command(cmd, &info, sizeof(info))) {
        return;
    }
    if (!info.capset_index) {
        resp.capset_id = cpu_to_le32(CROSS_DOMAIN_CAPSET);
        resp.capset_max_size = cpu_to_le32(CROSS_DOMAIN_CAPS_SIZE);
    }
    virtio_gpu_ctrl_response(g, cmd, &resp.hdr, sizeof(resp));
}

static void get_capset(VirtIOGPUWayland *w,
                       struct virtio_gpu_ctrl_command *cmd)
{
    struct {
        struct virtio_gpu_resp_capset hdr;
        uint8_t caps[CROSS_DOMAIN_CAPS_SIZE];
    } resp = {
        .hdr.hdr.type = VIRTIO_GPU_RESP_OK_CAPSET,
    };
    struct virtio_gpu_get_capset get;
    VirtIOGPU *g = VIRTIO_GPU(w);

    if (!read_command(cmd, &get, sizeof(get))) {
        return;
    }
    if (le32_to_cpu(get.capset_id) != CROSS_DOMAIN_CAPSET) {
        cmd->error = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
        return;
    }
    cross_domain_put_caps(resp.caps, w->udmabuf >= 0);
    virtio_gpu_ctrl_response(g, cmd, &resp.hdr.hdr, sizeof(resp));
}

/* --- Contexts ----------------------------------------------------------- */

static void ctx_create(VirtIOGPUWayland *w,
                       struct virtio_gpu_ctrl_command *cmd)
{
    struct virtio_gpu_ctx_create create;

    if (!read_command(cmd, &create, sizeof(create))) {
        return;
    }
    cmd->error = wayland_context_create(w, cmd->cmd_hdr.ctx_id,
                                        le32_to_cpu(create.context_init));
}

static void ctx_attach(VirtIOGPUWayland *w,
                       struct virtio_gpu_ctrl_command *cmd)
{
    struct virtio_gpu_ctx_resource attach;
    uint32_t resource;

    if (!read_command(cmd, &attach, sizeof(attach))) {
        return;
    }
    resource = le32_to_cpu(attach.resource_id);
    if (cmd->cmd_hdr.type == VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE) {
        cmd->error = wayland_context_attach(w, cmd->cmd_hdr.ctx_id, resource);
    } else {
        cmd->error = wayland_context_detach(w, cmd->cmd_hdr.ctx_id, resource);
    }
}

static void submit_3d(VirtIOGPUWayland *w,
                      struct virtio_gpu_ctrl_command *cmd)
{
    g_autofree uint8_t *buf = NULL;
    struct virtio_gpu_cmd_submit submit;
    uint32_t size;

    if (!read_command(cmd, &submit, sizeof(submit))) {
        return;
    }
    size = le32_to_cpu(submit.size);
    if (size > MAX_SUBMIT) {
        cmd->error = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
        return;
    }
    buf = g_malloc(size);
    if (iov_to_buf(cmd->elem.out_sg, cmd->elem.out_num, sizeof(submit), buf,
                   size) != size) {
        cmd->error = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
        return;
    }
    cmd->error = wayland_context_submit(w, cmd->cmd_hdr.ctx_id, buf, size);
}

/* --- Memory of the host's ----------------------------------------------- */

/*
 * What the guest allocates has a number that says its size, and what the
 * compositor has sent one that its context was told.
 */
static int blob_memory(VirtIOGPUWayland *w, uint32_t context, uint64_t blob_id,
                       uint64_t size)
{
    uint64_t found = cross_domain_blob_size(blob_id);
    int memfd;

    if (found) {
        return found == size ? cross_domain_memory_new(size, NULL) : -1;
    }
    memfd = wayland_context_take(w, context, blob_id, &found);
    if (memfd >= 0 && size > ROUND_UP(found, CROSS_DOMAIN_COPY_ALIGN)) {
        close(memfd);
        return -1;
    }
    return memfd;
}

static uint32_t create_blob(VirtIOGPUWayland *w, uint32_t context,
                            const struct virtio_gpu_resource_create_blob *c)
{
    uint64_t size = ROUND_UP(c->size, 4 * KiB);
    struct virtio_gpu_simple_resource *res;
    VirtIOGPU *g = VIRTIO_GPU(w);
    WaylandBlob *blob;
    int memfd;

    if (!wayland_context_is_connection(w, context)) {
        return VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
    }
    if (!c->resource_id || virtio_gpu_find_resource(g, c->resource_id)) {
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    }
    if (!c->size || c->size > g->conf_max_hostmem ||
        g->hostmem + size > g->conf_max_hostmem ||
        g_hash_table_size(w->blobs) >= MAX_BLOBS) {
        return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    }
    memfd = blob_memory(w, context, c->blob_id, c->size);
    if (memfd < 0) {
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    }
    blob = wayland_blob_new(memfd, size, w->udmabuf);
    trace_virtio_gpu_wayland_blob(c->resource_id, size, blob->dmabuf >= 0);
    g_hash_table_insert(w->blobs, GUINT_TO_POINTER(c->resource_id), blob);

    /* It has a number, and nothing that the screen's commands could use. */
    res = g_new0(struct virtio_gpu_simple_resource, 1);
    res->resource_id = c->resource_id;
    res->dmabuf_fd = -1;
    res->hostmem = size;
    g->hostmem += size;
    QTAILQ_INSERT_HEAD(&g->reslist, res, next);
    return wayland_context_attach(w, context, c->resource_id);
}

/*
 * Memory of the guest's, for a ring. Where there are dma-bufs, any virtio-gpu
 * makes one of it, so that it can be shown or shared, too.
 */
static uint32_t create_guest_blob(VirtIOGPUWayland *w,
                                  struct virtio_gpu_ctrl_command *cmd,
                                  const struct virtio_gpu_resource_create_blob
                                  *c)
{
    g_autofree struct virtio_gpu_simple_resource *res =
        g_new0(struct virtio_gpu_simple_resource, 1);
    VirtIOGPU *g = VIRTIO_GPU(w);

    if (!c->resource_id || virtio_gpu_find_resource(g, c->resource_id)) {
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    }
    res->resource_id = c->resource_id;
    res->blob_size = c->size;
    res->dmabuf_fd = -1;
    if (virtio_gpu_create_mapping_iov(g, c->nr_entries, sizeof(*c), cmd,
                                      &res->addrs, &res->iov,
                                      &res->iov_cnt)) {
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    }
    if (iov_size(res->iov, res->iov_cnt) < c->size) {
        virtio_gpu_cleanup_mapping(g, res);
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    }
    QTAILQ_INSERT_HEAD(&g->reslist, res, next);
    res = NULL;
    return 0;
}

/* Returns false if the resource is as any virtio-gpu's. */
static bool resource_create_blob(VirtIOGPUWayland *w,
                                 struct virtio_gpu_ctrl_command *cmd)
{
    struct virtio_gpu_resource_create_blob create;

    if (!read_command(cmd, &create, sizeof(create))) {
        return true;
    }
    virtio_gpu_create_blob_bswap(&create);
    if (create.blob_mem == VIRTIO_GPU_BLOB_MEM_HOST3D) {
        cmd->error = create_blob(w, cmd->cmd_hdr.ctx_id, &create);
        return true;
    }
    if (create.blob_mem == VIRTIO_GPU_BLOB_MEM_GUEST && w->udmabuf < 0) {
        cmd->error = create_guest_blob(w, cmd, &create);
        return true;
    }
    return false;
}

static void resource_destroy(VirtIOGPU *g,
                             struct virtio_gpu_simple_resource *res,
                             Error **errp)
{
    VirtIOGPUWayland *w = VIRTIO_GPU_WAYLAND(g);
    uint32_t id = res->resource_id;
    WaylandBlob *blob = find_blob(w, id);

    wayland_contexts_forget(w, id);
    if (blob) {
        wayland_window_unmap(&w->window, blob);
        g_hash_table_remove(w->blobs, GUINT_TO_POINTER(id));
        wayland_unblock_migration(w);
    }
    parent_gpu_class()->resource_destroy(g, res, errp);
}

static void resource_unref(VirtIOGPUWayland *w,
                           struct virtio_gpu_ctrl_command *cmd)
{
    struct virtio_gpu_simple_resource *res;
    struct virtio_gpu_resource_unref unref;
    VirtIOGPU *g = VIRTIO_GPU(w);

    if (!read_command(cmd, &unref, sizeof(unref))) {
        return;
    }
    res = virtio_gpu_find_resource(g, le32_to_cpu(unref.resource_id));
    if (!res) {
        cmd->error = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
        return;
    }
    resource_destroy(g, res, NULL);
}

static void map_blob(VirtIOGPUWayland *w, struct virtio_gpu_ctrl_command *cmd)
{
    struct virtio_gpu_resp_map_info resp = {
        .hdr.type = VIRTIO_GPU_RESP_OK_MAP_INFO,
        .map_info = cpu_to_le32(VIRTIO_GPU_MAP_CACHE_CACHED),
    };
    struct virtio_gpu_resource_map_blob map;
    VirtIOGPU *g = VIRTIO_GPU(w);
    WaylandBlob *blob;
    const char *why;

    if (!read_command(cmd, &map, sizeof(map))) {
        return;
    }
    blob = find_blob(w, le32_to_cpu(map.resource_id));
    if (!blob) {
        cmd->error = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
        return;
    }
    why = wayland_window_map(&w->window, blob, le64_to_cpu(map.offset));
    if (why) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: resource %u: %s\n", __func__,
                      le32_to_cpu(map.resource_id), why);
        cmd->error = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
        return;
    }
    virtio_gpu_ctrl_response(g, cmd, &resp.hdr, sizeof(resp));
}

static void unmap_blob(VirtIOGPUWayland *w,
                       struct virtio_gpu_ctrl_command *cmd)
{
    struct virtio_gpu_resource_unmap_blob unmap;
    WaylandBlob *blob;

    if (!read_command(cmd, &unmap, sizeof(unmap))) {
        return;
    }
    blob = find_blob(w, le32_to_cpu(unmap.resource_id));
    if (!blob) {
        cmd->error = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
        return;
    }
    wayland_window_unmap(&w->window, blob);
}

/*
 * Pages of the guest's behind memory of the host's make no sense, and a guest's
 * blob has all of its own from the beginning.
 */
static bool refuses_backing(VirtIOGPUWayland *w,
                            struct virtio_gpu_ctrl_command *cmd)
{
    struct virtio_gpu_resource_attach_backing c;
    struct virtio_gpu_simple_resource *res;

    if (!read_command(cmd, &c, sizeof(c))) {
        return true;
    }
    res = virtio_gpu_find_resource(VIRTIO_GPU(w), le32_to_cpu(c.resource_id));
    if (!res || res->image) {
        return false;
    }
    cmd->error = VIRTIO_GPU_RESP_ERR_UNSPEC;
    return true;
}

/* --- Commands ----------------------------------------------------------- */

/* Returns false if the command is one of any virtio-gpu's. */
static bool run_command(VirtIOGPUWayland *w,
                        struct virtio_gpu_ctrl_command *cmd)
{
    switch (cmd->cmd_hdr.type) {
    case VIRTIO_GPU_CMD_GET_CAPSET_INFO:
        get_capset_info(w, cmd);
        return true;
    case VIRTIO_GPU_CMD_GET_CAPSET:
        get_capset(w, cmd);
        return true;
    case VIRTIO_GPU_CMD_CTX_CREATE:
        ctx_create(w, cmd);
        return true;
    case VIRTIO_GPU_CMD_CTX_DESTROY:
        cmd->error = wayland_context_destroy(w, cmd->cmd_hdr.ctx_id);
        return true;
    case VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE:
    case VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE:
        ctx_attach(w, cmd);
        return true;
    case VIRTIO_GPU_CMD_SUBMIT_3D:
        submit_3d(w, cmd);
        return true;
    case VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB:
        return resource_create_blob(w, cmd);
    case VIRTIO_GPU_CMD_RESOURCE_UNREF:
        resource_unref(w, cmd);
        return true;
    case VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB:
        map_blob(w, cmd);
        return true;
    case VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB:
        unmap_blob(w, cmd);
        return true;
    case VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING:
        return refuses_backing(w, cmd);
    default:
        return false;
    }
}

static void process_cmd(VirtIOGPU *g, struct virtio_gpu_ctrl_command *cmd)
{
    VirtIOGPUWayland *w = VIRTIO_GPU_WAYLAND(g);

    if (!read_command(cmd, &cmd->cmd_hdr, sizeof(cmd->cmd_hdr))) {
        memset(&cmd->cmd_hdr, 0, sizeof(cmd->cmd_hdr));
        virtio_gpu_ctrl_response_nodata(g, cmd, cmd->error);
        return;
    }
    virtio_gpu_ctrl_hdr_bswap(&cmd->cmd_hdr);
    if (!run_command(w, cmd)) {
        virtio_gpu_simple_process_cmd(g, cmd);
        return;
    }
    /* The end of a connection is an event, too. */
    if (cmd->finished || wayland_context_hold(w, cmd)) {
        return;
    }
    if (cmd->error) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: command 0x%x: error 0x%x\n",
                      __func__, cmd->cmd_hdr.type, cmd->error);
    }
    virtio_gpu_ctrl_response_nodata(g, cmd, cmd->error ?:
                                    VIRTIO_GPU_RESP_OK_NODATA);
}

/* A blob need not be anywhere where a cursor can be copied from. */
static void update_cursor_data(VirtIOGPU *g, struct virtio_gpu_scanout *s,
                               uint32_t resource_id)
{
    struct virtio_gpu_simple_resource *res =
        virtio_gpu_find_resource(g, resource_id);

    if (res && (res->image || res->blob)) {
        virtio_gpu_update_cursor_data(g, s, resource_id);
    }
}

/* --- Life --------------------------------------------------------------- */

static void blob_free(void *opaque)
{
    wayland_blob_free(opaque);
}

static void vm_state_changed(void *opaque, bool running, RunState state)
{
    wayland_contexts_run(opaque, running);
}

static uint64_t get_features(VirtIODevice *vdev, uint64_t features,
                             Error **errp)
{
    VirtioDeviceClass *parent = VIRTIO_DEVICE_CLASS(parent_gpu_class());

    /* What a guest's driver takes for: there are contexts. */
    return parent->get_features(vdev, features, errp) |
           BIT_ULL(VIRTIO_GPU_F_VIRGL);
}

static void reset(VirtIODevice *vdev)
{
    wayland_contexts_reset(VIRTIO_GPU_WAYLAND(vdev));
    virtio_gpu_reset(vdev);
}

static bool check_properties(VirtIOGPUWayland *w, Error **errp)
{
    if (!w->path) {
        error_setg(errp, "wayland=SOCKET is needed: the host's compositor's");
        return false;
    }
    if (!virtio_gpu_hostmem_enabled(VIRTIO_GPU_BASE(w)->conf)) {
        error_setg(errp, "hostmem must not be 0: buffers are mapped there");
        return false;
    }
    w->udmabuf = w->dmabuf == ON_OFF_AUTO_OFF ? -1 :
        cross_domain_udmabuf_open();
    if (w->dmabuf == ON_OFF_AUTO_ON && w->udmabuf < 0) {
        error_setg(errp, "no dma-bufs can be made with /dev/udmabuf");
        return false;
    }
    return true;
}

static void tear_down(VirtIOGPUWayland *w)
{
    wayland_window_fini(&w->window, &VIRTIO_GPU_BASE(w)->hostmem);
    g_clear_pointer(&w->answer_bh, qemu_bh_delete);
    g_clear_pointer(&w->contexts, g_hash_table_unref);
    g_clear_pointer(&w->blobs, g_hash_table_unref);
    if (w->udmabuf >= 0) {
        close(w->udmabuf);
        w->udmabuf = -1;
    }
}

static void realize(DeviceState *qdev, Error **errp)
{
    ERRP_GUARD();
    VirtIOGPUWayland *w = VIRTIO_GPU_WAYLAND(qdev);
    VirtIOGPUBase *b = VIRTIO_GPU_BASE(w);

    if (!check_properties(w, errp)) {
        return;
    }
    b->conf.flags |= 1 << VIRTIO_GPU_FLAG_CONTEXT_INIT_ENABLED;
    b->virtio_config.num_capsets = cpu_to_le32(1);
    w->contexts = g_hash_table_new(NULL, NULL);
    w->blobs = g_hash_table_new_full(NULL, NULL, NULL, blob_free);
    QTAILQ_INIT(&w->answers);
    w->answer_bh = virtio_bh_io_new_guarded(qdev, wayland_contexts_answer, w);
    if (wayland_window_init(&w->window, OBJECT(w), &b->hostmem, errp)) {
        virtio_gpu_device_realize(qdev, errp);
    }
    if (*errp) {
        tear_down(w);
        return;
    }
    /* Rings are blobs. They need none of what blobs on a screen need. */
    b->conf.flags |= 1 << VIRTIO_GPU_FLAG_BLOB_ENABLED;
    w->vm_state = qemu_add_vm_change_state_handler(vm_state_changed, w);
}

static void unrealize(DeviceState *qdev)
{
    VirtIOGPUWayland *w = VIRTIO_GPU_WAYLAND(qdev);

    qemu_del_vm_change_state_handler(w->vm_state);
    reset(VIRTIO_DEVICE(w));
    VIRTIO_DEVICE_CLASS(parent_gpu_class())->unrealize(qdev);
    tear_down(w);
}

static void instance_init(Object *obj)
{
    VIRTIO_GPU_BASE(obj)->conf.hostmem = 256 * MiB;
}

static const Property properties[] = {
    DEFINE_PROP_STRING("wayland", VirtIOGPUWayland, path),
    DEFINE_PROP_ON_OFF_AUTO("dmabuf", VirtIOGPUWayland, dmabuf,
                            ON_OFF_AUTO_AUTO),
};

static void class_init(ObjectClass *klass,
                       typeof(((TypeInfo *)0)->class_data) data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    VirtioDeviceClass *vdc = VIRTIO_DEVICE_CLASS(klass);
    VirtIOGPUClass *vgc = VIRTIO_GPU_CLASS(klass);

    vgc->process_cmd = process_cmd;
    vgc->update_cursor_data = update_cursor_data;
    vgc->resource_destroy = resource_destroy;

    vdc->realize = realize;
    vdc->unrealize = unrealize;
    vdc->reset = reset;
    vdc->get_features = get_features;
    device_class_set_props(dc, properties);
}

static const TypeInfo virtio_gpu_wayland_info = {
    .name = TYPE_VIRTIO_GPU_WAYLAND,
    .parent = TYPE_VIRTIO_GPU,
    .instance_size = sizeof(VirtIOGPUWayland),
    .instance_init = instance_init,
    .class_init = class_init,
};
module_obj(TYPE_VIRTIO_GPU_WAYLAND);
module_kconfig(VIRTIO_GPU);

static void virtio_register_types(void)
{
    type_register_static(&virtio_gpu_wayland_info);
}

type_init(virtio_register_types)
