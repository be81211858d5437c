/// Map: how much each place of a layer counts for a target, in three forms that are kept apart.
///
/// raw is signed and has the layer's resolution; positive is max(raw, 0); shown is positive divided by its largest
/// value.
#pragma once

#include <algorithm>

#include <kashi/core/reduce.hpp>
#include <kashi/ops/resize.hpp>

namespace kashi::inline v0::explain {

/// A map of importance. T: float or double.
template <class T>
struct Map {
  Tensor<T> raw;               ///< [h,w], signed
  double score = 0;            ///< the target's value for the image
  Index class_index = -1;      ///< the class that was explained; -1 for a function
  Tensor<T> standard_error{};  ///< [h,w], of sampled maps; empty for others

  /// max(raw, 0), [h,w].
  Tensor<T> positive() const {
    Tensor<T> out = raw.clone();
    for (T& value : out.mutable_span()) value = std::max(value, T{0});
    return out;
  }

  /// positive() divided by its largest value, [h,w] in [0,1]; all zero where nothing is positive.
  Tensor<T> shown() const {
    Tensor<T> out = positive();
    const T largest = out.numel() > 0 ? max(out).item() : T{0};
    const bool counts = largest > std::numeric_limits<T>::min();
    for (T& value : out.mutable_span()) value = counts ? value / largest : T{0};
    return out;
  }

  /// shown() at another size, bilinear with half-pixel centres: [height,width]. Throws ShapeError for sizes below 1.
  Tensor<T> shown(Index height, Index width) const { return resized(shown(), height, width); }

  /// raw at another size, likewise: what metrics that only look at the order of places take.
  Tensor<T> raw_at(Index height, Index width) const { return resized(raw, height, width); }

 private:
  static Tensor<T> resized(const Tensor<T>& small, Index height, Index width) {
    const NoGrad no_grad;
    return resize(small.reshape(Shape{1, small.size(0), small.size(1), 1}), {height, width},
                  {.mode = ResizeMode::bilinear})
        .value()
        .reshape(Shape{height, width});
  }
};

}  // namespace kashi::inline v0::explain
