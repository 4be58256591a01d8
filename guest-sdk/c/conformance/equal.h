// Whether two values are the same JSON: members in any order, texts by their characters.
#ifndef EQUAL_H
#define EQUAL_H

#include "oncegate.h"

bool json_equal(oncegate_json one, oncegate_json other);

#endif
