/// From a map of evidence to the square that is cut out of the scene.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include <kashi/data/resize.hpp>

#include "scene.hpp"

namespace vqa {

/// Where the units of a map look: unit i is centred on pixel coordinate first + i * step.
struct MapGeometry {
  double first = 0.5;
  double step = 1;
};

/// A square in pixels, within the scene.
struct Crop {
  Index x = 0, y = 0, side = 0;

  double centre_x() const { return static_cast<double>(x) + static_cast<double>(side) / 2; }
  double centre_y() const { return static_cast<double>(y) + static_cast<double>(side) / 2; }
  double share() const { return static_cast<double>(side * side) / static_cast<double>(scene_size * scene_size); }
  /// Whether the object's centre and nine tenths of its box lie inside.
  bool holds(const Object& object) const {
    const auto part = [this, &object](double centre, Index begin) {
      const double low = std::max(centre - object.radius, static_cast<double>(begin)),
                   high = std::min(centre + object.radius, static_cast<double>(begin + side));
      return std::max(0.0, high - low) / (2 * object.radius);
    };
    return part(object.x, x) > 0.5 && part(object.y, y) > 0.5 && part(object.x, x) * part(object.y, y) >= 0.9;
  }
};

inline constexpr Index least_side = 30;

/// The square of a side round a place, moved into the scene where it reaches out.
inline Crop crop_around(double x, double y, Index side) {
  const auto begin = [side](double centre) {
    return std::clamp<Index>(static_cast<Index>(std::lround(centre - static_cast<double>(side) / 2)), 0,
                             scene_size - side);
  };
  return {begin(x), begin(y), side};
}

namespace detail {

/// The cells that are connected with `start` through cells of at least `level`.
inline std::vector<Index> component(const kashi::Tensor<float>& map, Index start, float level) {
  const Index H = map.size(0), W = map.size(1);
  std::vector<bool> seen(static_cast<std::size_t>(map.numel()));
  std::vector<Index> out, open{start};
  seen[static_cast<std::size_t>(start)] = true;
  while (!open.empty()) {
    const Index cell = open.back();
    open.pop_back();
    out.push_back(cell);
    const Index y = cell / W, x = cell % W;
    for (const auto& [ny, nx] : {std::pair{y - 1, x}, {y + 1, x}, {y, x - 1}, {y, x + 1}}) {
      if (ny < 0 || nx < 0 || ny >= H || nx >= W) continue;
      const Index next = ny * W + nx;
      if (seen[static_cast<std::size_t>(next)] || map.data()[next] < level) continue;
      seen[static_cast<std::size_t>(next)] = true;
      open.push_back(next);
    }
  }
  return out;
}

}  // namespace detail

/// The region of a map's largest number, as a square: the cells above `core` of it that are connected with it; then a
/// quarter wider, not below least_side. The soft maximum listens to the largest evidence, so a wide region of less is
/// no rival. Where nothing is positive: the middle.
inline Crop find_region(const kashi::Tensor<float>& map, const MapGeometry& geometry, float core = 0.5f) {
  const auto peak = std::max_element(map.data(), map.data() + map.numel());
  if (!(*peak > 0)) return crop_around(scene_size / 2.0, scene_size / 2.0, least_side);
  const Index W = map.size(1);
  Index top = map.size(0), bottom = 0, left = W, right = 0;
  for (const Index cell : detail::component(map, peak - map.data(), core * *peak)) {
    top = std::min(top, cell / W);
    bottom = std::max(bottom, cell / W);
    left = std::min(left, cell % W);
    right = std::max(right, cell % W);
  }
  const auto centre = [&](Index low, Index high) {
    return geometry.first + geometry.step * static_cast<double>(low + high) / 2;
  };
  const double extent = geometry.step * static_cast<double>(std::max(bottom - top, right - left) + 1);
  const Index side = std::clamp<Index>(static_cast<Index>(std::lround(1.25 * extent)), least_side, scene_size / 2);
  return crop_around(centre(left, right), centre(top, bottom), side);
}

/// A crop at the size that the reader takes, [side,side,3].
inline kashi::Tensor<float> cut(const kashi::Tensor<float>& picture, const Crop& crop, Index side) {
  using namespace kashi;
  data::Example example{.image = Tensor<float>::empty({crop.side, crop.side, 3})};
  float* to = example.image.mutable_data();
  for (Index y = crop.y; y < crop.y + crop.side; ++y)
    to = std::copy_n(picture.data() + (y * scene_size + crop.x) * 3, crop.side * 3, to);
  RandomStream unused(0, 0, 0);
  data::Resize({.size = {side, side}})(example, unused);
  return example.image;
}

}  // namespace vqa
