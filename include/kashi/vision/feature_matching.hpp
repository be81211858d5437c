/// Template matching on the feature maps of a network, at a grid that fits the template.
///
/// Two pictures go through the network once. Each channel is standardised over both, and normalised correlation
/// compares the template's cells with those of every window; cells that look like what surrounds the template count
/// less, for they are likely background. The best windows are then looked for in the template's own picture: one that
/// answers another place there as well is less believed (after the idea of Spratling's DIM that templates compete).
/// Products are taken where a layer has its cells and then interpolated to the grid, which is the same as interpolating
/// the features and costs a fraction.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include <kashi/ops/conv.hpp>
#include <kashi/vision/feature_maps.hpp>

namespace kashi::inline v0::vision {

struct FeatureMatchOptions {
  double cells = 8;  ///< the template is divided into about cells x cells parts
  double surroundings =
      0.5;  ///< width, in the template's sides, of the frame that tells background; 0: all cells count alike
  Index candidates = 6;  ///< windows that are looked for in the template's own picture; 1: the best score wins
  double rivalry = 0.5;  ///< how much of a candidate's likeness to another place there is taken off its score
};

/// Scores of a template at the places of a search picture.
struct FeatureMatch {
  Tensor<float> scores;  ///< [rows,columns]: of the window whose first cell is this one
  Grid grid;             ///< of the search picture
  Box found;             ///< the best box, of the template's size, in pixels and their fractions
  double score = 0;      ///< of the found box, before anything is taken off: 1 for the template itself
};

namespace detail {

/// The middle of the parabola through three scores around the best, -0.5..0.5.
inline double parabola(double before, double best, double after) {
  const double bend = before - 2 * best + after;
  return bend < 0 ? std::clamp((before - after) / (2 * bend), -0.5, 0.5) : 0;
}

/// Makes -2, less than any likeness, of the scores nearer to a place than `rows` and `columns`.
inline void erase_around(Tensor<float>& scores, const Place& place, Index rows, Index columns) {
  float* value = scores.mutable_data();
  for (Index y = std::max<Index>(0, place.y - rows + 1); y < std::min(scores.size(0), place.y + rows); ++y)
    for (Index x = std::max<Index>(0, place.x - columns + 1); x < std::min(scores.size(1), place.x + columns); ++x)
      value[y * scores.size(1) + x] = -2;
}

/// The places of a template's own picture that answer it best, at least the template's height or width apart from it
/// and each other.
template <class = void>
inline std::vector<Place> find_rivals(const Tensor<float>& scores, Place own, Index rows, Index columns, Index count) {
  std::vector<Place> taken{own};
  Tensor<float> left = scores.clone();
  while (static_cast<Index>(taken.size()) <= count) {
    erase_around(left, taken.back(), rows, columns);
    const Place best = best_place(left);
    if (best.score <= -2) break;
    taken.push_back(best);
  }
  taken.erase(taken.begin());
  return taken;
}

inline double dot(const float* a, const float* b, Index n) {
  float total = 0;
  for (Index i = 0; i < n; ++i) total += a[i] * b[i];
  return static_cast<double>(total);
}

/// Products of the features at neighbouring cells, [h,w,5]: with itself, right, below, and along both diagonals of the
/// square to the right and below. They give the length of any bilinear mixture of four cells.
template <class = void>
inline FeatureMap neighbour_products(const FeatureMap& map) {
  const Index height = map.values.size(0), width = map.values.size(1), channels = map.values.size(2);
  FeatureMap out{Tensor<float>::empty({height, width, 5}), map.stride, map.offset, 1};
  float* to = out.values.mutable_data();
  const float* from = map.values.data();
  parallel_for(height, 2, [&](Index begin, Index end) {
    for (Index y = begin; y < end; ++y)
      for (Index x = 0; x < width; ++x) {
        const Index right = x + 1 < width ? channels : 0, below = y + 1 < height ? width * channels : 0;
        const float* a = from + (y * width + x) * channels;
        const std::array<double, 5> products{dot(a, a, channels), dot(a, a + right, channels),
                                             dot(a, a + below, channels), dot(a, a + right + below, channels),
                                             dot(a + right, a + below, channels)};
        for (std::size_t k = 0; k < 5; ++k)
          to[(y * width + x) * 5 + static_cast<Index>(k)] = static_cast<float>(products[k]);
      }
  });
  return out;
}

/// Adds to `lengths` [rows,columns] the squared lengths of a map's features interpolated at the grid's cells.
template <class = void>
inline void add_squared_lengths(const FeatureMap& map, const Grid& grid, Tensor<float>& lengths) {
  const FeatureMap products = neighbour_products(map);
  const Index height = map.values.size(0), width = map.values.size(1);
  const float* from = products.values.data();
  float* to = lengths.mutable_data();
  for (Index row = 0; row < grid.rows; ++row) {
    const Tap down = tap(map, grid.y, grid.height, row, height);
    for (Index column = 0; column < grid.columns; ++column) {
      const Tap right = tap(map, grid.x, grid.width, column, width);
      const float *a = from + (down.first * width + right.first) * 5,
                  *b = from + (down.first * width + right.second) * 5,
                  *c = from + (down.second * width + right.first) * 5,
                  *d = from + (down.second * width + right.second) * 5;
      const float u = right.share, v = down.share, wa = (1 - u) * (1 - v), wb = u * (1 - v), wc = (1 - u) * v,
                  wd = u * v;
      to[row * grid.columns + column] +=
          wa * wa * a[0] + wb * wb * b[0] + wc * wc * c[0] + wd * wd * d[0] +
          2 * (wa * wb * a[1] + wc * wd * c[1] + wa * wc * a[2] + wb * wd * b[2] + wa * wd * a[3] + wb * wc * a[4]);
    }
  }
}

/// One picture's standardised maps at a grid.
struct GridFeatures {
  std::vector<FeatureMap> maps;
  Grid grid;
  Tensor<float> lengths;  ///< [rows,columns], squared

