/// DDIS (Talmi et al. 2017): deformable diversity similarity. A window is like the template if its points find their
/// nearest neighbours all over the template, at about their own place.
#pragma once

#include <cmath>
#include <vector>

#include <kashi/vision/correlation.hpp>

namespace kashi::inline v0::vision {

struct DdisOptions {
  double bandwidth = 1;  ///< h: how much the sharing of a template's point costs
};

/// For every place of a map [H,W,C] the number (row-major) of the nearest place of the template [h,w,C], by squared
/// distance; the first of equal ones. Throws ShapeError.
template <class = void>
inline Tensor<Index> nearest_places(const Tensor<float>& map, const Tensor<float>& templ) {
  require<ShapeError>(map.rank() == 3 && templ.rank() == 3 && map.size(2) == templ.size(2) && templ.numel() > 0,
                      "nearest_places: a map [H,W,C] and a template [h,w,C] are needed; got ", map.shape(), " and ",
                      templ.shape());
  const Index channels = map.size(2), points = templ.size(0) * templ.size(1);
  Tensor<Index> out = Tensor<Index>::empty({map.size(0), map.size(1)});
  Index* nearest = out.mutable_data();
  parallel_for(out.numel(), 16, [&](Index begin, Index end) {
    for (Index p = begin; p < end; ++p) {
      float best = std::numeric_limits<float>::infinity();
      nearest[p] = 0;
      for (Index q = 0; q < points; ++q) {
        float distance = 0;
        for (Index c = 0; c < channels; ++c) {
          const float difference = map.data()[p * channels + c] - templ.data()[q * channels + c];
          distance += difference * difference;
        }
        if (distance >= best) continue;
        best = distance;
        nearest[p] = q;
      }
    }
  });
  return out;
}

/// The score of every window of the template's size, [H-h+1,W-w+1]: the sum over its points of exp((1 - k) / h) / (1 +
/// r), k how many of the window's points share the nearest neighbour, r how far it moved. The template itself scores
/// its number of points. The authors smooth the map afterwards by a box of a third of the template. Throws ShapeError.
template <class = void>
inline Tensor<float> ddis(const Tensor<float>& map, const Tensor<float>& templ, const DdisOptions& options = {}) {
  detail::check_template("ddis", map.shape(), templ.shape());
  require(options.bandwidth > 0, "ddis: .bandwidth must be positive; got ", options.bandwidth);
  const Tensor<Index> nearest = nearest_places(map, templ);
  const Index rows = templ.size(0), columns = templ.size(1), width = map.size(1);
  Tensor<float> out = Tensor<float>::empty({map.size(0) - rows + 1, width - columns + 1});
  float* scores = out.mutable_data();
  parallel_for(out.size(0), 1, [&](Index begin, Index end) {
    std::vector<double> shared(static_cast<std::size_t>(rows * columns));
    for (Index y = begin; y < end; ++y)
      for (Index x = 0; x < out.size(1); ++x) {
        std::fill(shared.begin(), shared.end(), 0.0);
        for (Index i = 0; i < rows; ++i)
          for (Index j = 0; j < columns; ++j)
            ++shared[static_cast<std::size_t>(nearest.data()[(y + i) * width + x + j])];
        double total = 0;
        for (Index i = 0; i < rows; ++i)
          for (Index j = 0; j < columns; ++j) {
            const Index found = nearest.data()[(y + i) * width + x + j];
            const double moved =
                std::hypot(static_cast<double>(found / columns - i), static_cast<double>(found % columns - j));
            total += std::exp((1 - shared[static_cast<std::size_t>(found)]) / options.bandwidth) / (1 + moved);
          }
        scores[y * out.size(1) + x] = static_cast<float>(total);
      }
  });
  return out;
}

}  // namespace kashi::inline v0::vision
