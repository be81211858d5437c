/// Large blocks of memory, cut from regions of address space and joined again when they are free.
///
/// Layers ask for blocks of many sizes; were each size kept for itself, a training step would hold nearly twice of what
/// it uses. The first free piece that is large enough serves, so that blocks stay together at a region's start; the
/// rest of a region was never touched and takes no memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <map>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace kashi::inline v0::memory::detail {

inline constexpr std::size_t huge_page = std::size_t{2} << 20;

/// Address space of its own, in pieces: used ones and free ones, by their distance from the start.
class Region {
 public:
  /// Throws std::bad_alloc if the system has no such address space.
  explicit Region(std::size_t bytes)
      : bytes_((bytes + huge_page - 1) / huge_page * huge_page),
        start_(static_cast<std::byte*>(std::aligned_alloc(huge_page, bytes_)), std::free) {
    if (start_ == nullptr) throw std::bad_alloc();
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    madvise(start_.get(), bytes_, MADV_HUGEPAGE);
#endif
    free_.emplace(0, bytes_);
  }

  bool holds(const void* pointer) const { return pointer >= start_.get() && pointer < start_.get() + bytes_; }
  bool is_unused() const { return used_.empty(); }
  /// Bytes from the start that were ever handed out: what the system has given.
  std::size_t touched() const { return touched_; }

  /// The first free piece that is large enough; null if there is none.
  void* take(std::size_t bytes) {
    for (auto piece = free_.begin(); piece != free_.end(); ++piece) {
      if (piece->second < bytes) continue;
      const std::size_t at = piece->first, rest = piece->second - bytes;
      used_.emplace(at, bytes);
      auto remaining = free_.extract(piece);
      if (rest > 0) {
        remaining.key() = at + bytes;
        remaining.mapped() = rest;
        free_.insert(std::move(remaining));
      }
      touched_ = std::max(touched_, at + bytes);
      return start_.get() + at;
    }
    return nullptr;
  }

  /// Takes a block back, joins it with free neighbours, and returns its bytes.
  std::size_t give(void* pointer) noexcept {
    auto block = used_.extract(static_cast<std::size_t>(static_cast<std::byte*>(pointer) - start_.get()));
    const std::size_t bytes = block.mapped();
    auto next = free_.lower_bound(block.key());
    if (next != free_.end() && next->first == block.key() + block.mapped()) {
      block.mapped() += next->second;
      next = free_.erase(next);
    }
    if (next != free_.begin() && std::prev(next)->first + std::prev(next)->second == block.key()) {
      std::prev(next)->second += block.mapped();
    } else {
      free_.insert(next, std::move(block));
    }
    return bytes;
  }

 private:
  std::size_t bytes_;
  std::unique_ptr<std::byte, void (*)(void*)> start_;
  std::map<std::size_t, std::size_t> used_, free_;
  std::size_t touched_ = 0;
};

/// All regions, the oldest first. Not locked; the arena does that.
class LargeBlocks {
 public:
  /// Requests of at least this many bytes belong here.
  static constexpr std::size_t smallest = std::size_t{1} << 20;
  static constexpr std::size_t rounding = std::size_t{1} << 16;

  /// The bytes that a request takes.
  static constexpr std::size_t rounded(std::size_t wanted) { return (wanted + rounding - 1) / rounding * rounding; }

  /// A block of `bytes`, which must be rounded; null if the system has none.
  void* take(std::size_t bytes) {
    for (Region& region : regions_)
      if (void* pointer = region.take(bytes)) return pointer;
    for (std::size_t size = std::max(bytes, usual_region);; size = std::max(bytes, size / 2)) {
      try {
        return regions_.emplace_back(size).take(bytes);
      } catch (const std::bad_alloc&) {
        if (size == bytes) return nullptr;
      }
    }
  }

  /// Gives a block back. Returns its bytes.
  std::size_t give(void* pointer) noexcept {
    return std::find_if(regions_.begin(), regions_.end(), [&](const Region& region) { return region.holds(pointer); })
        ->give(pointer);
  }

  /// Bytes that the system has given.
  std::size_t touched() const {
    std::size_t sum = 0;
    for (const Region& region : regions_) sum += region.touched();
    return sum;
  }

  /// Gives regions without a used block back to the system.
  void release() {
    std::erase_if(regions_, [](const Region& region) { return region.is_unused(); });
  }

 private:
  static constexpr std::size_t usual_region = std::size_t{1} << 30;

  std::vector<Region> regions_;
};

}  // namespace kashi::inline v0::memory::detail
