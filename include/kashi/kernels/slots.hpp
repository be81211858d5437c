/// Scratch memory of threads: as many slots as threads run, each with its own piece of the caller's workspace.
///
/// Which slot does an item never changes its result, so the bits stay the same for every thread count. The number of
/// threads must not be raised between asking for a workspace and using it: who can't be sure holds it by a ThreadLimit.
#pragma once

#include <kashi/core/parallel.hpp>

namespace kashi::inline v0::kernels::detail {

/// Slots for `items` independent items.
inline Index slot_count(Index items) { return std::max<Index>(1, std::min<Index>(num_threads(), items)); }

/// Slots for which a workspace must be large enough: for all threads, or for the caller's limit, if the number for all
/// was lowered since that was set and may be raised again.
inline Index most_slots(Index items) {
  const Index threads = std::max(v0::detail::global_thread_count().load(), v0::detail::thread_limit());
  return std::max<Index>(1, std::min(threads, items));
}

/// Calls f(slot, item) for every item; a slot has neighbouring items, which run one after the other.
template <class F>
void for_each_slot(Index items, F&& f) {
  const Index slots = slot_count(items);
  parallel_for(slots, 1, [&](Index begin, Index end) {
    for (Index slot = begin; slot < end; ++slot) {
      for (Index item = slot * items / slots; item < (slot + 1) * items / slots; ++item) f(slot, item);
    }
  });
}

}  // namespace kashi::inline v0::kernels::detail
