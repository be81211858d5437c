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

#include <algorithm>
#include <vector>

#include <kashi/core/error.hpp>

namespace kashi::inline v0::io::detail::stb {

/// The memory of one decoding on the calling thread. No single allocation may exceed the budget: a file whose
/// compressed data swell beyond what its header announced runs into it instead of into the machine's memory. What is
/// still allocated at the end, because an error came out of the decoder, is freed.
class DecoderMemory {
 public:
  explicit DecoderMemory(std::size_t largest_allocation) : largest_allocation_(largest_allocation) { active() = this; }
  ~DecoderMemory() {
    active() = nullptr;
    for (void* block : blocks_) ::free(block);
  }
  DecoderMemory(const DecoderMemory&) = delete;
  DecoderMemory& operator=(const DecoderMemory&) = delete;

  static DecoderMemory*& active() {
    thread_local DecoderMemory* memory = nullptr;
    return memory;
  }

  bool is_exceeded() const { return is_exceeded_; }

  void* reallocate(void* old, std::size_t size) {
    is_exceeded_ = is_exceeded_ || size > largest_allocation_;
    if (is_exceeded_) return nullptr;
    if (old == nullptr) blocks_.push_back(nullptr);
    void*& place = *std::find(blocks_.begin(), blocks_.end(), old);
    // stb before 2.28 reads tables that a damaged file never set: they are zeros, not whatever lay in memory.
    void* block = old == nullptr ? ::calloc(size, 1) : ::realloc(old, size);
    if (block != nullptr) place = block;
    return block;
  }

  /// Leaves a block to the caller. There are few blocks at a time.
  void release(void* block) { std::erase(blocks_, block); }

  void free(void* block) {
    release(block);
    ::free(block);
  }

 private:
  std::size_t largest_allocation_;
  bool is_exceeded_ = false;
  std::vector<void*> blocks_;
};

/// In place of abort(): a broken assumption of stb about a damaged file is an error like any other.
inline void check(bool holds) { require<FormatError>(holds, "stb: the file breaks an assumption of the decoder"); }

}  // namespace kashi::inline v0::io::detail::stb

#include <kashi/io/stb/save_macros.inl>

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
#define STBI_MALLOC(size) ::kashi::io::detail::stb::DecoderMemory::active()->reallocate(nullptr, size)
#define STBI_REALLOC(old, size) ::kashi::io::detail::stb::DecoderMemory::active()->reallocate(old, size)
#define STBI_FREE(old) ::kashi::io::detail::stb::DecoderMemory::active()->free(old)
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#define STBIW_ASSERT(x) ::kashi::io::detail::stb::check(x)

// The integer transform of a damaged JPEG overflows; it shall wrap around.
#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("signed-integer-overflow", "shift"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC optimize("wrapv")
#endif
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wunused-function"
namespace kashi::inline v0::io::detail::stb {
using ::abs;  // stb's calls must not find the library's own function of that name
using ::pow;
#if __has_include(<stb/stb_image.h>)
#include <stb/stb_image.h>
#include <stb/stb_image_write.h>
#else
#include <stb_image.h>
#include <stb_image_write.h>
#endif
}  // namespace kashi::inline v0::io::detail::stb
#pragma GCC diagnostic pop
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#include <kashi/io/stb/restore_macros.inl>
