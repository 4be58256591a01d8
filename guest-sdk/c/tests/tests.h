// The SDK's own tests. A test that fails aborts.
#ifndef TESTS_H
#define TESTS_H

#undef NDEBUG
#include <assert.h>

#include "oncegate_testing.h"

void text_tests(void);
void reader_tests(void);
void writer_tests(void);
void memory_tests(void);
void result_tests(void);
void delivery_tests(void);

#endif
