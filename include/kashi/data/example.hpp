/// What a dataset gives and a transform changes: one image with its label, and the random numbers for the change.
///
/// Batches are made by loader.hpp; the transforms themselves are in transforms.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <kashi/core/random.hpp>
#include <kashi/core/tensor.hpp>

namespace kashi::inline v0::data {

/// One image with what is known about it.
struct Example {
  Tensor<float> image{};   ///< [H,W,C], values in [0,1] unless a transform changed the range
  Index label = 0;         ///< class, 0..K-1
  Tensor<float> target{};  ///< a mask [H,W,K] or any other wanted output; no elements when there is none
  std::string name{};      ///< where it comes from, for messages and reports; may be empty
};

/// The random numbers for one example: drawn one after the other, they depend on (seed, epoch, index) alone.
///
/// Whatever thread draws them and whatever was drawn for other examples, the numbers are the same.
class RandomStream {
 public:
  /// `index` is the example's place in the dataset, below 2^40; `epoch` counts from 0. The seed is changed by a
  /// constant, so that a random::Generator of the same seed (which shuffles) draws other numbers.
  RandomStream(std::uint64_t seed, Index epoch, Index index)
      : philox_(seed ^ 0x6B61736869ull, (static_cast<std::uint64_t>(epoch) << 40) ^ static_cast<std::uint64_t>(index)) {
  }

  /// Uniform in [0, 1).
  double uniform() { return philox_.uniform(next_++); }
  /// Uniform in [low, high).
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// True with probability p.
  bool chance(double p) { return uniform() < p; }
  /// A whole number in [0, bound).
  Index below(Index bound) { return philox_.below(next_++, bound); }
  /// Standard normal.
  double normal() {
    next_ += next_ % 2;  // a normal is made of the two uniforms of one block
    const double value = philox_.normal(next_ / 2);
    next_ += 2;
    return value;
  }
  /// A stream addressed by position, for one number a pixel.
  random::Philox fork() { return random::Philox(philox_.bits(next_++), 0); }

 private:
  random::Philox philox_;
  std::uint64_t next_ = 0;
};

/// Changes an example in place, drawing what it needs from the stream. Called by several threads at once, so a callable
/// with state of its own must guard it.
using Transform = std::function<void(Example&, RandomStream&)>;

/// Several transforms one after the other; itself a transform.
///
///     data::Compose augment({data::RandomCrop({.size = {32, 32}, .padding = 4}), data::RandomHorizontalFlip()});
class Compose {
 public:
  explicit Compose(std::vector<Transform> transforms) : transforms_(std::move(transforms)) {}

  void operator()(Example& example, RandomStream& random) const {
    for (const Transform& transform : transforms_) transform(example, random);
  }

 private:
  std::vector<Transform> transforms_;
};

}  // namespace kashi::inline v0::data
