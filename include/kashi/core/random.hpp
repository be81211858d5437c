/// Random numbers that are counter-based: element i of stream s is a pure function of (seed, s, i).
///
/// Philox4x32-10 of Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3" (2011). A number never depends on the
/// thread that draws it or on how many were drawn before, and a generator's whole state is two integers.
#pragma once

#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <utility>

#include <kashi/core/tensor.hpp>

namespace kashi::inline v0::random {

/// One stream of random numbers, addressed by position.
class Philox {
 public:
  Philox(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}

  /// Four independent 32-bit words at position `counter`.
  std::array<std::uint32_t, 4> block(std::uint64_t counter) const {
    std::array<std::uint32_t, 4> x{low(counter), high(counter), low(stream_), high(stream_)};
    std::uint32_t key0 = low(seed_), key1 = high(seed_);
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t product0 = std::uint64_t{0xD2511F53} * x[0];
      const std::uint64_t product1 = std::uint64_t{0xCD9E8D57} * x[2];
      x = {high(product1) ^ x[1] ^ key0, low(product1), high(product0) ^ x[3] ^ key1, low(product0)};
      key0 += 0x9E3779B9u;
      key1 += 0xBB67AE85u;
    }
    return x;
  }

  /// 64 random bits at position i.
  std::uint64_t bits(std::uint64_t i) const {
    const auto words = block(i / 2);
    const std::size_t half = (i % 2) * 2;
    return (std::uint64_t{words[half + 1]} << 32) | words[half];
  }

  /// Uniform in [0, 1) at position i, with 53 random bits.
  double uniform(std::uint64_t i) const { return static_cast<double>(bits(i) >> 11) * 0x1.0p-53; }

  /// Standard normal at position i: Box-Muller on the pair of uniforms at 2i and 2i + 1.
  double normal(std::uint64_t i) const {
    const auto words = block(i);
    const auto uniform_of = [&](std::size_t k) {
      return static_cast<double>(((std::uint64_t{words[k + 1]} << 32) | words[k]) >> 11) * 0x1.0p-53;
    };
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform_of(0)));  // 1 - u lies in (0, 1]
    return radius * std::cos(2.0 * std::numbers::pi * uniform_of(2));
  }

  /// A whole number in [0, bound) at position i; the bias is below bound / 2^64.
  Index below(std::uint64_t i, Index bound) const {
    return static_cast<Index>(bits(i) % static_cast<std::uint64_t>(bound));
  }

 private:
  static std::uint32_t low(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
  static std::uint32_t high(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); }

  std::uint64_t seed_;
  std::uint64_t stream_;
};

/// Everything that a generator remembers.
struct GeneratorState {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
  friend bool operator==(const GeneratorState&, const GeneratorState&) = default;
};

/// Hands out streams: every call of a member takes the next stream number, so equal seeds and equal calls give equal
/// numbers.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : seed_(seed) {}

  /// A stream that nobody else gets.
  Philox next_stream() { return Philox(seed_, stream_.fetch_add(1, std::memory_order_relaxed)); }

  /// Uniform numbers in [low, high).
  template <class T = float>
  Tensor<T> uniform(const Shape& shape, double low = 0.0, double high = 1.0) {
    return draw<T>(shape, [=](const Philox& p, std::uint64_t i) { return low + (high - low) * p.uniform(i); });
  }
  /// Normal numbers.
  template <class T = float>
  Tensor<T> normal(const Shape& shape, double mean = 0.0, double standard_deviation = 1.0) {
    return draw<T>(shape, [=](const Philox& p, std::uint64_t i) { return mean + standard_deviation * p.normal(i); });
  }
  /// 1 with probability p, else 0. Throws ValueError for a p outside [0, 1].
  template <class T = float>
  Tensor<T> bernoulli(const Shape& shape, double p) {
    require(p >= 0.0 && p <= 1.0, "bernoulli: the probability must lie in [0, 1]; got ", p);
    return draw<T>(shape, [=](const Philox& stream, std::uint64_t i) { return stream.uniform(i) < p ? 1.0 : 0.0; });
  }
  /// 0..count-1 in random order, shape [count] (Fisher-Yates).
  Tensor<Index> permutation(Index count) {
    Tensor<Index> out = Tensor<Index>::arange(count);
    Index* values = out.mutable_data();
    const Philox stream = next_stream();
    for (Index i = count - 1; i > 0; --i)
      std::swap(values[i], values[stream.below(static_cast<std::uint64_t>(i), i + 1)]);
    return out;
  }

  GeneratorState state() const { return {seed_.load(), stream_.load()}; }
  void set_state(GeneratorState state) {
    seed_ = state.seed;
    stream_ = state.stream;
  }

 private:
  template <class T, class F>
  Tensor<T> draw(const Shape& shape, F&& f) {
    Tensor<T> out = Tensor<T>::empty(shape);
    T* values = out.mutable_data();
    const Philox stream = next_stream();
    parallel_for(out.numel(), 4096, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) values[i] = static_cast<T>(f(stream, static_cast<std::uint64_t>(i)));
    });
    return out;
  }

  std::atomic<std::uint64_t> seed_;
  std::atomic<std::uint64_t> stream_{0};
};

}  // namespace kashi::inline v0::random

namespace kashi::inline v0 {

/// The generator from which layers draw their first weights and dropout its masks. Seeded with 0 until manual_seed.
inline random::Generator& default_generator() {
  static random::Generator generator(0);
  return generator;
}

/// Makes everything that uses the default generator repeat.
inline void manual_seed(std::uint64_t seed) { default_generator().set_state({seed, 0}); }

}  // namespace kashi::inline v0
