/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events while the tier is sampled, and the later life of sampled blocks. All
 * allocations are counted, exactly; few become records, which count with their
 * weights in the same counters that whole blocks count in, so that what is made
 * of these (sums, peaks, history) holds for estimates as well.
 *
 * Called by the tracker, inside malloc. `shared`: the counters are those of
 * row 1, which has several users.
 */
#ifndef MEMTOP_AGENT_SAMPLING_H
#define MEMTOP_AGENT_SAMPLING_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/samples.h"
#include "agent/thread.h"
#include "agent/tier.h"

/* An allocation happened. True: it is a sample, sampling_record is to follow. */
bool sampling_count(struct thread *t, bool shared, uint64_t size, const void *p,
                    uint64_t ticks);

/* Record the sample at p, allocated by `site`. */
void sampling_record(struct thread *t, bool shared, const void *p, uint64_t size,
                     uint32_t site, uint64_t ticks);

/* A sampled block, taken out of the table, was freed. `temporary`: by the event
 * after its allocation. */
void sampling_free(struct thread *t, bool shared, const struct seg_sample *sample,
                   bool temporary);

#endif
