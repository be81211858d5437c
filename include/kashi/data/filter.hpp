/// Weighted sums of neighbouring pixels along an axis: the inner loops of blur, elastic distortion and resize.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include <kashi/data/geometry.hpp>

namespace kashi::inline v0::data {

namespace detail {

/// Samples of a Gaussian on -radius..radius with radius = ceil(3 sigma), of sum 1; sigma > 0.
inline std::vector<float> gaussian_kernel(double sigma) {
  const auto radius = static_cast<Index>(std::ceil(3.0 * sigma));
  std::vector<double> samples;
  double sum = 0.0;
  for (Index i = -radius; i <= radius; ++i) {
    samples.push_back(std::exp(-0.5 * static_cast<double>(i * i) / (sigma * sigma)));
    sum += samples.back();
  }
  std::vector<float> out;
  for (const double sample : samples) out.push_back(static_cast<float>(sample / sum));
  return out;
}

/// to[j] = sum over taps of kernel[t] * from[t * stride + j]. Sixteen sums at a time stay in registers, and the
/// constant count lets compilers use vectors at -O2 too.
inline void correlate(const float* from, Index stride, std::span<const float> kernel, float* to, Index count) {
  constexpr Index block = 16;
  const Index whole = count / block * block;
  for (Index j = 0; j < whole; j += block) {
    float sums[block] = {};
    const float* at = from + j;
    for (const float weight : kernel) {
      for (Index k = 0; k < block; ++k) sums[k] += weight * at[k];
      at += stride;
    }
    std::copy_n(sums, block, to + j);
  }
  for (Index j = whole; j < count; ++j) {
    const float* at = from + j;
    to[j] = 0.0f;
    for (const float weight : kernel) {
      to[j] += weight * *at;
      at += stride;
    }
  }
}

/// Filters [H,W,C] in place along both axes with a symmetric kernel of odd length.
inline void filter_separable(float* pixels, Index H, Index W, Index C, std::span<const float> kernel, Border border) {
  const Index radius = static_cast<Index>(kernel.size()) / 2;
  const Index row = W * C;
  std::vector<float> padded(static_cast<std::size_t>((H + 2 * radius) * row));
  for (Index y = -radius; y < H + radius; ++y) {
    const Index from = resolve(y, H, border);
    if (from != outside) std::copy_n(pixels + from * row, row, padded.data() + (y + radius) * row);
  }
  std::vector<float> line(static_cast<std::size_t>((W + 2 * radius) * C));
  for (Index y = 0; y < H; ++y) {
    correlate(padded.data() + y * row, row, kernel, line.data() + radius * C, row);
    for (Index x = 1; x <= radius; ++x) {
      const Index left = resolve(-x, W, border), right = resolve(W - 1 + x, W, border);
      if (left == outside) continue;  // stays 0 on both sides
      std::copy_n(line.data() + (radius + left) * C, C, line.data() + (radius - x) * C);
      std::copy_n(line.data() + (radius + right) * C, C, line.data() + (radius + W - 1 + x) * C);
    }
    correlate(line.data(), C, kernel, pixels + y * row, row);
  }
}

}  // namespace detail

}  // namespace kashi::inline v0::data
