/// The published methods, on pixels and on features: SSD, NCC, ZNCC, DDIS, QATM and DIM, each with one setting for all
/// pairs.
#pragma once

#include <kashi/core/broadcast.hpp>
#include <kashi/vision/ddis.hpp>
#include <kashi/vision/dim.hpp>
#include <kashi/vision/qatm.hpp>

#include "template_matching/matchers.hpp"

namespace matching {

/// Both pictures of a pair at the cells of grids that divide the template.
struct Cells {
  kashi::vision::TemplateGrids grids;
  kashi::vision::AlignedMaps maps;
};

inline Cells cells_of(const Pair& pair, const Maps& maps, std::size_t layers, double cells) {
  const auto some = [&](const std::vector<kashi::vision::FeatureMap>& all) {
    return std::vector(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(layers, all.size())));
  };
  const auto own = some(maps.own), search = some(maps.search);
  const auto grids =
      kashi::vision::template_grids(own, pair.template_picture.size(0), pair.template_picture.size(1), pair.box, search,
                                    pair.search_picture.size(0), pair.search_picture.size(1), cells);
  return {grids, kashi::vision::align_maps(own, search, grids)};
}

/// Both pictures' pixels as maps, made so small that the template is about cells x cells pixels and a picture not above
/// `most`.
inline Maps pixel_maps(const Pair& pair, double cells, double most = 40000) {
  const double scale = std::min({1.0, cells / std::sqrt(pair.box.area()), std::sqrt(most / most_pixels_of(pair))});
  const auto map = [&](const Tensor<float>& picture) {
    const Tensor<float> small = resized(picture, scale);
    const double true_scale = static_cast<double>(small.size(1)) / static_cast<double>(picture.size(1));
    return std::vector<kashi::vision::FeatureMap>{{small, 1 / true_scale, 0.5 / true_scale - 0.5}};
  };
  return {map(pair.template_picture), map(pair.search_picture)};
}

inline Cells pixel_cells(const Pair& pair, double cells) {
  const Maps maps = pixel_maps(pair, cells);
  return cells_of(pair, maps, 1, std::max(2.0, std::min(cells, std::sqrt(pair.box.area()) / maps.search[0].stride)));
}

/// The box of the best score, whose place is that of a window's first cell.
inline Answer answer_of(const Pair& pair, const Cells& cells, const Tensor<float>& scores) {
  const auto best = kashi::vision::best_place(scores);
  return {kashi::vision::detail::refined_box(scores, best, cells.grids.search, pair.box), best.score, 0};
}

/// Each value [H,W,C] made the mean of the box of 2 rows + 1 by 2 columns + 1 values around it, smaller at the border.
inline Tensor<float> box_mean(const Tensor<float>& map, Index rows, Index columns) {
  const auto along = [](const Tensor<float>& from, Index outer, Index length, Index inner, Index radius) {
    Tensor<float> out = Tensor<float>::empty(from.shape());
    for (Index o = 0; o < outer; ++o)
      for (Index k = 0; k < inner; ++k) {
        const float* in = from.data() + o * length * inner + k;
        float* to = out.mutable_data() + o * length * inner + k;
        std::vector<double> sums{0};
        for (Index i = 0; i < length; ++i) sums.push_back(sums.back() + static_cast<double>(in[i * inner]));
        for (Index i = 0; i < length; ++i) {
          const Index first = std::max<Index>(0, i - radius), end = std::min(length, i + radius + 1);
          to[i * inner] =
              static_cast<float>((sums[static_cast<std::size_t>(end)] - sums[static_cast<std::size_t>(first)]) /
                                 static_cast<double>(end - first));
        }
      }
    return out;
  };
  const Index channels = map.rank() == 3 ? map.size(2) : 1;
  return along(along(map, map.size(0), map.size(1), channels, columns), 1, map.size(0), map.size(1) * channels, rows);
}

/// Pixels in whole numbers at the picture's own size.
inline Answer by_pixels(const Pair& pair, kashi::vision::Similarity similarity) {
  using namespace kashi;
  const Tensor<float>& from = pair.template_picture;
  const auto begin = [](double value, Index size) { return std::clamp<Index>(std::lround(value), 0, size - 1); };
  const Index y = begin(pair.box.y, from.size(0)), x = begin(pair.box.x, from.size(1));
  const Index height = std::clamp<Index>(std::lround(pair.box.height), 1, from.size(0) - y),
              width = std::clamp<Index>(std::lround(pair.box.width), 1, from.size(1) - x);
  const Tensor<float> templ = narrow(narrow(from, 0, y, y + height), 1, x, x + width);
  const auto best = vision::best_place(vision::match_template(pair.search_picture, templ, similarity));
  return {{static_cast<double>(best.x), static_cast<double>(best.y), pair.box.width, pair.box.height}, best.score, 0};
}

