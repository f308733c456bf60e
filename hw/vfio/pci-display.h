/*
 * vfio-pci as a plane source for the vGPU display
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_PCI_DISPLAY_H
#define HW_VFIO_PCI_DISPLAY_H

#include "hw/vfio/vfio-display.h"

typedef struct VFIOPCIDevice VFIOPCIDevice;

/*
 * Opens the display of a device that is being realized with display=on or auto,
 * if it has one. With auto whatever goes wrong costs the display alone. Returns
 * false with @errp set if the device must not be realized.
 */
bool vfio_pci_display_init(VFIOPCIDevice *vdev, Error **errp);

/*
 * Closes it; it may have been closed before. To be called when the device is
 * unrealized: the console holds a reference to the device, so its end would
 * never come otherwise.
 */
void vfio_pci_display_exit(VFIOPCIDevice *vdev);

#endif /* HW_VFIO_PCI_DISPLAY_H */
