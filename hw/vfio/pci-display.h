/*
 * vfio-pci as a plane source for the vGPU display
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_PCI_DISPLAY_H
#define HW_VFIO_PCI_DISPLAY_H

#include "hw/vfio/vfio-display.h"

typedef struct VFIOPCIDevice VFIOPCIDevice;

/**
 * vfio_pci_display_init:
 * @vdev: a device that is being realized, with display=on or auto
 * @errp: error
 *
 * Opens the device's display, if it has one. With display=auto whatever goes
 * wrong costs the display alone.
 *
 * Returns: false with @errp set if the device must not be realized.
 */
bool vfio_pci_display_init(VFIOPCIDevice *vdev, Error **errp);

/**
 * vfio_pci_display_exit:
 * @vdev: a device, whose display may have been closed before
 *
 * Closes the display. To be called when the device is unrealized: the console
 * holds a reference to the device, so its end would never come otherwise.
 */
void vfio_pci_display_exit(VFIOPCIDevice *vdev);

#endif /* HW_VFIO_PCI_DISPLAY_H */
