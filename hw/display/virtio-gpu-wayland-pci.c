/*
 * virtio-gpu with Wayland, on PCI
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/virtio/virtio-gpu-pci.h"
#include "qemu/module.h"
#include "virtio-gpu-wayland.h"

#define TYPE_VIRTIO_GPU_WAYLAND_PCI "virtio-gpu-wayland-pci"
OBJECT_DECLARE_SIMPLE_TYPE(VirtIOGPUWaylandPCI, VIRTIO_GPU_WAYLAND_PCI)

struct VirtIOGPUWaylandPCI {
    VirtIOGPUPCIBase parent_obj;
    VirtIOGPUWayland vdev;
};

static void instance_init(Object *obj)
{
    VirtIOGPUWaylandPCI *dev = VIRTIO_GPU_WAYLAND_PCI(obj);

    virtio_instance_init_common(obj, &dev->vdev, sizeof(dev->vdev),
                                TYPE_VIRTIO_GPU_WAYLAND);
    VIRTIO_GPU_PCI_BASE(obj)->vgpu = VIRTIO_GPU_BASE(&dev->vdev);
}

static const VirtioPCIDeviceTypeInfo virtio_gpu_wayland_pci_info = {
    .generic_name = TYPE_VIRTIO_GPU_WAYLAND_PCI,
    .parent = TYPE_VIRTIO_GPU_PCI_BASE,
    .instance_size = sizeof(VirtIOGPUWaylandPCI),
    .instance_init = instance_init,
};
module_obj(TYPE_VIRTIO_GPU_WAYLAND_PCI);
module_kconfig(VIRTIO_PCI);

static void virtio_gpu_wayland_pci_register_types(void)
{
    virtio_pci_types_register(&virtio_gpu_wayland_pci_info);
}

type_init(virtio_gpu_wayland_pci_register_types)

module_dep("hw-display-virtio-gpu");
