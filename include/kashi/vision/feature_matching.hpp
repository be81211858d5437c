/// Template matching on the feature maps of a network, at a grid that fits the template.
///
/// Two pictures go through the network once. Their maps, of any layers together, are sampled on a grid whose cells divide the
/// template into about as many parts whatever its size; each channel is standardised over both pictures; one correlation then
/// compares the template with all windows. Windows of the template's own picture that look like it without being it can compete
/// for what is found (after Spratling's DIM, in one step).
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <kashi/core/manipulate.hpp>
#include <kashi/nn/module.hpp>
#include <kashi/vision/box.hpp>
#include <kashi/vision/correlation.hpp>

namespace kashi::inline v0::vision {

/// A layer and where its cells lie: cell i is centred at pixel offset + i * stride of the network's input.
struct FeatureLayer {
  std::string name;
  double stride = 1;
  double offset = 0;
};

/// A layer's map of a picture.
struct FeatureMap {
  Tensor<float> values;  ///< [h,w,C]
  double stride = 1;     ///< pixels of the picture between cells
  double offset = 0;     ///< the picture's coordinate of the first cell's centre, pixel 0 having its centre at 0
};

/// The maps of several layers from one pass of a picture [H,W,C], normalised as the network takes it. `scale`: the picture's size
/// over that of the original, whose coordinates the maps will have. The network must be in evaluation mode, and its layers are
/// looked at through hooks. Throws ValueError for unknown layers, ShapeError for layers without a map.
inline std::vector<FeatureMap> feature_maps(nn::Module<float>& net, const std::vector<FeatureLayer>& layers, const Tensor<float>& picture, double scale = 1) {
  require<ShapeError>(picture.rank() == 3, "feature_maps: a picture [H,W,C] is needed; got ", picture.shape());
  const NoGrad no_grad;
  std::vector<FeatureMap> out(layers.size());
  std::vector<HookHandle> hooks;
  struct Removal {
    std::vector<HookHandle>& hooks;
    ~Removal() {
      for (HookHandle& hook : hooks) hook.remove();
    }
  } const removal{hooks};
  for (std::size_t i = 0; i < layers.size(); ++i) {
    hooks.push_back(net.find(layers[i].name).register_forward_hook([&out, i](const auto&, const auto&, const Variable<float>& y) {
      out[i].values = y.value();
      return y;
    }));
  }
  net(Variable<float>(picture.reshape(Shape{1, picture.size(0), picture.size(1), picture.size(2)})));
  for (std::size_t i = 0; i < layers.size(); ++i) {
    require<ShapeError>(out[i].values.rank() == 4, "feature_maps: the layer \"", layers[i].name, "\" gives no map; got ", out[i].values.shape());
    out[i].values = out[i].values[0];
    out[i].stride = layers[i].stride / scale;
    out[i].offset = (layers[i].offset + 0.5) / scale - 0.5;
  }
  return out;
}

/// A grid over a picture: cell (0,0) begins at (x, y); cells are width x height pixels.
struct Grid {
  double x = 0;
  double y = 0;
  double width = 1;
  double height = 1;
  Index columns = 0;
  Index rows = 0;
};

/// A map's values at the centres of a grid's cells, bilinear, the border repeated outside: [rows,columns,C].
inline Tensor<float> sample(const FeatureMap& map, const Grid& grid) {
  const Index height = map.values.size(0), width = map.values.size(1), channels = map.values.size(2);
  Tensor<float> out = Tensor<float>::empty({grid.rows, grid.columns, channels});
  float* target = out.mutable_data();
  const auto at = [&](double start, double step, Index i, Index size) {
    const double pixel = start + (static_cast<double>(i) + 0.5) * step - 0.5;
    return std::clamp((pixel - map.offset) / map.stride, 0.0, static_cast<double>(size - 1));
  };
  parallel_for(grid.rows, 4, [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      const double y = at(grid.y, grid.height, row, height);
      const Index y0 = static_cast<Index>(y), y1 = std::min(y0 + 1, height - 1);
      const float down = static_cast<float>(y - static_cast<double>(y0));
      for (Index column = 0; column < grid.columns; ++column) {
        const double x = at(grid.x, grid.width, column, width);
        const Index x0 = static_cast<Index>(x), x1 = std::min(x0 + 1, width - 1);
        const float right = static_cast<float>(x - static_cast<double>(x0));
        const float* source = map.values.data();
        const float *a = source + (y0 * width + x0) * channels, *b = source + (y0 * width + x1) * channels, *c = source + (y1 * width + x0) * channels,
                    *d = source + (y1 * width + x1) * channels;
        float* to = target + (row * grid.columns + column) * channels;
        for (Index k = 0; k < channels; ++k) to[k] = (a[k] * (1 - right) + b[k] * right) * (1 - down) + (c[k] * (1 - right) + d[k] * right) * down;
      }
    }
  });
  return out;
}

