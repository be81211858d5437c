/// The version, kept in this one place: the build system reads the three numbers from here.
#pragma once

#include <string>

#define KASHI_VERSION_MAJOR 0
#define KASHI_VERSION_MINOR 1
#define KASHI_VERSION_PATCH 0

namespace kashi::inline v0 {

/// The library's version as text, "0.1.0".
inline std::string version() {
  return std::to_string(KASHI_VERSION_MAJOR) + "." + std::to_string(KASHI_VERSION_MINOR) + "." +
         std::to_string(KASHI_VERSION_PATCH);
}

}  // namespace kashi::inline v0
