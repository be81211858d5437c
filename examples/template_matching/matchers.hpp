/// The pairs of pictures on which matching is measured, and the methods.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <kashi/data/resize.hpp>
#include <kashi/data/synthetic.hpp>
#include <kashi/io/image.hpp>
#include <kashi/vision/feature_matching.hpp>

#include "common/photo_network.hpp"

namespace matching {

using kashi::Index;
using kashi::Tensor;
using kashi::vision::Box;

/// A template in its picture, and where it is in another.
struct Pair {
  std::string name;
  Tensor<float> template_picture;
  Box box;
  Tensor<float> search_picture;
  Box truth;
};

/// What a method found in a pair.
struct Answer {
  Box box;
  double score = 0;
  double overlap = 0;  ///< with the truth
};

/// The maps of both pictures of a pair.
struct Maps {
  std::vector<kashi::vision::FeatureMap> own;
  std::vector<kashi::vision::FeatureMap> search;
};

/// Layers whose maps find things, the finest first; each network's were chosen once, for all pairs.
inline std::vector<kashi::vision::FeatureLayer> layers_of(const std::string& model,
                                                          const kashi::models::Preset& preset) {
  if (model == "squeezenet1_1") return {{"features.4", 4, 3}, {"features.7", 8, 7}, {"features.12", 16, 15, 0.5}};
  if (model == "mobilenet_v2") {
    const bool at_the_end = preset.padding == kashi::models::StridePadding::same;
    return {{"features.3", 4, at_the_end ? 3.0 : 0.0},
            {"features.6", 8, at_the_end ? 7.0 : 0.0},
            {"features.10", 16, at_the_end ? 15.0 : 0.0, 0.5}};
  }
  kashi::require(model == "digits",
                 "template_matching: layers are known for squeezenet1_1 and mobilenet_v2; got --model ", model);
  return {{"features.0", 2, 0}, {"features.1", 4, 0}};
}

inline Tensor<float> resized(const Tensor<float>& picture, double scale) {
  kashi::data::Example example{.image = picture};
  kashi::data::RandomStream unused(0, 0, 0);
  const auto scaled = [&](Index length) {
    return std::max<Index>(32, std::lround(static_cast<double>(length) * scale));
  };
  kashi::data::Resize({.size = {scaled(picture.size(0)), scaled(picture.size(1))}})(example, unused);
  return example.image;
}

inline double most_pixels_of(const Pair& pair) {
  return static_cast<double>(std::max(pair.template_picture.numel(), pair.search_picture.numel())) / 3;
}

/// The size at which the template's sides are about 64 pixels, for which the layers' cells suit; a picture does not
/// grow beyond 640 x 480.
inline double fitting_scale(const Pair& pair) {
  return std::clamp(64 / std::sqrt(pair.box.area()), 0.4,
                    std::clamp(std::sqrt(640.0 * 480.0 / most_pixels_of(pair)), 1.0, 3.0));
}

/// One pass of each picture through the network at a scale.
inline Maps maps_of(const Pair& pair, examples::PhotoNetwork& network, double scale) {
  const auto layers = layers_of(network.model, network.preset);
  const auto maps = [&](const Tensor<float>& picture) {
    const Tensor<float> seen = resized(picture, scale);
    const double true_scale = static_cast<double>(seen.size(1)) / static_cast<double>(picture.size(1));
    return kashi::vision::feature_maps(network.net, layers, kashi::models::normalize_for(seen, network.preset),
                                       true_scale);
  };
  return {maps(pair.template_picture), maps(pair.search_picture)};
}

inline Answer by_features(const Pair& pair, const Maps& maps, const kashi::vision::FeatureMatchOptions& options) {
  const auto match =
      kashi::vision::match_features(maps.own, pair.template_picture.size(0), pair.template_picture.size(1), pair.box,
                                    maps.search, pair.search_picture.size(0), pair.search_picture.size(1), options);
  return {match.found, match.score, 0};
}

/// The pairs of a CSV file; `limit` above 0 takes that many, spread evenly.
inline std::vector<Pair> load_pairs(const std::string& file, std::size_t limit) {
  using namespace kashi;
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  const auto rows =
      examples::read_csv(file, {"template_image", "tx", "ty", "tw", "th", "search_image", "gx", "gy", "gw", "gh"});
  require<FormatError>(!rows.empty(), "there are no pairs in '", file, "'");
  std::vector<Pair> out;
  const std::size_t count = limit > 0 ? std::min(limit, rows.size()) : rows.size();
  for (std::size_t i = 0; i < count; ++i) {
    const auto& row = rows[i * rows.size() / count];
    const auto box = [&](std::size_t first) {
      double values[4];
      for (std::size_t k = 0; k < 4; ++k) {
        char* end = nullptr;
        values[k] = std::strtod(row[first + k].c_str(), &end);
        require<FormatError>(end != row[first + k].c_str() && *end == '\0' && std::isfinite(values[k]), "'", file,
                             "': a box is four numbers; got \"", row[first + k], "\"");
      }
      return Box{values[0], values[1], values[2], values[3]};
    };
    out.push_back({row[5], io::load_image_float(folder / row[0], {.channels = 3}), box(1),
                   io::load_image_float(folder / row[5], {.channels = 3}), box(6)});
  }
  return out;
}

/// Two sheets of nine drawn digits that share one, at another place of each.
inline std::vector<Pair> drawn_pairs(std::uint64_t seed) {
  using namespace kashi;
  std::fprintf(stderr, "no --pairs given: sheets of drawn digits\n");
  constexpr Index cell = 64, cells = 3;
  std::vector<Pair> out;
  random::Generator generator(seed);
  for (int i = 0; i < 12; ++i) {
    const data::Dataset digits = data::handwritten_digits(
        {.count = 2 * cells * cells, .size = cell, .seed = seed + static_cast<std::uint64_t>(i)});
    const Index places[] = {generator.permutation(cells * cells)(0), generator.permutation(cells * cells)(0)};
    Tensor<float> sheets[2];
    Box boxes[2];
    for (Index s = 0; s < 2; ++s) {
      sheets[s] = Tensor<float>::empty({cell * cells, cell * cells, 3});
      for (Index k = 0; k < cells * cells; ++k) {
        const Tensor<float> digit = digits.get(k == places[s] ? 0 : s * cells * cells + (k == 0 ? places[s] : k)).image;
        float* corner = sheets[s].mutable_data() + (k / cells * cell * cell * cells + k % cells * cell) * 3;
        for (Index y = 0; y < cell; ++y)
          std::copy_n(digit.data() + y * cell * 3, cell * 3, corner + y * cell * cells * 3);
      }
      boxes[s] = {static_cast<double>(places[s] % cells * cell), static_cast<double>(places[s] / cells * cell), cell,
                  cell};
    }
    out.push_back({"drawn" + std::to_string(i), sheets[0], boxes[0], sheets[1], boxes[1]});
  }
  return out;
}

}  // namespace matching
