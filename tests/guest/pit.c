/*
 * 8254, channel 0, as a rate generator.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "io.h"
#include "irq.h"
#include "pit.h"

#define PIT_CH0     0x40
#define PIT_CMD     0x43
#define PIT_CLOCK   1193182

static volatile bool ticked;

void pit_start(uint32_t hz)
{
    uint32_t divisor = (PIT_CLOCK + hz / 2) / hz;

    ticked = false;
    outb(PIT_CMD, 0x34);
    outb(PIT_CH0, divisor);
    outb(PIT_CH0, divisor >> 8);
    irq_mask(IRQ_TIMER, false);
}

/* With nothing to animate the CPU sleeps until a command comes. */
void pit_stop(void)
{
    irq_mask(IRQ_TIMER, true);
    /* Mode 0, which waits for a count: a masked one would go on ticking. */
    outb(PIT_CMD, 0x30);
    ticked = false;
}

void pit_tick(void)
{
    ticked = true;
}

bool pit_take_tick(void)
{
    bool ret = ticked;

    ticked = false;
    return ret;
}

bool pit_ticked(void)
{
    return ticked;
}
