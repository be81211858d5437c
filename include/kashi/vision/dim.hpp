/// DIM (Spratling 2020): templates compete to explain the picture, and what one explains no longer speaks for the
/// others.
#pragma once

#include <algorithm>
#include <vector>

#include <kashi/ops/shape.hpp>
#include <kashi/vision/correlation.hpp>

namespace kashi::inline v0::vision {

struct DimOptions {
  Index iterations = 10;
  double eps = 0.01;  ///< epsilon_2: the least that is divided by
};

/// x as two maps without negative values: [H,W,C] -> [H,W,2C], first max(x,0), then max(-x,0).
template <class T>
Tensor<T> on_off(const Tensor<T>& x) {
  require<ShapeError>(x.rank() == 3, "on_off: a map [H,W,C] is needed; got ", x.shape());
  const Index channels = x.size(2);
  Tensor<T> out = Tensor<T>::empty({x.size(0), x.size(1), 2 * channels});
  T* to = out.mutable_data();
  for (Index p = 0; p < x.size(0) * x.size(1); ++p, to += 2 * channels)
    for (Index c = 0; c < channels; ++c) {
      const T value = x.data()[p * channels + c];
      to[c] = std::max(value, T{0});
      to[channels + c] = std::max(-value, T{0});
    }
  return out;
}

/// How much each template explains at each place of a map without negative values [H,W,C]: [N,H,W] for templates
/// [N,h,w,C], h and w odd, the place being the template's middle. Divisive input modulation: R is what the templates at
/// their places predict (each template laid down at its place), E = X / max(eps, R), and Y grows where a template finds
/// E under it. Pad the map by mirroring, and split signed features with on_off() before. Throws ShapeError, ValueError.
template <class T>
Tensor<T> dim(const Tensor<T>& map, const Tensor<T>& templates, const DimOptions& options = {}) {
  require<ShapeError>(map.rank() == 3 && templates.rank() == 4 && map.size(2) == templates.size(3),
                      "dim: a map [H,W,C] and templates [N,h,w,C] are needed; got ", map.shape(), " and ",
                      templates.shape());
  const Index count = templates.size(0), rows = templates.size(1), columns = templates.size(2),
              channels = templates.size(3), height = map.size(0), width = map.size(1);
  require<ShapeError>(count > 0 && rows % 2 == 1 && columns % 2 == 1, "dim: templates need odd sides; got ",
                      templates.shape());
  require(options.iterations >= 1 && options.eps > 0, "dim: .iterations and .eps must be positive; got ",
          options.iterations, " and ", options.eps);
  const auto is_negative = [](T value) { return !(value >= 0); };
  require(std::none_of(map.data(), map.data() + map.numel(), is_negative) &&
              std::none_of(templates.data(), templates.data() + templates.numel(), is_negative),
          "dim: values can't be negative (on_off() splits signed ones)");
  const NoGrad no_grad;
  Tensor<T> by_largest = templates.clone(), by_sum = templates.clone();  // v and w
  std::vector<double> channel_sums(static_cast<std::size_t>(channels), 0.0);
  const Index size = rows * columns * channels;
  for (Index n = 0; n < count; ++n) {
    T *v = by_largest.mutable_data() + n * size, *w = by_sum.mutable_data() + n * size;
    const double largest = std::max(1e-6, static_cast<double>(*std::max_element(w, w + size)));
    double total = 0;
    for (Index i = 0; i < size; ++i) total += static_cast<double>(w[i]);
    for (Index i = 0; i < size; ++i) {
      v[i] = static_cast<T>(static_cast<double>(v[i]) / largest);
      w[i] = static_cast<T>(static_cast<double>(w[i]) / std::max(1e-6, total));
      channel_sums[static_cast<std::size_t>(i % channels)] += static_cast<double>(v[i]);
    }
  }
  const double eps1 = options.eps / std::max(1e-12, *std::max_element(channel_sums.begin(), channel_sums.end()));

  const kernels::Padding padding(rows / 2, columns / 2);
  const Variable<T> correlate(by_sum), lay_down(by_largest);
  Tensor<T> y = Tensor<T>::zeros({1, height, width, count}), e = Tensor<T>::empty({1, height, width, channels});
  const Tensor<T> x = map.reshape(Shape{1, height, width, channels});
  for (Index round = 0; round < options.iterations; ++round) {
    // conv_transpose2d adds Y times the template around each place: the adjoint of the correlation below.
    const Tensor<T> prediction = conv_transpose2d(y, lay_down, {.padding = padding}).value();
    std::transform(x.data(), x.data() + x.numel(), prediction.data(), e.mutable_data(),
                   [&](T input, T predicted) { return input / std::max(static_cast<T>(options.eps), predicted); });
    const Tensor<T> found = conv2d(e, correlate, {.padding = padding}).value();
    std::transform(y.data(), y.data() + y.numel(), found.data(), y.mutable_data(),
                   [&](T old, T factor) { return std::max(static_cast<T>(eps1), old) * std::max(factor, T{0}); });
  }
  return permute(y.reshape(Shape{height, width, count}), {2, 0, 1});
}

}  // namespace kashi::inline v0::vision
