/*
 * What the pure logic needs of QEMU's warnings, for a build without QEMU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef QEMU_ERROR_REPORT_H
#define QEMU_ERROR_REPORT_H

#define warn_report_once(...) g_warning_once(__VA_ARGS__)

#endif /* QEMU_ERROR_REPORT_H */
