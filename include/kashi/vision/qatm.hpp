/// QATM (Cheng et al. 2019): how well, and how uniquely, places of a picture and of a template answer each other.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include <kashi/core/manipulate.hpp>
#include <kashi/core/matmul.hpp>
#include <kashi/vision/correlation.hpp>

namespace kashi::inline v0::vision {

struct QatmOptions {
  double alpha = 25;  ///< sharpness of the softmax; the paper's about 28.4 for VGG
  bool standardise =
      true;           ///< every channel by its mean and deviation over picture and template together, as the authors do
  bool root = false;  ///< the square root of the quality, as the public code has it; the order is the same
};

namespace detail {

/// Rows [n,C] of two maps made vectors of length 1, after standardisation over both together if asked. A zero vector
/// stays.
template <class T>
std::pair<Tensor<T>, Tensor<T>> unit_rows(const Tensor<T>& a, const Tensor<T>& b, bool standardise) {
  const Index channels = a.size(1), count = a.size(0) + b.size(0);
  std::vector<double> mean(static_cast<std::size_t>(channels), 0.0), scale(static_cast<std::size_t>(channels), 1.0);
  if (standardise) {
    std::vector<double> squares(static_cast<std::size_t>(channels), 0.0);
    for (const Tensor<T>* part : {&a, &b})
      for (Index i = 0; i < part->numel(); ++i) {
        const double value = static_cast<double>(part->data()[i]);
        mean[static_cast<std::size_t>(i % channels)] += value;
        squares[static_cast<std::size_t>(i % channels)] += value * value;
      }
    for (std::size_t c = 0; c < mean.size(); ++c) {
      mean[c] /= static_cast<double>(count);
      const double variance = squares[c] / static_cast<double>(count) - mean[c] * mean[c];
      scale[c] = variance > 1e-12 ? 1 / std::sqrt(variance) : 0;
    }
  }
  const auto unit = [&](const Tensor<T>& part) {
    Tensor<T> out = Tensor<T>::empty(part.shape());
    T* to = out.mutable_data();
    for (Index row = 0; row < part.size(0); ++row, to += channels) {
      double squares = 0;
      for (Index c = 0; c < channels; ++c) {
        const double value =
            (static_cast<double>(part.data()[row * channels + c]) - mean[static_cast<std::size_t>(c)]) *
            scale[static_cast<std::size_t>(c)];
        to[c] = static_cast<T>(value);
        squares += value * value;
      }
      const T length = squares > 0 ? static_cast<T>(1 / std::sqrt(squares)) : 0;
      for (Index c = 0; c < channels; ++c) to[c] *= length;
    }
    return out;
  };
  return {unit(a), unit(b)};
}

}  // namespace detail

/// The quality of every place s of a map [H,W,C], [H,W]: the largest L(t|s) L(s|t) over the template's places t, L
/// being softmaxes of alpha times the cosine, over the template's places and over the map's. Near 1 for a place that
/// answers one place of the template as that one answers it; 1/N, 1/M, 1/(MN) for N or M copies. Throws ShapeError.
template <class T>
Tensor<T> qatm_quality(const Tensor<T>& map, const Tensor<T>& templ, const QatmOptions& options = {}) {
  require<ShapeError>(
      map.rank() == 3 && templ.rank() == 3 && map.size(2) == templ.size(2) && map.numel() > 0 && templ.numel() > 0,
      "qatm: a map [H,W,C] and a template [h,w,C] are needed; got ", map.shape(), " and ", templ.shape());
  const Index places = map.size(0) * map.size(1), points = templ.size(0) * templ.size(1), channels = map.size(2);
  const auto [s, t] = detail::unit_rows(map.reshape(Shape{places, channels}), templ.reshape(Shape{points, channels}),
                                        options.standardise);
  const Tensor<T> cosines = matmul(s, transpose(t));  // [places,points]
  // log L(s|t) needs the sum over places for each t; cosines are at most 1, so that exp(alpha (c - 1)) can't overflow.
  const T alpha = static_cast<T>(options.alpha);
  std::vector<double> by_point(static_cast<std::size_t>(points), 0.0);
  for (Index p = 0; p < places; ++p)
    for (Index q = 0; q < points; ++q)
      by_point[static_cast<std::size_t>(q)] +=
          static_cast<double>(std::exp(alpha * (cosines.data()[p * points + q] - 1)));
  std::vector<double> log_by_point(by_point.size());
  std::transform(by_point.begin(), by_point.end(), log_by_point.begin(), [](double total) { return std::log(total); });
  Tensor<T> out = Tensor<T>::empty({map.size(0), map.size(1)});
  T* quality = out.mutable_data();
  parallel_for(places, 64, [&](Index begin, Index end) {
    for (Index p = begin; p < end; ++p) {
      const T* row = cosines.data() + p * points;
      double total = 0, best = -std::numeric_limits<double>::infinity();
      for (Index q = 0; q < points; ++q) {
        total += static_cast<double>(std::exp(alpha * (row[q] - 1)));
        best =
            std::max(best, 2 * static_cast<double>(alpha * (row[q] - 1)) - log_by_point[static_cast<std::size_t>(q)]);
      }
      const double log_quality = best - std::log(total);
      quality[p] = static_cast<T>(std::exp(options.root ? log_quality / 2 : log_quality));
    }
  });
  return out;
}

/// QATM's score of every window of the template's size, [H-h+1,W-w+1]: the geometric mean of the qualities in it.
/// Throws ShapeError.
template <class T>
Tensor<T> qatm(const Tensor<T>& map, const Tensor<T>& templ, const QatmOptions& options = {}) {
  detail::check_template("qatm", map.shape(), templ.shape());
  const Tensor<T> quality = qatm_quality(map, templ, options);
  const Index pixels = templ.size(0) * templ.size(1);
  const std::vector<double> sums =
      detail::window_sums(map.size(0), map.size(1), templ.size(0), templ.size(1), [&](Index y, Index x) {
        return std::log(std::max(static_cast<double>(quality.data()[y * map.size(1) + x]), 1e-300));
      });
  Tensor<T> out = Tensor<T>::empty({map.size(0) - templ.size(0) + 1, map.size(1) - templ.size(1) + 1});
  std::transform(sums.begin(), sums.end(), out.mutable_data(),
                 [&](double sum) { return static_cast<T>(std::exp(sum / static_cast<double>(pixels))); });
  return out;
}

}  // namespace kashi::inline v0::vision
