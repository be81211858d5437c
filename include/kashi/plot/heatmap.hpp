/// Heat maps over pictures: where a network looks.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <kashi/core/error.hpp>
#include <kashi/core/tensor.hpp>
#include <kashi/plot/canvas.hpp>
#include <kashi/plot/colormap.hpp>
#include <kashi/plot/resize.hpp>

namespace kashi::inline v0::plot {

/// Numbers moved and scaled so that the smallest is 0 and the largest 1; all 0 if they are equal. NaN stays.
template <class = void>
inline Tensor<float> normalize(const Tensor<float>& values) {
  float low = std::numeric_limits<float>::infinity(), high = -low;
  for (const float value : values.span()) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  auto out = Tensor<float>::empty(values.shape());
  const float scale = high > low ? 1 / (high - low) : 0;
  std::transform(values.data(), values.data() + values.numel(), out.mutable_data(),
                 [=](float value) { return scale > 0 ? (value - low) * scale : value - value; });
  return out;
}

struct OverlayOptions {
  float opacity = 0.55f;  ///< of the map's colours
  ColorMap map = ColorMap::inferno;
  bool fade = false;  ///< lets the picture shine through where the map is low
};

/// A heat map [h,w] with values 0..1 (see normalize), stretched over a picture [H,W] or [H,W,1..4]; gives [H,W,3].
/// Throws ShapeError.
template <class = void>
inline Image overlay(const Image& picture, const Tensor<float>& heat, const OverlayOptions& options = {}) {
  require<ShapeError>(heat.rank() == 2 && heat.numel() > 0, "overlay: a heat map is [h,w]; got ", heat.shape());
  Canvas canvas(picture);
  const Tensor<float> stretched = resize(heat, canvas.height(), canvas.width());
  const float* value = stretched.data();
  for (Index y = 0; y < canvas.height(); ++y) {
    for (Index x = 0; x < canvas.width(); ++x, ++value) {
      const float share = options.fade ? std::clamp(*value, 0.0f, 1.0f) : 1.0f;
      canvas.blend(x, y, map_color(options.map, *value), options.opacity * share);
    }
  }
  return canvas.image();
}

}  // namespace kashi::inline v0::plot
