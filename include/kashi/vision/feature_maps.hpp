/// The maps of a network's layers, and maps of two pictures brought to grids of the same cells, so that a template in
/// one can be compared with the windows of the other cell by cell.
///
/// The cells divide the template into about as many parts whatever its size, and layers of any stride are sampled at
/// them.
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
  double weight = 1;  ///< how much the layer counts beside others
};

/// A layer's map of a picture.
struct FeatureMap {
  Tensor<float> values;  ///< [h,w,C]
  double stride = 1;     ///< pixels of the picture between cells
  double offset = 0;     ///< the picture's coordinate of the first cell's centre, pixel 0 having its centre at 0
  double weight = 1;     ///< how much the layer counts beside others
};

/// The maps of several layers from one pass of a picture [H,W,C], normalised as the network takes it. `scale`: the
/// picture's size over that of the original, whose coordinates the maps will have. The network must be in evaluation
/// mode, and its layers are looked at through hooks. Throws ValueError for unknown layers, ShapeError for layers
/// without a map.
template <class = void>
inline std::vector<FeatureMap> feature_maps(nn::Module<float>& net, const std::vector<FeatureLayer>& layers,
                                            const Tensor<float>& picture, double scale = 1) {
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
    hooks.push_back(
        net.find(layers[i].name).register_forward_hook([&out, i](const auto&, const auto&, const Variable<float>& y) {
          out[i].values = y.value();
          return y;
        }));
  }
  net(Variable<float>(picture.reshape(Shape{1, picture.size(0), picture.size(1), picture.size(2)})));
  for (std::size_t i = 0; i < layers.size(); ++i) {
    require<ShapeError>(out[i].values.rank() == 4, "feature_maps: the layer \"", layers[i].name,
                        "\" gives no map; got ", out[i].values.shape());
    out[i].values = out[i].values[0];
    out[i].stride = layers[i].stride / scale;
    out[i].weight = layers[i].weight;
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

namespace detail {

/// The two cells of a map between which a grid's cell lies along one axis, and the second one's share.
struct Tap {
  Index first = 0;
  Index second = 0;
  float share = 0;
};

inline Tap tap(const FeatureMap& map, double start, double step, Index i, Index size) {
  const double pixel = start + (static_cast<double>(i) + 0.5) * step - 0.5;
  const double at = std::clamp((pixel - map.offset) / map.stride, 0.0, static_cast<double>(size - 1));
  const Index first = static_cast<Index>(at);
  return {first, std::min(first + 1, size - 1), static_cast<float>(at - static_cast<double>(first))};
}

}  // namespace detail

/// A map's values at the centres of a grid's cells, bilinear, the border repeated outside: [rows,columns,C].
inline Tensor<float> sample(const FeatureMap& map, const Grid& grid) {
  const Index height = map.values.size(0), width = map.values.size(1), channels = map.values.size(2);
  Tensor<float> out = Tensor<float>::empty({grid.rows, grid.columns, channels});
  const float* source = map.values.data();
  float* target = out.mutable_data();
  parallel_for(grid.rows, 4, [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      const detail::Tap down = detail::tap(map, grid.y, grid.height, row, height);
      for (Index column = 0; column < grid.columns; ++column) {
        const detail::Tap right = detail::tap(map, grid.x, grid.width, column, width);
        const float *a = source + (down.first * width + right.first) * channels,
                    *b = source + (down.first * width + right.second) * channels,
                    *c = source + (down.second * width + right.first) * channels,
                    *d = source + (down.second * width + right.second) * channels;
        float* to = target + (row * grid.columns + column) * channels;
        const float u = right.share, v = down.share;
        for (Index k = 0; k < channels; ++k)
          to[k] = (a[k] * (1 - u) + b[k] * u) * (1 - v) + (c[k] * (1 - u) + d[k] * u) * v;
      }
    }
  });
  return out;
}

namespace detail {

/// Both maps' channels without their common mean, over their common deviation and the root of the number of channels,
/// so that layers with many channels count no more than others; times the root of the layer's weight.
inline void standardise(Tensor<float>& a, Tensor<float>& b, double weight = 1) {
  const Index channels = a.size(2);
  std::vector<double> sums(static_cast<std::size_t>(channels), 0.0), squares(static_cast<std::size_t>(channels), 0.0);
  for (const Tensor<float>* map : {&a, &b}) {
    const float* value = map->data();
    for (Index p = 0; p < map->numel() / channels; ++p, value += channels)
      for (Index c = 0; c < channels; ++c) {
        const double v = static_cast<double>(value[c]);
        sums[static_cast<std::size_t>(c)] += v;
        squares[static_cast<std::size_t>(c)] += v * v;
      }
  }
  const double count = static_cast<double>((a.numel() + b.numel()) / channels);
  std::vector<float> mean, scale;
  for (std::size_t c = 0; c < sums.size(); ++c) {
    const double average = sums[c] / count, variance = squares[c] / count - average * average;
    mean.push_back(static_cast<float>(average));
    scale.push_back(
        variance > 1e-10 ? static_cast<float>(std::sqrt(weight / (variance * static_cast<double>(channels)))) : 0.0f);
  }
  for (Tensor<float>* map : {&a, &b}) {
    float* value = map->mutable_data();
    for (Index p = 0; p < map->numel() / channels; ++p, value += channels)
      for (Index c = 0; c < channels; ++c)
        value[c] = (value[c] - mean[static_cast<std::size_t>(c)]) * scale[static_cast<std::size_t>(c)];
  }
}

}  // namespace detail

