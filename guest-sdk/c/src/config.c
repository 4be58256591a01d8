#include "host.h"
#include "text.h"

oncegate_text oncegate_config(oncegate_text name) {
    // The contract's strings are UTF-8: nothing is set under another name.
    return oncegate_text_is_utf8(name) ? oncegate_host_config(name) : ONCEGATE_NONE;
}