struct FeatureMatchOptions {
  double cells = 8;        ///< the template is divided into about cells x cells parts
  Index rivals = 0;        ///< windows of the template's picture that compete
  double rivalry = 0.5;    ///< how much of the best rival's score is taken off
};

/// Scores of a template at the places of a search picture.
struct FeatureMatch {
  Tensor<float> scores;  ///< [rows,columns]: of the window whose first cell is this one
  Grid grid;             ///< of the search picture
  Box found;             ///< the best box, of the template's size, in pixels and their fractions
  double score = 0;      ///< of the best box: 1 for the template itself
};

namespace detail {

/// Both maps' channels without their common mean, over their common deviation and the root of the number of channels, so that
/// layers with many channels count no more than others.
inline void standardise(Tensor<float>& a, Tensor<float>& b) {
  const Index channels = a.size(2);
  std::vector<double> sums(static_cast<std::size_t>(channels), 0.0), squares(static_cast<std::size_t>(channels), 0.0);
  for (const Tensor<float>* map : {&a, &b})
    for (Index i = 0; i < map->numel(); ++i) {
      const double value = static_cast<double>(map->data()[i]);
      sums[static_cast<std::size_t>(i % channels)] += value;
      squares[static_cast<std::size_t>(i % channels)] += value * value;
    }
  const double count = static_cast<double>((a.numel() + b.numel()) / channels);
  std::vector<float> mean, scale;
  for (std::size_t c = 0; c < sums.size(); ++c) {
    const double average = sums[c] / count, variance = squares[c] / count - average * average;
    mean.push_back(static_cast<float>(average));
    scale.push_back(variance > 1e-10 ? static_cast<float>(1 / std::sqrt(variance * static_cast<double>(channels))) : 0.0f);
  }
  for (Tensor<float>* map : {&a, &b}) {
    float* value = map->mutable_data();
    for (Index i = 0; i < map->numel(); ++i) value[i] = (value[i] - mean[static_cast<std::size_t>(i % channels)]) * scale[static_cast<std::size_t>(i % channels)];
  }
}

/// The middle of the parabola through three scores around the best, -0.5..0.5.
inline double parabola(double before, double best, double after) {
  const double bend = before - 2 * best + after;
  return bend < 0 ? std::clamp((before - after) / (2 * bend), -0.5, 0.5) : 0;
}

/// The places of a template's own picture that answer it best, at least the template's height or width apart from it and each
/// other.
inline std::vector<Place> find_rivals(const Tensor<float>& scores, Place own, Index rows, Index columns, Index count) {
  std::vector<Place> taken{own};
  Tensor<float> left = scores.clone();
  while (static_cast<Index>(taken.size()) <= count) {
    float* value = left.mutable_data();
    for (Index y = 0; y < left.size(0); ++y)
      for (Index x = 0; x < left.size(1); ++x)
        if (std::abs(y - taken.back().y) < rows && std::abs(x - taken.back().x) < columns) value[y * left.size(1) + x] = -2;
    const Place best = best_place(left);
    if (best.score <= -2) break;
    taken.push_back(best);
  }
  taken.erase(taken.begin());
  return taken;
}

}  // namespace detail

