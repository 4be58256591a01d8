// What a handler makes of a key that another delivery holds.
#ifndef ONCEGATE_GATE_H
#define ONCEGATE_GATE_H

#include "../oncegate.h"

oncegate_result oncegate_in_flight(uint64_t left_ms);

#endif
