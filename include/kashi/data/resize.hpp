/// Resize: bilinear for images, nearest for masks.
///
/// Half-pixel centres; when an image shrinks, the triangle grows with the step, so that nothing is skipped. This is
/// PyTorch's `interpolate(mode="bilinear", align_corners=False, antialias=True)`.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include <kashi/data/filter.hpp>
#include <kashi/data/geometry.hpp>

namespace kashi::inline v0::data {

struct ResizeOptions {
  ImageSize size{};
  bool antialias = true;  ///< false: two taps an axis whatever the step, as plain bilinear
};

namespace detail {

/// For each output position the first of `count` input positions and the weights of all of them.
struct Taps {
  Index count = 0;
  std::vector<Index> first;
  std::vector<float> weights;

  std::span<const float> of(Index o) const { return {weights.data() + o * count, static_cast<std::size_t>(count)}; }
};

inline Taps triangle_taps(Index in, Index out, bool antialias) {
  const double step = static_cast<double>(in) / static_cast<double>(out);
  const double support = antialias ? std::max(1.0, step) : 1.0;
  Taps taps{.count = std::min(in, static_cast<Index>(2.0 * support) + 1), .first = {}, .weights = {}};
  std::vector<double> weights(static_cast<std::size_t>(taps.count));
  for (Index o = 0; o < out; ++o) {
    double centre = (static_cast<double>(o) + 0.5) * step;
    if (!antialias) centre = std::clamp(centre, 0.5, static_cast<double>(in) - 0.5);
    const Index first = std::clamp<Index>(static_cast<Index>(std::floor(centre - support + 0.5)), 0, in - taps.count);
    double sum = 0.0;
    for (std::size_t t = 0; t < weights.size(); ++t) {
      const double position = static_cast<double>(first) + static_cast<double>(t) + 0.5;
      weights[t] = std::max(0.0, 1.0 - std::abs(position - centre) / support);
      sum += weights[t];
    }
    taps.first.push_back(first);
    for (const double weight : weights) taps.weights.push_back(static_cast<float>(weight / sum));
  }
  return taps;
}

/// One row [W,C] made [taps,C]. C = 0: the number of channels is known only at run time.
template <int C>
void resize_row(const float* from, const Taps& taps, Index run_time_channels, float* to) {
  const Index channels = C == 0 ? run_time_channels : C;
  for (std::size_t x = 0; x < taps.first.size(); ++x, to += channels) {
    const float* at = from + taps.first[x] * channels;
    const std::span<const float> weights = taps.of(static_cast<Index>(x));
    for (Index c = 0; c < channels; ++c) {
      float sum = 0.0f;
      for (std::size_t t = 0; t < weights.size(); ++t) sum += weights[t] * at[static_cast<Index>(t) * channels + c];
      to[c] = sum;
    }
  }
}

inline Tensor<float> resize_bilinear(const Tensor<float>& image, ImageSize size, bool antialias) {
  const Index H = image.size(0), W = image.size(1), C = image.size(2);
  const Index row = size.width * C;
  const auto narrow_row = C == 3 ? resize_row<3> : C == 1 ? resize_row<1> : resize_row<0>;
  const Taps across = triangle_taps(W, size.width, antialias), down = triangle_taps(H, size.height, antialias);
  Tensor<float> narrow = Tensor<float>::empty({H, size.width, C}),
                out = Tensor<float>::empty({size.height, size.width, C});
  float* rows = narrow.mutable_data();
  float* to = out.mutable_data();
  for (Index y = 0; y < H; ++y) narrow_row(image.data() + y * W * C, across, C, rows + y * row);
  for (Index y = 0; y < size.height; ++y) {
    const Index first = down.first[static_cast<std::size_t>(y)];
    correlate(rows + first * row, row, down.of(y), to + y * row, row);
  }
  return out;
}

inline Tensor<float> resize_nearest(const Tensor<float>& image, ImageSize size) {
  const auto positions = [](Index in, Index out) {
    std::vector<Index> at;
    for (Index o = 0; o < out; ++o) at.push_back((2 * o + 1) * in / (2 * out));
    return at;
  };
  return gather(image, positions(image.size(0), size.height), positions(image.size(1), size.width), {});
}

}  // namespace detail

/// Makes every image one size, whatever its proportions were.
class Resize {
 public:
  explicit Resize(const ResizeOptions& options) : options_(options) { detail::check_size("Resize", options.size); }

  void operator()(Example& example, RandomStream&) const {
    const bool has_mask = detail::has_mask("Resize", example);
    if (example.image.size(0) == options_.size.height && example.image.size(1) == options_.size.width) return;
    if (has_mask) example.target = detail::resize_nearest(example.target, options_.size);
    example.image = detail::resize_bilinear(example.image, options_.size, options_.antialias);
  }

 private:
  ResizeOptions options_;
};

}  // namespace kashi::inline v0::data
