// The memory of one call.
#ifndef ONCEGATE_MEMORY_H
#define ONCEGATE_MEMORY_H

#include <stddef.h>

// NULL if there is no more.
void *oncegate_memory_try(size_t size);

// Makes an allocation larger, in place if it is the last one; NULL `at` is an allocation of nothing.
void *oncegate_memory_grow(void *at, size_t old_size, size_t size);

// How much is allocated.
typedef struct oncegate_mark {
    const void *piece;
    size_t used;
} oncegate_mark;

oncegate_mark oncegate_memory_mark(void);

// Gives back what was allocated since then; with {0} everything.
void oncegate_memory_release(oncegate_mark mark);

#endif
