/// Mixup and CutMix: batches of mixed images with soft targets.
///
///     trainer.fit(train_set, {.batch_transform = data::CutMix({.classes = 100}), ...});
///
/// The loss must take soft targets: `batch.targets` becomes [N,classes], each row summing to 1. Accuracy on mixed
/// batches means nothing.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include <kashi/data/loader.hpp>

namespace kashi::inline v0::data {

namespace detail {

/// A draw from Beta(a, a) with a <= 1, by Jöhnk's method (1964): u^(1/a) / (u^(1/a) + v^(1/a)) given that the sum is at
/// most 1.
inline double symmetric_beta(double a, RandomStream& random) {
  while (true) {
    const double x = std::pow(random.uniform(), 1.0 / a), y = std::pow(random.uniform(), 1.0 / a);
    if (x + y > 0 && x + y <= 1) return x / (x + y);
  }
}

inline void check_mix(const char* who, Index classes, double alpha, double p) {
  require(classes >= 2, who, ": .classes must be at least 2; got ", classes);
  require(alpha > 0 && alpha <= 1, who, ": .alpha must lie in (0, 1]; got ", alpha);
  require(p >= 0 && p <= 1, who, ": .p must lie in [0, 1]; got ", p);
}

/// Row i of [N,classes]: `share` at the label of i, the rest at the label of its partner.
template <class = void>
inline void set_mixed_targets(const char* who, Batch& batch, const std::vector<Index>& partner, double share,
                              Index classes) {
  Tensor<float> targets = Tensor<float>::zeros({batch.size(), classes});
  float* row = targets.mutable_data();
  for (Index i = 0; i < batch.size(); ++i, row += classes) {
    const Index own = batch.labels.data()[i], other = batch.labels.data()[partner[static_cast<std::size_t>(i)]];
    require(own >= 0 && own < classes && other >= 0 && other < classes, who, ": labels must lie in 0..", classes - 1,
            "; got ", own, " and ", other);
    row[own] += static_cast<float>(share);
    row[other] += static_cast<float>(1 - share);
  }
  batch.targets = std::move(targets);
}

/// Everyone's partner: the next image of the batch, in a circle. The order of a shuffled batch is random already.
inline std::vector<Index> partners(Index count) {
  std::vector<Index> out(static_cast<std::size_t>(count));
  for (Index i = 0; i < count; ++i) out[static_cast<std::size_t>(i)] = (i + 1) % count;
  return out;
}

}  // namespace detail

/// Options of Mixup and CutMix.
struct MixOptions {
  Index classes = 0;   ///< how many there are; must be given
  double alpha = 1.0;  ///< the share is drawn from Beta(alpha, alpha); Mixup is used with 0.2, CutMix with 1
  double p = 1.0;      ///< probability that a batch is mixed; the others get one-hot targets
};

/// x = share x_i + (1 - share) x_j with targets alike (Zhang et al., "mixup", 2018). One share a batch.
class Mixup {
 public:
  explicit Mixup(const MixOptions& options) : options_(options) {
    detail::check_mix("Mixup", options.classes, options.alpha, options.p);
  }

  void operator()(Batch& batch, RandomStream& random) const {
    const double share = random.chance(options_.p) ? detail::symmetric_beta(options_.alpha, random) : 1.0;
    const std::vector<Index> partner = detail::partners(batch.size());
    detail::set_mixed_targets("Mixup", batch, partner, share, options_.classes);
    if (share == 1.0) return;
    const Tensor<float> before = batch.images.clone();
    const Index numbers = before.numel() / batch.size();
    float* out = batch.images.mutable_data();
    const auto a = static_cast<float>(share), b = static_cast<float>(1 - share);
    for (Index i = 0; i < batch.size(); ++i) {
      const float* own = before.data() + i * numbers;
      const float* other = before.data() + partner[static_cast<std::size_t>(i)] * numbers;
      for (Index k = 0; k < numbers; ++k) *out++ = a * own[k] + b * other[k];
    }
  }

 private:
  MixOptions options_;
};

/// Pastes a box of the partner into each image; the targets take the box's area (Yun et al., "CutMix", 2019). The box
/// has sides sqrt(1 - share) of the image's, a uniform centre, and is clipped; the share is then that of the area left.
class CutMix {
 public:
  explicit CutMix(const MixOptions& options) : options_(options) {
    detail::check_mix("CutMix", options.classes, options.alpha, options.p);
  }

  void operator()(Batch& batch, RandomStream& random) const {
    const Index height = batch.images.size(1), width = batch.images.size(2), channels = batch.images.size(3);
    Index top = 0, bottom = 0, left = 0, right = 0;
    if (random.chance(options_.p)) {
      const double side = std::sqrt(1 - detail::symmetric_beta(options_.alpha, random));
      const auto cut = [&](Index size, Index& begin, Index& end) {
        const Index half = static_cast<Index>(side * static_cast<double>(size)) / 2, centre = random.below(size);
        begin = std::max<Index>(0, centre - half);
        end = std::min(size, centre + half);
      };
      cut(height, top, bottom);
      cut(width, left, right);
    }
    const Index area = (bottom - top) * (right - left);
    const double share = 1.0 - static_cast<double>(area) / static_cast<double>(height * width);
    const std::vector<Index> partner = detail::partners(batch.size());
    detail::set_mixed_targets("CutMix", batch, partner, share, options_.classes);
    if (area == 0) return;
    const Tensor<float> before = batch.images.clone();
    float* out = batch.images.mutable_data();
    for (Index i = 0; i < batch.size(); ++i)
      for (Index y = top; y < bottom; ++y) {
        const Index row = (y * width + left) * channels, run = (right - left) * channels,
                    image = height * width * channels;
        std::copy_n(before.data() + partner[static_cast<std::size_t>(i)] * image + row, run, out + i * image + row);
      }
  }

 private:
  MixOptions options_;
};

}  // namespace kashi::inline v0::data
