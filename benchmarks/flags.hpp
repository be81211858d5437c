/// Our own flags of a Google Benchmark program, taken out before it sees the rest.
#pragma once

#include <string>
#include <vector>

#include <kashi/core/error.hpp>

namespace bench {

/// Takes every `flag VALUE`, or `flag` without a value, out of the arguments; the values, empty ones for those without.
inline std::vector<std::string> take(int& count, char** arguments, const std::string& flag, bool has_value = true) {
  std::vector<std::string> values;
  int kept = 1;
  for (int i = 1; i < count; ++i) {
    if (arguments[i] != flag) {
      arguments[kept++] = arguments[i];
      continue;
    }
    kashi::require(!has_value || i + 1 < count, flag, ": needs a value");
    values.emplace_back(has_value ? arguments[++i] : "");
  }
  count = kept;
  return values;
}

}  // namespace bench
