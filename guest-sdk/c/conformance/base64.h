// Bytes as base64, with padding.
#ifndef BASE64_H
#define BASE64_H

#include "oncegate.h"

oncegate_text base64_of(oncegate_text bytes);

// Refuses what is no base64.
oncegate_result base64_read(oncegate_text text, oncegate_text *bytes) ONCEGATE_MUST_USE;

#endif
