/// What a layer's filters look like.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/core/tensor.hpp>
#include <kashi/io/pixels.hpp>
#include <kashi/plot/colormap.hpp>
#include <kashi/plot/contact_sheet.hpp>

namespace kashi::inline v0::plot {

struct FilterSheetOptions {
  std::string title = {};
  Index largest_count = 64;  ///< filters shown
  int columns = 0;
  Index cell = 64;
};

/// Weights of a convolution [O,KH,KW,C] as pictures. Three channels become colours around grey, where 0 is; other
/// numbers of channels become one picture each, blue for negative and red for positive. Every filter is scaled by its
/// own largest weight. Throws ShapeError.
template <class = void>
inline Image filter_sheet(const Tensor<float>& weight, const FilterSheetOptions& options = {}) {
  require<ShapeError>(weight.rank() == 4 && weight.numel() > 0, "filter_sheet: a weight is [O,KH,KW,C]; got ",
                      weight.shape());
  const Index height = weight.size(1), width = weight.size(2), channels = weight.size(3);
  std::vector<Image> pictures;
  for (Index filter = 0; filter < weight.size(0); ++filter) {
    Tensor<float> shown = weight[filter].clone();
    float largest = 0;
    for (const float value : shown.span()) largest = std::max(largest, std::abs(value));
    for (float& value : shown.mutable_span()) value = largest > 0 ? 0.5f + 0.5f * value / largest : 0.5f;
    for (Index channel = 0; channel < (channels == 3 ? 1 : channels); ++channel) {
      if (static_cast<Index>(pictures.size()) == options.largest_count) break;
      if (channels == 3) {
        pictures.push_back(io::to_bytes(shown));
        continue;
      }
      auto plane = Tensor<float>::empty({height, width});
      for (Index i = 0; i < height * width; ++i) plane.mutable_data()[i] = shown.data()[i * channels + channel];
      pictures.push_back(colorize(plane, ColorMap::blue_red));
    }
  }
  return contact_sheet(
      pictures, {},
      {.title = options.title, .columns = options.columns, .cell = options.cell, .resize = Resize::nearest});
}

}  // namespace kashi::inline v0::plot
