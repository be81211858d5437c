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

/// Layers whose maps find things; each network's were chosen once, for all pairs.
inline std::vector<kashi::vision::FeatureLayer> layers_of(const std::string& model, const kashi::models::Preset& preset) {
  if (model == "squeezenet1_1") return {{"features.4", 4, 3}, {"features.7", 8, 7}};
  if (model == "mobilenet_v2") {
    const bool at_the_end = preset.padding == kashi::models::StridePadding::same;
    return {{"features.3", 4, at_the_end ? 3.0 : 0.0}, {"features.6", 8, at_the_end ? 7.0 : 0.0}};
  }
  kashi::require(model == "digits", "template_matching: layers are known for squeezenet1_1 and mobilenet_v2; got --model ", model);
  return {{"features.0", 2, 0}, {"features.1", 4, 0}};
}

/// Matching by features: both pictures are brought to a size at which the template's sides are about 64 pixels, for which the
/// layers' cells suit.
inline Answer by_features(const Pair& pair, examples::PhotoNetwork& network, Index rivals) {
  using namespace kashi;
  constexpr double side = 64, most_pixels = 640.0 * 480.0;
  const double pixels = static_cast<double>(std::max(pair.template_picture.numel(), pair.search_picture.numel())) / 3;
  const double scale = std::clamp(side / std::sqrt(pair.box.area()), 0.4, std::max(1.0, std::min(3.0, std::sqrt(most_pixels / pixels))));
  const auto layers = layers_of(network.model, network.preset);
  const auto maps_of = [&](const Tensor<float>& picture) {
    data::Example example{.image = picture};
    data::RandomStream unused(0, 0, 0);
    const auto scaled = [&](Index length) { return std::max<Index>(32, std::lround(static_cast<double>(length) * scale)); };
    data::Resize({.size = {scaled(picture.size(0)), scaled(picture.size(1))}})(example, unused);
    const double true_scale = static_cast<double>(example.image.size(1)) / static_cast<double>(picture.size(1));
    return vision::feature_maps(network.net, layers, models::normalize_for(example.image, network.preset), true_scale);
  };
  const auto match = vision::match_features(maps_of(pair.template_picture), pair.template_picture.size(0), pair.template_picture.size(1), pair.box, maps_of(pair.search_picture),
                                            pair.search_picture.size(0), pair.search_picture.size(1), {.rivals = rivals, .rivalry = 0.3});
  return {match.found, match.score, 0};
}

/// Matching by pixels: the template's box in whole pixels.
inline Answer by_pixels(const Pair& pair, kashi::vision::Similarity similarity) {
  using namespace kashi;
  const Tensor<float>& from = pair.template_picture;
  const auto begin = [](double value, Index size) { return std::clamp<Index>(std::lround(value), 0, size - 1); };
  const Index y = begin(pair.box.y, from.size(0)), x = begin(pair.box.x, from.size(1));
  const Index height = std::clamp<Index>(std::lround(pair.box.height), 1, from.size(0) - y), width = std::clamp<Index>(std::lround(pair.box.width), 1, from.size(1) - x);
  const Tensor<float> templ = narrow(narrow(from, 0, y, y + height), 1, x, x + width);
  const auto best = vision::best_place(vision::match_template(pair.search_picture, templ, similarity));
  return {{static_cast<double>(best.x), static_cast<double>(best.y), pair.box.width, pair.box.height}, best.score, 0};
}

/// The pairs of a CSV file; `limit` above 0 takes that many, spread evenly.
inline std::vector<Pair> load_pairs(const std::string& file, std::size_t limit) {
  using namespace kashi;
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  const auto rows = examples::read_csv(file, {"template_image", "tx", "ty", "tw", "th", "search_image", "gx", "gy", "gw", "gh"});
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
        require<FormatError>(end != row[first + k].c_str() && *end == '\0' && std::isfinite(values[k]), "'", file, "': a box is four numbers; got \"", row[first + k], "\"");
      }
      return Box{values[0], values[1], values[2], values[3]};
    };
    out.push_back({row[5], io::load_image_float(folder / row[0], {.channels = 3}), box(1), io::load_image_float(folder / row[5], {.channels = 3}), box(6)});
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
    const data::Dataset digits = data::handwritten_digits({.count = 2 * cells * cells, .size = cell, .seed = seed + static_cast<std::uint64_t>(i)});
    const Index places[] = {generator.permutation(cells * cells)(0), generator.permutation(cells * cells)(0)};
    Tensor<float> sheets[2];
    Box boxes[2];
    for (Index s = 0; s < 2; ++s) {
      sheets[s] = Tensor<float>::empty({cell * cells, cell * cells, 3});
      for (Index k = 0; k < cells * cells; ++k) {
        const Tensor<float> digit = digits.get(k == places[s] ? 0 : s * cells * cells + (k == 0 ? places[s] : k)).image;
        float* corner = sheets[s].mutable_data() + (k / cells * cell * cell * cells + k % cells * cell) * 3;
        for (Index y = 0; y < cell; ++y) std::copy_n(digit.data() + y * cell * 3, cell * 3, corner + y * cell * cells * 3);
      }
      boxes[s] = {static_cast<double>(places[s] % cells * cell), static_cast<double>(places[s] / cells * cell), cell, cell};
    }
    out.push_back({"drawn" + std::to_string(i), sheets[0], boxes[0], sheets[1], boxes[1]});
  }
  return out;
}

}  // namespace matching
