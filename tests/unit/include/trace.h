/*
 * Trace events of the pure logic: none, for a build without QEMU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TRACE_H
#define TRACE_H

#define trace_gl_readback_submit(...) ((void)0)
#define trace_gl_readback_done(...) ((void)0)
#define trace_gl_readback_failed(...) ((void)0)

#endif /* TRACE_H */
