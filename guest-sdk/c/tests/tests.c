#include "tests.h"

#include <stdio.h>

// Asked by the address sanitizer: memory that there is not is refused, as it is in a component.
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

int main(void) {
    text_tests();
    reader_tests();
    writer_tests();
    memory_tests();
    result_tests();
    delivery_tests();
    puts("all tests passed");
    return 0;
}