/// How a template lies on grids of two pictures whose cells divide it evenly.
struct TemplateGrids {
  Grid own;           ///< of the template's picture, in step with the template's box
  Grid search;        ///< of the other picture, beginning at its corner
  Place place;        ///< the template's first cell in `own`
  Index rows = 0;     ///< of the template
  Index columns = 0;  ///< of the template
};

/// The grids whose cells divide `box` of the first picture into about cells x cells parts, but not finer than half the
/// stride of the finest layer. Sizes are of the pictures themselves. Throws ShapeError, or ValueError for a box that is
/// not inside its picture or does not fit into the other.
template <class = void>
inline TemplateGrids template_grids(const std::vector<FeatureMap>& template_maps, Index template_height,
                                    Index template_width, const Box& box, const std::vector<FeatureMap>& search_maps,
                                    Index search_height, Index search_width, double cells = 8) {
  require<ShapeError>(!template_maps.empty() && template_maps.size() == search_maps.size(),
                      "template_grids: maps of the same layers are needed; got ", template_maps.size(), " and ",
                      search_maps.size());
  double finest = template_maps[0].stride;
  for (std::size_t i = 0; i < template_maps.size(); ++i) {
    const Shape &own = template_maps[i].values.shape(), &search = search_maps[i].values.shape();
    require<ShapeError>(own.rank() == 3 && search.rank() == 3 && own[2] == search[2],
                        "template_grids: maps [h,w,C] with the same channels are needed; got ", own, " and ", search);
    finest = std::min(finest, template_maps[i].stride);
  }
  const bool inside = box.width > 0 && box.height > 0 && box.x >= 0 && box.y >= 0 &&
                      box.x + box.width <= static_cast<double>(template_width) &&
                      box.y + box.height <= static_cast<double>(template_height);
  require(inside, "template_grids: the template's box (", box.x, ", ", box.y, ", ", box.width, ", ", box.height,
          ") must lie in its picture of ", template_width, "x", template_height);
  require(box.width <= static_cast<double>(search_width) && box.height <= static_cast<double>(search_height),
          "template_grids: a template of ", box.width, "x", box.height, " does not fit into a picture of ",
          search_width, "x", search_height);
  require(cells > 0, "template_grids: cells must be positive; got ", cells);
  const double cell = std::max({1.0, finest / 2, std::sqrt(box.area()) / cells});
  TemplateGrids out;
  out.columns = std::max<Index>(1, std::lround(box.width / cell));
  out.rows = std::max<Index>(1, std::lround(box.height / cell));
  const double width = box.width / static_cast<double>(out.columns),
               height = box.height / static_cast<double>(out.rows);
  out.place = {static_cast<Index>(box.y / height), static_cast<Index>(box.x / width), 1};
  const auto count = [](double length, double step, Index least) {
    return std::max(least, static_cast<Index>(length / step));
  };
  out.own = {box.x - static_cast<double>(out.place.x) * width,
             box.y - static_cast<double>(out.place.y) * height,
             width,
             height,
             0,
             0};
  out.own.columns = count(static_cast<double>(template_width) - out.own.x, width, out.place.x + out.columns);
  out.own.rows = count(static_cast<double>(template_height) - out.own.y, height, out.place.y + out.rows);
  out.search = {0,
                0,
                width,
                height,
                count(static_cast<double>(search_width), width, out.columns),
                count(static_cast<double>(search_height), height, out.rows)};
  return out;
}

/// The layers of two pictures sampled on their grids, standardised channel by channel over both and laid side by side.
struct AlignedMaps {
  Tensor<float> own;     ///< of the template's picture [rows,columns,C]
  Tensor<float> search;  ///< of the other picture
  Tensor<float> templ;   ///< the template's part of `own`
};

/// Both pictures' maps as one each, for methods that compare maps cell by cell. Throws ShapeError for maps of different
/// layers.
template <class = void>
inline AlignedMaps align_maps(const std::vector<FeatureMap>& template_maps, const std::vector<FeatureMap>& search_maps,
                              const TemplateGrids& grids) {
  require<ShapeError>(!template_maps.empty() && template_maps.size() == search_maps.size(),
                      "align_maps: maps of the same layers are needed; got ", template_maps.size(), " and ",
                      search_maps.size());
  std::vector<Tensor<float>> own, search;
  for (std::size_t i = 0; i < template_maps.size(); ++i) {
    own.push_back(sample(template_maps[i], grids.own));
    search.push_back(sample(search_maps[i], grids.search));
    require<ShapeError>(own.back().size(2) == search.back().size(2), "align_maps: layer ", i, " has ",
                        own.back().size(2), " and ", search.back().size(2), " channels");
    detail::standardise(own.back(), search.back(), search_maps[i].weight);
  }
  AlignedMaps out{concat(own, 2), concat(search, 2), {}};
  const Place& at = grids.place;
  out.templ = narrow(narrow(out.own, 0, at.y, at.y + grids.rows), 1, at.x, at.x + grids.columns).clone();
  return out;
}

}  // namespace kashi::inline v0::vision
