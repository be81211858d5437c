// Independent chains of multiply-adds in registers, to measure what the CPU can do. Included by peak.hpp per set.
namespace kashi::inline v0::kernels::inline KASHI_REGION_FLAGS::KASHI_REGION_NAME {

/// Chains that hide the latency of two units: 12, the registers of AVX2 allow no more.
inline constexpr int peak_chains = 12;

template <class T>
__attribute__((noinline)) T multiply_add_chains(Index rounds) {
  Vec<T> chain[peak_chains];
  KASHI_UNROLL for (int i = 0; i < peak_chains; ++i) chain[i] = broadcast(static_cast<T>(i));
  Vec<T> factor = broadcast(T(0.999));
  Vec<T> term = broadcast(T(0.001));
  for (Index round = 0; round < rounds; ++round) {
    KASHI_UNROLL for (int i = 0; i < peak_chains; ++i) {
      chain[i] = chain[i] * factor + term;
      pin(chain[i]);
    }
  }
  KASHI_UNROLL for (int i = 1; i < peak_chains; ++i) chain[0] += chain[i];
  return sum_lanes<T>(chain[0]);
}

template <class T>
inline constexpr PeakKernels<T> peak_kernels = {lanes<T> * peak_chains * 2, multiply_add_chains<T>};

}  // namespace kashi::inline v0::kernels::inline KASHI_REGION_FLAGS::KASHI_REGION_NAME
