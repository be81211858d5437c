/// Memory: a recycling arena of 64-byte aligned blocks.
///
/// A freed block is kept and reused, so that a training step after the first one asks the system for nothing: first
/// touch of fresh pages is slower than most layers. Large blocks (large_blocks.hpp) lie in regions that ask for huge
/// pages.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/core/large_blocks.hpp>

namespace kashi::inline v0::memory {

/// What the arena holds, in bytes.
struct Stats {
  std::size_t live = 0;                ///< in use by tensors
  std::size_t peak = 0;                ///< the most that was ever in use (since reset_peak)
  std::size_t cached = 0;              ///< freed and kept for reuse
  std::size_t system_allocations = 0;  ///< how often the system was asked for a block
};

namespace detail {

inline constexpr std::size_t alignment = 64;
/// Sizes are rounded up to an eighth of their power of two, so that blocks of nearly equal size can stand in for each
/// other.
inline std::size_t size_class(std::size_t bytes) {
  if (bytes <= 512) return (bytes + alignment - 1) / alignment * alignment;
  std::size_t step = alignment;
  while (step * 16 < bytes) step *= 2;
  return (bytes + step - 1) / step * step;
}

class Arena {
 public:
  struct Block {
    void* pointer = nullptr;
    std::size_t bytes = 0;
  };

  Block allocate(std::size_t wanted) {
    const std::size_t bytes = size_class(wanted);
    const std::lock_guard lock(mutex_);
    if (bytes >= LargeBlocks::smallest) return allocate_large(std::max(wanted, LargeBlocks::smallest));
    // A cached block serves if at most an eighth of it would lie idle.
    const auto found = free_.lower_bound(bytes);
    if (found != free_.end() && found->first <= bytes + bytes / 8) {
      const Block block{found->second.back(), found->first};
      found->second.pop_back();
      if (found->second.empty()) free_.erase(found);
      stats_.cached -= block.bytes;
      add_live(block.bytes);
      return block;
    }
    void* pointer = std::aligned_alloc(alignment, bytes);
    if (pointer == nullptr) {
      release_locked();
      pointer = std::aligned_alloc(alignment, bytes);
    }
    require_memory(pointer != nullptr, wanted);
    ++stats_.system_allocations;
    add_live(bytes);
    return {pointer, bytes};
  }

  void free(Block block) noexcept {
    const std::lock_guard lock(mutex_);
    stats_.live -= block.bytes;
    if (block.bytes >= LargeBlocks::smallest) {
      stats_.cached += large_.give(block.pointer);
      return;
    }
    try {
      free_[block.bytes].push_back(block.pointer);
      stats_.cached += block.bytes;
    } catch (const std::bad_alloc&) {
      std::free(block.pointer);
    }
  }

  Stats stats() const {
    const std::lock_guard lock(mutex_);
    return stats_;
  }

  void reset_peak() {
    const std::lock_guard lock(mutex_);
    stats_.peak = stats_.live;
  }

  void release() {
    const std::lock_guard lock(mutex_);
    release_locked();
  }

 private:
  void add_live(std::size_t bytes) {
    stats_.live += bytes;
    if (stats_.live > stats_.peak) stats_.peak = stats_.live;
  }

  Block allocate_large(std::size_t wanted) {
    const std::size_t bytes = LargeBlocks::rounded(wanted);
    std::size_t touched = large_.touched();
    void* pointer = large_.take(bytes);
    if (pointer == nullptr) {
      release_locked();
      touched = large_.touched();
      pointer = large_.take(bytes);
    }
    require_memory(pointer != nullptr, wanted);
    if (large_.touched() > touched) ++stats_.system_allocations;
    stats_.cached += large_.touched() - touched;
    stats_.cached -= bytes;
    add_live(bytes);
    return {pointer, bytes};
  }

  void require_memory(bool found, std::size_t wanted) const {
    require<Error>(found, "memory: the system has no ", wanted, " bytes left; ", stats_.live, " are in use");
  }

  void release_locked() {
    for (auto& [bytes, blocks] : free_) {
      for (void* block : blocks) std::free(block);
      stats_.cached -= bytes * blocks.size();
    }
    free_.clear();
    const std::size_t touched = large_.touched();
    large_.release();
    stats_.cached -= touched - large_.touched();
  }

  mutable std::mutex mutex_;
  std::map<std::size_t, std::vector<void*>> free_;
  LargeBlocks large_;
  Stats stats_;
};

/// Never destroyed, since tensors with static lifetime may give back their blocks after everything else is gone.
inline Arena& arena() {
  static Arena* const instance = new Arena;
  return *instance;
}

}  // namespace detail

/// Bytes in use, at most in use, and kept for reuse.
inline Stats stats() { return detail::arena().stats(); }

/// Starts the measurement of the peak anew.
inline void reset_peak() { detail::arena().reset_peak(); }

/// The most memory that the whole process ever held, in bytes, as the system counts it (the peak resident set).
inline std::size_t peak_of_process() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;  // Linux counts in KiB
}

/// Gives cached blocks back to the system; a region that still holds a large block in use stays.
inline void release_cache() { detail::arena().release(); }

}  // namespace kashi::inline v0::memory
