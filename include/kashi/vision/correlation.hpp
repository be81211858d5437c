/// Template matching by correlation: SSD, NCC and ZNCC of a template with every window of a map.
///
/// Maps are [H,W,C]: pixels, or the features of a network's layer. The answer has a score for every window that lies
/// inside, [H-h+1,W-w+1].
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include <kashi/core/tensor.hpp>
#include <kashi/ops/conv.hpp>

namespace kashi::inline v0::vision {

enum class Similarity {
  ncc,   ///< normalised cross-correlation, p.t / (|p| |t|): -1..1
  zncc,  ///< the same after each has lost its mean, channel by channel: -1..1
  ssd    ///< minus the sum of squared differences: 0 at best
};

/// A place of the best score.
struct Place {
  Index y = 0;
  Index x = 0;
  double score = 0;
};

namespace detail {

inline void check_template(const char* who, const Shape& map, const Shape& templ) {
  require<ShapeError>(map.rank() == 3 && templ.rank() == 3 && map[2] == templ[2], who,
                      ": a map [H,W,C] and a template [h,w,C] are needed; got ", map, " and ", templ);
  require<ShapeError>(templ.numel() > 0 && templ[0] <= map[0] && templ[1] <= map[1], who, ": the template ", templ,
                      " does not fit into the map ", map);
}

/// Sums over all windows, [H-h+1,W-w+1], of values(y, x), by an integral image in double.
template <class F>
std::vector<double> window_sums(Index height, Index width, Index window_height, Index window_width, F&& values) {
  const Index stride = width + 1;
  std::vector<double> integral(static_cast<std::size_t>((height + 1) * stride), 0.0);
  for (Index y = 0; y < height; ++y) {
    double row = 0;
    for (Index x = 0; x < width; ++x) {
      row += values(y, x);
      integral[static_cast<std::size_t>((y + 1) * stride + x + 1)] =
          integral[static_cast<std::size_t>(y * stride + x + 1)] + row;
    }
  }
  std::vector<double> out;
  const auto at = [&](Index y, Index x) { return integral[static_cast<std::size_t>(y * stride + x)]; };
  for (Index y = 0; y + window_height <= height; ++y)
    for (Index x = 0; x + window_width <= width; ++x)
      out.push_back(at(y + window_height, x + window_width) - at(y, x + window_width) - at(y + window_height, x) +
                    at(y, x));
  return out;
}

}  // namespace detail

/// Scores of a template at every place. A flat template or window (of which nothing is left after the mean, or which is
/// all 0) scores 0. Throws ShapeError if the template does not fit.
template <class T>
Tensor<T> match_template(const Tensor<T>& map, const Tensor<T>& templ, Similarity similarity = Similarity::ncc) {
  detail::check_template("match_template", map.shape(), templ.shape());
  const NoGrad no_grad;
  const Index height = map.size(0), width = map.size(1), channels = map.size(2), rows = templ.size(0),
              columns = templ.size(1), pixels = rows * columns;
  Tensor<T> kernel = templ.clone();
  if (similarity == Similarity::zncc) {  // a kernel without mean makes the windows' means drop out of the product
    T* value = kernel.mutable_data();
    for (Index c = 0; c < channels; ++c) {
      double total = 0;
      for (Index p = 0; p < pixels; ++p) total += static_cast<double>(value[p * channels + c]);
      for (Index p = 0; p < pixels; ++p) value[p * channels + c] -= static_cast<T>(total / static_cast<double>(pixels));
    }
  }
  double kernel_squares = 0;
  for (const T value : kernel.span()) kernel_squares += static_cast<double>(value) * static_cast<double>(value);

  std::vector<double> squares = detail::window_sums(height, width, rows, columns, [&](Index y, Index x) {
    double total = 0;
    const T* value = map.data() + (y * width + x) * channels;
    for (Index c = 0; c < channels; ++c) total += static_cast<double>(value[c]) * static_cast<double>(value[c]);
    return total;
  });
  if (similarity == Similarity::zncc) {
    for (Index c = 0; c < channels; ++c) {
      const auto sums = detail::window_sums(height, width, rows, columns, [&](Index y, Index x) {
        return static_cast<double>(map.data()[(y * width + x) * channels + c]);
      });
      for (std::size_t i = 0; i < squares.size(); ++i) squares[i] -= sums[i] * sums[i] / static_cast<double>(pixels);
    }
  }
  const Tensor<T> products =
      conv2d(map.reshape(Shape{1, height, width, channels}), kernel.reshape(Shape{1, rows, columns, channels})).value();
  Tensor<T> out = Tensor<T>::empty({height - rows + 1, width - columns + 1});
  T* score = out.mutable_data();
  for (Index i = 0; i < out.numel(); ++i) {
    const double product = static_cast<double>(products.data()[i]), square = squares[static_cast<std::size_t>(i)];
    if (similarity == Similarity::ssd)
      score[i] = static_cast<T>(std::min(0.0, 2 * product - square - kernel_squares));
    else
      score[i] = square > 1e-8 && kernel_squares > 1e-8
                     ? static_cast<T>(std::clamp(product / std::sqrt(square * kernel_squares), -1.0, 1.0))
                     : T{0};
  }
  return out;
}

/// The place of the largest score; the first of equal ones. Throws ShapeError unless scores are [h,w] with h, w > 0.
inline Place best_place(const Tensor<float>& scores) {
  require<ShapeError>(scores.rank() == 2 && scores.numel() > 0, "best_place: scores [h,w] are needed; got ",
                      scores.shape());
  const Index at = std::max_element(scores.data(), scores.data() + scores.numel()) - scores.data();
  return {at / scores.size(1), at % scores.size(1), static_cast<double>(scores.data()[at])};
}

}  // namespace kashi::inline v0::vision
