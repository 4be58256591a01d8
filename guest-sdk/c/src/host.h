// The functions that the host gives to a handler: those of abi.c in a component, those of the testing host in a native
// test. Nothing else here knows which of the two it runs on. Every text that is given to them is UTF-8.
#ifndef ONCEGATE_HOST_H
#define ONCEGATE_HOST_H

#include "../oncegate.h"

oncegate_result oncegate_host_seen(oncegate_text key, oncegate_sighting *sighting);
oncegate_result oncegate_host_commit(oncegate_text key);
oncegate_result oncegate_host_commit_with(oncegate_text key, oncegate_text receipt);
oncegate_result oncegate_host_emit(const oncegate_output *output);
oncegate_text oncegate_host_config(oncegate_text name);
void oncegate_host_log(oncegate_level level, oncegate_text text);

// Ends the invocation at once, for this reason.
_Noreturn void oncegate_host_end(oncegate_text reason);

#endif