inline Answer by_ncc(const Pair& pair, const Cells& cells) {
  return answer_of(pair, cells, kashi::vision::match_template(cells.maps.search, cells.maps.templ));
}

inline Answer by_qatm(const Pair& pair, const Cells& cells, double alpha) {
  return answer_of(pair, cells,
                   kashi::vision::qatm(cells.maps.search, cells.maps.templ, {.alpha = alpha, .standardise = false}));
}

/// DDIS, its scores smoothed by a box of a third of the template as the authors do.
inline Answer by_ddis(const Pair& pair, const Cells& cells) {
  const Tensor<float> scores = kashi::vision::ddis(cells.maps.search, cells.maps.templ);
  return answer_of(pair, cells, box_mean(scores, cells.grids.rows / 6, cells.grids.columns / 6));
}

/// Every place of a map [H,W,C] with its eight neighbours, [H,W,9C]; the border is repeated.
inline Tensor<float> patches(const Tensor<float>& map) {
  const Index height = map.size(0), width = map.size(1), channels = map.size(2);
  Tensor<float> out = Tensor<float>::empty({height, width, 9 * channels});
  float* to = out.mutable_data();
  for (Index y = 0; y < height; ++y)
    for (Index x = 0; x < width; ++x)
      for (Index k = 0; k < 9; ++k, to += channels) {
        const Index row = std::clamp<Index>(y + k / 3 - 1, 0, height - 1),
                    column = std::clamp<Index>(x + k % 3 - 1, 0, width - 1);
        std::copy_n(map.data() + (row * width + column) * channels, channels, to);
      }
  return out;
}

inline Tensor<float> cut(const Tensor<float>& map, kashi::vision::Place at, Index rows, Index columns) {
  return kashi::narrow(kashi::narrow(map, 0, at.y, at.y + rows), 1, at.x, at.x + columns).clone();
}

/// DDIS of pixels' 3x3 patches.
inline Answer by_pixel_ddis(const Pair& pair) {
  Cells cells = pixel_cells(pair, 12);
  cells.maps.search = patches(cells.maps.search);
  cells.maps.templ = cut(patches(cells.maps.own), cells.grids.place, cells.grids.rows, cells.grids.columns);
  return by_ddis(pair, cells);
}

/// A map [H,W,C] with `rows` and `columns` more on each side, mirrored with the edge repeated.
inline Tensor<float> mirrored(const Tensor<float>& map, Index rows, Index columns) {
  const Index height = map.size(0), width = map.size(1), channels = map.size(2);
  const auto inside = [](Index i, Index size) {
    i = ((i % (2 * size)) + 2 * size) % (2 * size);
    return i < size ? i : 2 * size - 1 - i;
  };
  Tensor<float> out = Tensor<float>::empty({height + 2 * rows, width + 2 * columns, channels});
  float* to = out.mutable_data();
  for (Index y = -rows; y < height + rows; ++y)
    for (Index x = -columns; x < width + columns; ++x, to += channels)
      std::copy_n(map.data() + (inside(y, height) * width + inside(x, width)) * channels, channels, to);
  return out;
}

/// DIM with five windows of the template's picture that compete. `from_mean`: the maps lose the mean of a window twice
/// as large as the template first, as pixels need.
inline Answer by_dim(const Pair& pair, Cells cells, bool from_mean) {
  using namespace kashi;
  auto& [grids, maps] = cells;
  const Index rows = grids.rows - (grids.rows + 1) % 2, columns = grids.columns - (grids.columns + 1) % 2;  // odd
  const vision::Place place = grids.place;
  const Tensor<float> likeness = vision::match_template(maps.own, cut(maps.own, place, rows, columns));
  if (from_mean) {
    maps.own = maps.own - box_mean(maps.own, rows, columns);
    maps.search = maps.search - box_mean(maps.search, rows, columns);
  }
  std::vector<Tensor<float>> templates{vision::on_off(cut(maps.own, place, rows, columns))};
  for (const vision::Place& rival : vision::detail::find_rivals(likeness, place, rows, columns, 5))
    templates.push_back(vision::on_off(cut(maps.own, rival, rows, columns)));
  const Tensor<float> found = vision::dim(vision::on_off(mirrored(maps.search, rows, columns)), stack(templates))[0];
  // The template's middle is at the first cell of its window, half a template further.
  const Tensor<float> middles =
      narrow(narrow(found, 0, rows + rows / 2, rows + rows / 2 + maps.search.size(0) - rows + 1), 1,
             columns + columns / 2, columns + columns / 2 + maps.search.size(1) - columns + 1)
          .clone();
  return answer_of(pair, cells, box_mean(middles, 1, 1));
}

}  // namespace matching
