// What the host's functions answer natively that are neither the gate's nor an output's.
#include <stdio.h>
#include <stdlib.h>

#include "../src/host.h"
#include "testing.h"

void oncegate_host_log(oncegate_level level, oncegate_text text) {
    // Outside of a delivery nobody reads it.
    if (oncegate_testing_current == NULL) return;
    oncegate_testing *host = oncegate_testing_current->host;
    oncegate_log_line *line = oncegate_testing_add(&host->log, sizeof *line);
    *line = (oncegate_log_line){level, oncegate_testing_keep_text(host, text)};
}

oncegate_text oncegate_host_config(oncegate_text name) {
    if (oncegate_testing_current == NULL) return ONCEGATE_NONE;
    const oncegate_testing *host = oncegate_testing_current->host;
    const struct setting *settings = host->settings.at;
    for (size_t i = 0; i < host->settings.count; i++) {
        if (oncegate_text_equal(settings[i].name, name)) return settings[i].value;
    }
    return ONCEGATE_NONE;
}

_Noreturn void oncegate_host_end(oncegate_text reason) {
    if (oncegate_testing_current == NULL) {
        fprintf(stderr, "panic outside of a delivery: %.*s\n", ONCEGATE_SHOW(reason));
        abort();
    }
    // The text may lie in a frame that the jump leaves.
    oncegate_testing_current->panic_text = oncegate_testing_keep_text(oncegate_testing_current->host, reason);
    longjmp(oncegate_testing_current->panic, 1);
}
