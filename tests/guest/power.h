/*
 * The power button and switching off, as an ACPI guest does them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef GUEST_POWER_H
#define GUEST_POWER_H

#include <stdbool.h>

/* Was the button pressed since the last call? The first one starts it. */
bool power_button(void);

/* Does not return. */
void power_off(void);

#endif /* GUEST_POWER_H */
