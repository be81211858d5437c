/// What the second unit gives to the first.
#pragma once

#include <string>

namespace second {

void set_threads(int count);
std::string version();

}  // namespace second
