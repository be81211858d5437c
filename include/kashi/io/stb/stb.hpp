/// stb_image and stb_image_write, compiled privately: only PNG, JPEG and BMP, from memory only, with a memory budget.
///
/// Everything is static inside our own namespace, and no macro leaks in or out: a program may use its own stb, even in
/// the same file, before or after this header. Include nothing but io/image.hpp from outside.
#pragma once

#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <limits>

#include <kashi/core/error.hpp>

namespace kashi::inline v0::io::detail::stb {

/// What one decoding may take in a single allocation. A file whose compressed data swell beyond what its header
/// announced runs into it instead of into the machine's memory.
struct Budget {
  std::size_t largest_allocation = std::numeric_limits<std::size_t>::max();
  bool is_exceeded = false;
};

/// The calling thread's budget.
inline Budget& budget() {
  thread_local Budget value;
  return value;
}

inline void* budgeted_realloc(void* old, std::size_t size) {
  if (size <= budget().largest_allocation) return ::realloc(old, size);
  budget().is_exceeded = true;
  return nullptr;
}

/// Sets the budget and takes it away again.
class BudgetScope {
 public:
  explicit BudgetScope(std::size_t largest_allocation) { budget() = {largest_allocation, false}; }
  ~BudgetScope() { budget() = {}; }
  BudgetScope(const BudgetScope&) = delete;
  BudgetScope& operator=(const BudgetScope&) = delete;
};

/// In place of abort(): a broken assumption of stb about a damaged file is an error like any other.
inline void check(bool holds) { require<FormatError>(holds, "stb: the file breaks an assumption of the decoder"); }

}  // namespace kashi::inline v0::io::detail::stb

#include <kashi/io/stb/save_macros.hpp>

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_SIMD  // keeps the intrinsics' headers out
#define STBI_FAILURE_USERMSG
#define STBI_ASSERT(x) ::kashi::io::detail::stb::check(x)
#define STBI_MALLOC(size) ::kashi::io::detail::stb::budgeted_realloc(nullptr, size)
#define STBI_REALLOC(old, size) ::kashi::io::detail::stb::budgeted_realloc(old, size)
#define STBI_FREE(old) ::free(old)
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#define STBIW_ASSERT(x) ::kashi::io::detail::stb::check(x)

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wunused-function"
namespace kashi::inline v0::io::detail::stb {
#if __has_include(<stb/stb_image.h>)
#include <stb/stb_image.h>
#include <stb/stb_image_write.h>
#else
#include <stb_image.h>
#include <stb_image_write.h>
#endif
}  // namespace kashi::inline v0::io::detail::stb
#pragma GCC diagnostic pop

#include <kashi/io/stb/restore_macros.hpp>
