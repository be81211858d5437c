/// Threads: loops cut by the problem's shape, never by the number of threads.
///
/// Every chunk is the same set of indices for every thread count, and partial sums are added in the order of the
/// chunks, so results are the same bits for 1, 2 or 16 threads. Without OpenMP everything runs on one thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

#include <kashi/core/error.hpp>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace kashi::inline v0 {

/// Sizes, positions and counts.
using Index = std::int64_t;

namespace detail {

inline int hardware_threads() {
#ifdef _OPENMP
  return std::max(1, omp_get_max_threads());
#else
  return 1;
#endif
}

inline std::atomic<int>& global_thread_count() {
  static std::atomic<int> count{hardware_threads()};
  return count;
}

/// The calling thread's own limit; 0 means none.
inline int& thread_limit() {
  thread_local int limit = 0;
  return limit;
}

inline bool inside_parallel_region() {
#ifdef _OPENMP
  return omp_in_parallel() != 0;
#else
  return false;
#endif
}

/// Keeps the first exception of a parallel region and throws it again outside.
class FirstException {
 public:
  template <class F>
  void run(F&& f) noexcept {
    if (failed_.load(std::memory_order_relaxed)) return;
    try {
      f();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
      failed_.store(true, std::memory_order_relaxed);
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::exception_ptr error_;
};

}  // namespace detail

/// Sets how many threads the library may use, for all threads of the program. Default: as many as OpenMP would use.
/// An operation that runs meanwhile on another thread goes on with the number that it found, at most.
/// Throws ValueError below 1.
inline void set_num_threads(int count) {
  require(count >= 1, "set_num_threads: the number of threads must be at least 1; got ", count);
  detail::global_thread_count() = count;
}

/// How many threads a parallel loop started here would use.
inline int num_threads() {
  const int global = detail::global_thread_count();
  const int limit = detail::thread_limit();
  return limit > 0 ? std::min(limit, global) : global;
}

/// Limits the calling thread's loops to `count` threads while it lives.
///
///     { ThreadLimit one(1); train(); }
class ThreadLimit {
 public:
  explicit ThreadLimit(int count) : previous_(detail::thread_limit()) {
    require(count >= 1, "ThreadLimit: the number of threads must be at least 1; got ", count);
    detail::thread_limit() = previous_ > 0 ? std::min(previous_, count) : count;
  }
  ~ThreadLimit() { detail::thread_limit() = previous_; }
  ThreadLimit(const ThreadLimit&) = delete;
  ThreadLimit& operator=(const ThreadLimit&) = delete;

 private:
  int previous_;
};

namespace detail {

/// A loop's body whose type is forgotten, so that the loop itself is compiled once and not in every caller.
struct LoopBody {
  void* body;
  void (*call)(void* body, Index begin, Index end);
};

inline void run_loop(Index n, Index grain, LoopBody body) {
  const Index pieces = (n + grain - 1) / grain;
  const auto piece = [&](Index i) { body.call(body.body, i * grain, std::min(n, (i + 1) * grain)); };
#ifdef _OPENMP
  const int threads = static_cast<int>(std::min<Index>(num_threads(), pieces));
  if (threads > 1 && !inside_parallel_region()) {
    FirstException first;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (Index i = 0; i < pieces; ++i) first.run([&] { piece(i); });
    first.rethrow();
    return;
  }
#endif
  for (Index i = 0; i < pieces; ++i) piece(i);
}

}  // namespace detail

/// Calls `f(begin, end)` on consecutive pieces of [0, n) of `grain` indices (the last may be shorter), on several
/// threads. Pieces depend on n and grain alone. A loop of one piece, or inside another parallel loop, runs on the
/// calling thread. An exception in a piece stops the loop and is thrown again by the caller's thread.
template <class F>
void parallel_for(Index n, Index grain, F&& f) {
  using Body = std::remove_reference_t<F>;
  if (n <= 0) return;
  const auto call = [](void* body, Index begin, Index end) { (*static_cast<Body*>(body))(begin, end); };
  detail::run_loop(n, std::max<Index>(1, grain),
                   {const_cast<void*>(static_cast<const void*>(std::addressof(f))), call});
}

/// Reduces [0, n): `part(begin, end)` gives the partial result of a piece, and `combine(total, partial)` adds the
/// pieces in their order, starting from `initial`. The same bits for every thread count.
template <class R, class Part, class Combine>
R parallel_reduce(Index n, Index grain, R initial, Part&& part, Combine&& combine) {
  if (n <= 0) return initial;
  grain = std::max<Index>(1, grain);
  const Index pieces = (n + grain - 1) / grain;
  if (pieces == 1) return combine(initial, part(Index{0}, n));
  std::vector<R> partial(static_cast<std::size_t>(pieces), initial);
  parallel_for(pieces, 1, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      partial[static_cast<std::size_t>(i)] = part(i * grain, std::min(n, (i + 1) * grain));
  });
  R total = initial;
  for (const R& value : partial) total = combine(total, value);
  return total;
}

}  // namespace kashi::inline v0
