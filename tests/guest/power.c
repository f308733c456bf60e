/*
 * ACPI's fixed registers, where SeaBIOS puts them on both of QEMU's PC machines.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "io.h"
#include "power.h"

#define PM1_STATUS      0x600
#define PM1_ENABLE      0x602
#define PM1_CONTROL     0x604
#define BUTTON          (1 << 8)
/* S5 is type 0 in QEMU's tables. */
#define SLEEP_ENABLE    (1 << 13)

bool power_button(void)
{
    bool pressed = inw(PM1_STATUS) & BUTTON;

    outw(PM1_ENABLE, BUTTON);
    /* Written ones clear. */
    outw(PM1_STATUS, BUTTON);
    return pressed;
}

void power_off(void)
{
    outw(PM1_CONTROL, SLEEP_ENABLE);
    for (;;) {
        asm volatile("cli; hlt");
    }
}
