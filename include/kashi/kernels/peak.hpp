/// The multiply-add peak of one core, measured: what a kernel's speed is compared with.
#pragma once

#include <algorithm>
#include <chrono>

#include <kashi/kernels/simd.hpp>

namespace kashi::inline v0::kernels {

/// Operations of a round, and the loop: rounds of independent multiply-adds. The result only keeps them alive.
template <class T>
struct PeakKernels {
  Index operations;
  T (*chains)(Index rounds);
};

}  // namespace kashi::inline v0::kernels

#define KASHI_REGION <kashi/kernels/regions/peak.inl>
#include <kashi/kernels/regions/each_isa.inl>

namespace kashi::inline v0::kernels {

/// Operations a second (a multiply-add counts two) of one core at the instruction set in use; the best of many short
/// runs.
template <class T>
double measured_peak(int runs = 200) {
  const PeakKernels<T>& kernels = KASHI_BY_ISA(peak_kernels<T>);
  constexpr Index rounds = 20'000;
  double best = 0;
  volatile T sink = T(0);
  for (int run = 0; run < runs; ++run) {
    const auto start = std::chrono::steady_clock::now();
    sink = kernels.chains(rounds);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, static_cast<double>(rounds * kernels.operations) / seconds.count());
  }
  static_cast<void>(sink);
  return best;
}

}  // namespace kashi::inline v0::kernels
