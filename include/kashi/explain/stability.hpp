/// How steady a map of importance is when the image changes a little: rank correlation, distance and shared top places
/// of two maps, max-sensitivity (Yeh et al. 2019), and shifts whose effect on the map can be undone.
///
/// The class must be held fixed by whoever makes the maps: a map of another class is another question, not an unsteady
/// answer.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <kashi/explain/metrics.hpp>

namespace kashi::inline v0::explain {

/// How far two maps lie apart.
struct MapChange {
  double rank_correlation = 0;  ///< Spearman's, of signed values; 0 if either map is constant
  double distance = 0;          ///< |after - before| / |before|, in L2; infinite if only `before` is all 0
  double top_overlap = 0;       ///< the share of the top places that both have
};

namespace detail {

/// The places of the largest `count` values; equal ones in the order of their places.
template <class T>
std::vector<Index> top_places(const Tensor<T>& map, Index count) {
  std::vector<Index> order(static_cast<std::size_t>(map.numel()));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return map.data()[a] > map.data()[b]; });
  order.resize(static_cast<std::size_t>(count));
  std::sort(order.begin(), order.end());
  return order;
}

}  // namespace detail

/// |after - before| / |before| in L2: 0 for equal tensors, infinite if only `before` is all 0. Throws ShapeError.
template <class T>
double relative_distance(const Tensor<T>& before, const Tensor<T>& after) {
  require<ShapeError>(before.shape() == after.shape(), "relative_distance: two maps of one shape are needed; got ",
                      before.shape(), " and ", after.shape());
  double change = 0, size = 0;
  for (Index i = 0; i < before.numel(); ++i) {
    const double a = static_cast<double>(before.data()[i]), b = static_cast<double>(after.data()[i]);
    change += (b - a) * (b - a);
    size += a * a;
  }
  if (change == 0) return 0;
  return size > 0 ? std::sqrt(change / size) : std::numeric_limits<double>::infinity();
}

/// Compares the maps of an image before and after a change. `top`: which share of the places counts as top. Throws
/// ShapeError, ValueError unless top lies in (0,1].
template <class T>
MapChange map_change(const Tensor<T>& before, const Tensor<T>& after, double top = 0.1) {
  require(top > 0 && top <= 1, "map_change: the share of top places lies in (0,1]; got ", top);
  MapChange out{.rank_correlation = 0, .distance = relative_distance(before, after), .top_overlap = 1};
  if (before.numel() == 0) return out;
  out.rank_correlation = spearman(before, after);
  const Index count = std::max<Index>(1, std::llround(top * static_cast<double>(before.numel())));
  const std::vector<Index> a = detail::top_places(before, count), b = detail::top_places(after, count);
  std::vector<Index> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  out.top_overlap = static_cast<double>(both.size()) / static_cast<double>(count);
  return out;
}

/// From an image to its map.
template <class T>
using MapOf = std::function<Tensor<T>(const Tensor<T>& image)>;

struct MaxSensitivityOptions {
  double radius = 0.02;  ///< of the L-inf ball, in the image's unit
  Index samples = 10;    ///< the answer grows with their number: compare equal numbers only
  std::uint64_t seed = 42;
};

/// Max-sensitivity (Yeh et al. 2019): the largest relative distance of the maps of images drawn uniformly from the ball
/// to the image's own. A lower bound, as it is sampled. Throws ValueError for bad options.
template <class T>
double max_sensitivity(const std::type_identity_t<MapOf<T>>& map_of, const Tensor<T>& image,
                       const MaxSensitivityOptions& options = {}) {
  require(options.radius >= 0 && options.samples >= 1,
          "max_sensitivity: .radius can't be negative, .samples must be at least 1; got ", options.radius, " and ",
          options.samples);
  const Tensor<T> before = map_of(image);
  random::Generator generator(options.seed);
  double largest = 0;
  for (Index i = 0; i < options.samples; ++i)
    largest = std::max(
        largest, relative_distance(
                     before, map_of(image + generator.uniform<T>(image.shape(), -options.radius, options.radius))));
  return largest;
}

/// An image [H,W,C] or a map [H,W] moved down and to the right; what comes in at an edge repeats the edge. Throws
/// ShapeError.
template <class T>
Tensor<T> shifted(const Tensor<T>& image, Index down, Index right) {
  require<ShapeError>(image.rank() == 2 || image.rank() == 3,
                      "shifted: an image [H,W,C] or a map [H,W] is needed; got ", image.shape());
  const Index height = image.size(0), width = image.size(1), channels = image.rank() == 3 ? image.size(2) : 1;
  Tensor<T> out = Tensor<T>::empty(image.shape());
  T* to = out.mutable_data();
  for (Index y = 0; y < height; ++y)
    for (Index x = 0; x < width; ++x, to += channels) {
      const Index from_y = std::clamp<Index>(y - down, 0, height - 1),
                  from_x = std::clamp<Index>(x - right, 0, width - 1);
      std::copy_n(image.data() + (from_y * width + from_x) * channels, channels, to);
    }
  return out;
}

/// The inside of a map [H,W], without `margin` places at each edge. Throws ShapeError if nothing is left.
template <class T>
Tensor<T> inside(const Tensor<T>& map, Index margin) {
  require<ShapeError>(map.rank() == 2 && margin >= 0 && map.size(0) > 2 * margin && map.size(1) > 2 * margin,
                      "inside: a map [H,W] larger than two margins of ", margin, " is needed; got ", map.shape());
  Tensor<T> out = Tensor<T>::empty({map.size(0) - 2 * margin, map.size(1) - 2 * margin});
  T* to = out.mutable_data();
  for (Index y = margin; y < map.size(0) - margin; ++y, to += out.size(1))
    std::copy_n(map.data() + y * map.size(1) + margin, out.size(1), to);
  return out;
}

/// How the map changes when the image is moved, after the map was moved back; the edges that came in are left out.
/// `map_of` gives maps of the image's size. Throws ShapeError.
template <class T>
MapChange change_by_shift(const std::type_identity_t<MapOf<T>>& map_of, const Tensor<T>& image, Index down,
                          Index right) {
  const Index margin = std::max(std::abs(down), std::abs(right));
  const Tensor<T> before = map_of(image), after = map_of(shifted(image, down, right));
  require<ShapeError>(before.shape() == Shape{image.size(0), image.size(1)},
                      "change_by_shift: maps of the image's size ", image.shape(), " are needed; got ", before.shape());
  return map_change(inside(before, margin), inside(shifted(after, -down, -right), margin));
}

}  // namespace kashi::inline v0::explain
