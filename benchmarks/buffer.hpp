/// Numbers for a benchmark: on 2 MiB pages where the system gives them, for us as for the peers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace bench {

/// `count` floats between -scale and scale, the same each time.
class Buffer {
 public:
  explicit Buffer(std::int64_t count, float scale = 1) {
    constexpr std::size_t page = std::size_t{1} << 21, line = 64;
    const std::size_t bytes = (static_cast<std::size_t>(count) + 16) * sizeof(float);
    const std::size_t align = bytes >= page ? page : line;
    const std::size_t rounded = (bytes + align - 1) / align * align;
    values_.reset(static_cast<float*>(std::aligned_alloc(align, rounded)));
    if (values_ == nullptr) throw std::bad_alloc();
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (align == page) madvise(values_.get(), rounded, MADV_HUGEPAGE);
#endif
    std::uint32_t random = 12345;
    for (std::size_t i = 0; i < rounded / sizeof(float); ++i) {
      random = random * 1664525U + 1013904223U;
      values_.get()[i] = scale * (static_cast<float>(random >> 8) / static_cast<float>(1 << 23) - 1);
    }
  }
  float* data() { return values_.get(); }

 private:
  struct Free {
    void operator()(float* values) const { std::free(values); }
  };
  std::unique_ptr<float, Free> values_;
};

}  // namespace bench