/// Finds `box` of one picture in another, by the maps of both (of the same layers; see feature_maps). Sizes are of the pictures
/// themselves. The found box has the template's size and lies inside. Throws ShapeError, or ValueError for a box that is not
/// inside its picture or does not fit into the other.
inline FeatureMatch match_features(const std::vector<FeatureMap>& template_maps, Index template_height, Index template_width, const Box& box,
                                   const std::vector<FeatureMap>& search_maps, Index search_height, Index search_width, const FeatureMatchOptions& options = {}) {
  require<ShapeError>(!template_maps.empty() && template_maps.size() == search_maps.size(), "match_features: maps of the same layers are needed; got ", template_maps.size(), " and ",
                      search_maps.size());
  const bool inside = box.width > 0 && box.height > 0 && box.x >= 0 && box.y >= 0 && box.x + box.width <= static_cast<double>(template_width) &&
                      box.y + box.height <= static_cast<double>(template_height);
  require(inside, "match_features: the template's box (", box.x, ", ", box.y, ", ", box.width, ", ", box.height, ") must lie in its picture of ", template_width, "x", template_height);
  require(box.width <= static_cast<double>(search_width) && box.height <= static_cast<double>(search_height), "match_features: a template of ", box.width, "x", box.height,
          " does not fit into a picture of ", search_width, "x", search_height);
  const double cell = std::max(1.0, std::sqrt(box.area()) / options.cells);
  const auto columns = std::max<Index>(1, std::lround(box.width / cell)), rows = std::max<Index>(1, std::lround(box.height / cell));
  const double width = box.width / static_cast<double>(columns), height = box.height / static_cast<double>(rows);
  // The template's picture has a grid in step with the box, the other one in step with its corner.
  const auto before_x = static_cast<Index>(box.x / width), before_y = static_cast<Index>(box.y / height);
  Grid own{box.x - static_cast<double>(before_x) * width, box.y - static_cast<double>(before_y) * height, width, height, 0, 0};
  own.columns = std::max(before_x + columns, static_cast<Index>((static_cast<double>(template_width) - own.x) / width));
  own.rows = std::max(before_y + rows, static_cast<Index>((static_cast<double>(template_height) - own.y) / height));
  const Grid grid{0, 0, width, height, std::max(columns, static_cast<Index>(static_cast<double>(search_width) / width)), std::max(rows, static_cast<Index>(static_cast<double>(search_height) / height))};

  std::vector<Tensor<float>> own_parts, parts;
  for (std::size_t i = 0; i < template_maps.size(); ++i) {
    own_parts.push_back(sample(template_maps[i], own));
    parts.push_back(sample(search_maps[i], grid));
    require<ShapeError>(own_parts.back().size(2) == parts.back().size(2), "match_features: layer ", i, " has ", own_parts.back().size(2), " and ", parts.back().size(2), " channels");
    detail::standardise(own_parts.back(), parts.back());
  }
  const Tensor<float> own_map = concat(own_parts, 2), map = concat(parts, 2);
  const auto window = [&](Index y, Index x) { return narrow(narrow(own_map, 0, y, y + rows), 1, x, x + columns).clone(); };
  const Tensor<float> templ = window(before_y, before_x);
  FeatureMatch out{match_template(map, templ), grid, {}, 0};
  if (options.rivals > 0) {
    Tensor<float> strongest = Tensor<float>::full(out.scores.shape(), 0.0f);
    for (const Place& rival : detail::find_rivals(match_template(own_map, templ), {before_y, before_x, 1}, rows, columns, options.rivals)) {
      const Tensor<float> scores = match_template(map, window(rival.y, rival.x));
      std::transform(scores.data(), scores.data() + scores.numel(), strongest.data(), strongest.mutable_data(), [](float a, float b) { return std::max(a, b); });
    }
    std::transform(out.scores.data(), out.scores.data() + out.scores.numel(), strongest.data(), out.scores.mutable_data(),
                   [&](float score, float rival) { return score - static_cast<float>(options.rivalry) * rival; });
  }
  const Place best = best_place(out.scores);
  const auto at = [&](Index y, Index x) { return static_cast<double>(out.scores(y, x)); };
  const double moved_x = best.x > 0 && best.x + 1 < out.scores.size(1) ? detail::parabola(at(best.y, best.x - 1), best.score, at(best.y, best.x + 1)) : 0;
  const double moved_y = best.y > 0 && best.y + 1 < out.scores.size(0) ? detail::parabola(at(best.y - 1, best.x), best.score, at(best.y + 1, best.x)) : 0;
  out.found = {(static_cast<double>(best.x) + moved_x) * width, (static_cast<double>(best.y) + moved_y) * height, box.width, box.height};
  out.score = best.score;
  return out;
}

}  // namespace kashi::inline v0::vision