  GridFeatures(std::vector<FeatureMap> layers, const Grid& cells)
      : maps(std::move(layers)), grid(cells), lengths(Tensor<float>::zeros({cells.rows, cells.columns})) {
    for (const FeatureMap& map : maps) add_squared_lengths(map, grid, lengths);
  }

  /// The features of the window that begins at a cell, a layer each: [rows,columns,C].
  std::vector<Tensor<float>> window(Place at, Index rows, Index columns) const {
    const Grid part{grid.x + static_cast<double>(at.x) * grid.width,
                    grid.y + static_cast<double>(at.y) * grid.height,
                    grid.width,
                    grid.height,
                    columns,
                    rows};
    std::vector<Tensor<float>> out;
    for (const FeatureMap& map : maps) out.push_back(sample(map, part));
    return out;
  }
};

/// Normalised correlation of a template (a layer each) with all windows of a picture, its cells weighted.
template <class = void>
Tensor<float> correlate(const GridFeatures& picture, const std::vector<Tensor<float>>& templ,
                        const std::vector<float>& weights) {
  const Index rows = templ[0].size(0), columns = templ[0].size(1), cells = rows * columns;
  Tensor<float> products = Tensor<float>::zeros({picture.grid.rows, picture.grid.columns, cells});
  std::vector<double> templ_lengths(static_cast<std::size_t>(cells), 0.0);
  for (std::size_t layer = 0; layer < templ.size(); ++layer) {
    const FeatureMap& map = picture.maps[layer];
    const Index channels = map.values.size(2);
    const Tensor<float> native =  // a product with every cell of the template: a 1x1 convolution
        conv2d(map.values.reshape(Shape{1, map.values.size(0), map.values.size(1), channels}),
               templ[layer].reshape(Shape{cells, 1, 1, channels}))
            .value();
    const Tensor<float> at_grid = sample({native[0], map.stride, map.offset, 1}, picture.grid);
    float* total = products.mutable_data();
    for (Index i = 0; i < products.numel(); ++i) total[i] += at_grid.data()[i];
    for (Index t = 0; t < cells; ++t)
      templ_lengths[static_cast<std::size_t>(t)] +=
          dot(templ[layer].data() + t * channels, templ[layer].data() + t * channels, channels);
  }
  double templ_length = 0;
  for (std::size_t t = 0; t < templ_lengths.size(); ++t)
    templ_length += static_cast<double>(weights[t]) * templ_lengths[t];

  const Index width = picture.grid.columns;
  Tensor<float> out = Tensor<float>::empty({picture.grid.rows - rows + 1, width - columns + 1});
  float* scores = out.mutable_data();
  const float *product = products.data(), *length = picture.lengths.data();
  parallel_for(out.size(0), 2, [&](Index begin, Index end) {
    for (Index y = begin; y < end; ++y)
      for (Index x = 0; x < out.size(1); ++x) {
        double common = 0, square = 0;
        for (Index i = 0; i < rows; ++i)
          for (Index j = 0; j < columns; ++j) {
            const Index cell = (y + i) * width + x + j, t = i * columns + j;
            const float weight = weights[static_cast<std::size_t>(t)];
            common += static_cast<double>(weight * product[cell * cells + t]);
            square += static_cast<double>(weight * length[cell]);
          }
        scores[y * out.size(1) + x] =
            square > 1e-8 && templ_length > 1e-8
                ? static_cast<float>(std::clamp(common / std::sqrt(square * templ_length), -1.0, 1.0))
                : 0.0f;
      }
  });
  return out;
}

/// How much each cell of a template counts, row-major, 1 on average: one minus the mean cosine with the three likest
/// cells of a frame around the template, `frame` of its sides wide.
template <class = void>
inline std::vector<float> foreground_weights(const GridFeatures& own, const TemplateGrids& grids, double frame) {
  const Place& at = grids.place;
  std::vector<float> weights(static_cast<std::size_t>(grids.rows * grids.columns), 1.0f);
  if (frame <= 0) return weights;
  const auto margin = [&](Index side) { return std::max<Index>(1, std::lround(static_cast<double>(side) * frame)); };
  const Index top = std::max<Index>(0, at.y - margin(grids.rows)),
              bottom = std::min(grids.own.rows, at.y + grids.rows + margin(grids.rows));
  const Index left = std::max<Index>(0, at.x - margin(grids.columns)),
              right = std::min(grids.own.columns, at.x + grids.columns + margin(grids.columns));
  const Tensor<float> cells = concat(own.window({top, left, 0}, bottom - top, right - left), 2);
  const Index channels = cells.size(2);
  const auto features = [&](Index y, Index x) {
    return cells.data() + ((y - top) * (right - left) + x - left) * channels;
  };
  const auto length = [&](Index y, Index x) {
    return std::sqrt(std::max(1e-12, dot(features(y, x), features(y, x), channels)));
  };
  double total = 0;
  for (Index i = 0; i < grids.rows; ++i)
    for (Index j = 0; j < grids.columns; ++j) {
      std::vector<double> likest;
      for (Index y = top; y < bottom; ++y)
        for (Index x = left; x < right; ++x) {
          if (y >= at.y && y < at.y + grids.rows && x >= at.x && x < at.x + grids.columns) continue;
          likest.push_back(dot(features(at.y + i, at.x + j), features(y, x), channels) /
                           (length(at.y + i, at.x + j) * length(y, x)));
        }
      if (likest.empty()) return weights;
      const auto taken = static_cast<std::ptrdiff_t>(std::min<std::size_t>(3, likest.size()));
      std::partial_sort(likest.begin(), likest.begin() + taken, likest.end(), std::greater<>());
      double mean = 0;
      for (std::ptrdiff_t k = 0; k < taken; ++k)
        mean += likest[static_cast<std::size_t>(k)] / static_cast<double>(taken);
      const double weight = std::max(0.02, 1 - mean);
      weights[static_cast<std::size_t>(i * grids.columns + j)] = static_cast<float>(weight);
      total += weight;
    }
  for (float& weight : weights) weight *= static_cast<float>(static_cast<double>(weights.size()) / total);
  return weights;
}

/// The best places of a score map, best first, each at least half a template from the better ones.
template <class = void>
inline std::vector<Place> best_places(const Tensor<float>& scores, Index rows, Index columns, Index count) {
  Tensor<float> left = scores.clone();
  std::vector<Place> out;
  while (static_cast<Index>(out.size()) < count) {
    const Place best = best_place(left);
    if (best.score < -1) break;
    out.push_back(best);
    erase_around(left, best, std::max<Index>(1, rows / 2) + 1, std::max<Index>(1, columns / 2) + 1);
  }
  return out;
}

/// The likeness of a window to the place of the template's picture that is likest it, less than half a template around
/// the template left out.
inline double likeness_elsewhere(const GridFeatures& own, const TemplateGrids& grids,
                                 const std::vector<Tensor<float>>& window, const std::vector<float>& weights) {
  Tensor<float> scores = correlate(own, window, weights);
  const auto half = [](Index side) { return std::max<Index>(1, std::lround(static_cast<double>(side) / 2)); };
  erase_around(scores, grids.place, half(grids.rows), half(grids.columns));
  return std::max(-1.0, best_place(scores).score);
}

/// The best window as a box of the template's size, between the cells by a parabola through the scores beside it.
template <class = void>
inline Box refined_box(const Tensor<float>& scores, const Place& best, const Grid& grid, const Box& templ) {
  const auto at = [&](Index y, Index x) { return static_cast<double>(scores(y, x)); };
  const double x = best.x > 0 && best.x + 1 < scores.size(1)
                       ? parabola(at(best.y, best.x - 1), best.score, at(best.y, best.x + 1))
                       : 0;
  const double y = best.y > 0 && best.y + 1 < scores.size(0)
                       ? parabola(at(best.y - 1, best.x), best.score, at(best.y + 1, best.x))
                       : 0;
  return {grid.x + (static_cast<double>(best.x) + x) * grid.width,
          grid.y + (static_cast<double>(best.y) + y) * grid.height, templ.width, templ.height};
}

}  // namespace detail

/// Finds `box` of one picture in another, by the maps of both (of the same layers; see feature_maps). Sizes are of the
/// pictures themselves. The found box has the template's size and lies inside. Throws ShapeError, or ValueError for a
/// box that is not inside its picture or does not fit into the other.
template <class = void>
inline FeatureMatch match_features(const std::vector<FeatureMap>& template_maps, Index template_height,
                                   Index template_width, const Box& box, const std::vector<FeatureMap>& search_maps,
                                   Index search_height, Index search_width, const FeatureMatchOptions& options = {}) {
  const NoGrad no_grad;
  const TemplateGrids grids = template_grids(template_maps, template_height, template_width, box, search_maps,
                                             search_height, search_width, options.cells);
  std::vector<FeatureMap> own_maps = template_maps, maps = search_maps;
  for (std::size_t i = 0; i < maps.size(); ++i) {
    own_maps[i].values = own_maps[i].values.clone();
    maps[i].values = maps[i].values.clone();
    detail::standardise(own_maps[i].values, maps[i].values, maps[i].weight);
  }
  const detail::GridFeatures own(std::move(own_maps), grids.own), search(std::move(maps), grids.search);
  const std::vector<float> weights = detail::foreground_weights(own, grids, options.surroundings);
  FeatureMatch out{
      detail::correlate(search, own.window(grids.place, grids.rows, grids.columns), weights), grids.search, {}, 0};
  Place found = best_place(out.scores);
  if (options.candidates > 1) {
    double best = -std::numeric_limits<double>::infinity();
    for (const Place& candidate : detail::best_places(out.scores, grids.rows, grids.columns, options.candidates)) {
      const double elsewhere =
          detail::likeness_elsewhere(own, grids, search.window(candidate, grids.rows, grids.columns), weights);
      const double believed = candidate.score - options.rivalry * elsewhere;
      if (believed <= best) continue;
      best = believed;
      found = candidate;
    }
  }
  out.found = detail::refined_box(out.scores, found, grids.search, box);
  out.score = found.score;
  return out;
}

}  // namespace kashi::inline v0::vision
