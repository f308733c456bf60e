/*
 * What the pure logic needs of QEMU's qemu/module.h, for a build without QEMU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef QEMU_MODULE_H
#define QEMU_MODULE_H

#include "qapi/error.h"

/* There are no modules: whatever is to be found was linked. */
static inline int ui_module_load(const char *name, Error **errp)
{
    return 0;
}

#endif /* QEMU_MODULE_H */
