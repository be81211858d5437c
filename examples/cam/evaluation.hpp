/// How good the maps of each method are: faithfulness, focus, places, sanity and steadiness, as means over pictures,
/// beside maps that know nothing.
#pragma once

#include <array>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <kashi/explain/attack.hpp>
#include <kashi/explain/sanity.hpp>
#include <kashi/explain/stability.hpp>

#include "cam/picture_maps.hpp"

namespace cam {

/// A mean that is not known before its first number.
class Mean {
 public:
  void add(double value) {
    if (!std::isfinite(value)) return;
    total_ += value;
    ++count_;
  }
  bool is_known() const { return count_ > 0; }
  double value() const { return total_ / static_cast<double>(count_); }

 private:
  double total_ = 0;
  Index count_ = 0;
};

/// A figure of the table: its name, how it is written, and what it means.
struct Metric {
  const char* name;
  const char* format;
  const char* meaning;
};

inline const std::vector<Metric>& metrics() {
  static const std::vector<Metric> all{
      {"insertion", "%.3f",
       "mean probability while the blurred picture gets its important pixels back: more is better"},
      {"deletion", "%.3f", "mean probability while it loses them: less is better"},
      {"drop %", "%.1f", "how much of the probability goes when the picture is masked by the map: less is better"},
      {"increase %", "%.1f", "share of pictures whose probability grows by that: more is better"},
      {"complexity", "%.3f", "mean height of the map: less is simpler"},
      {"ADCC", "%.3f", "drop, complexity and coherency together: more is better"},
      {"pointing %", "%.1f", "share of maps of 2x2 mosaics that are highest in the right picture (chance: 25)"},
      {"energy %", "%.1f", "share of these maps that lies in the right picture (chance: 25)"},
      {"noise", "%.3f", "rank correlation with the map under random noise of 8/255: more is steadier"},
      {"shift", "%.3f", "the same after a shift by 4 pixels, which is undone in the map"},
      {"JPEG", "%.3f", "the same after a JPEG file of quality 75"},
      {"FGSM", "%.3f", "the same after an attack of 1/255"},
      {"sanity", "%.3f", "rank correlation with the map of the network with random weights: near 0 is sound"},
  };
  return all;
}

/// Maps that know nothing: the picture's middle, random places as coarse as the methods' maps, random pixels.
inline std::vector<Explainer> baselines(std::uint64_t seed) {
  const auto as_map = [](Tensor<float> raw) { return explain::Map<float>{std::move(raw)}; };
  const auto side = [](const Tensor<float>& input, Index cut) { return std::max<Index>(input.size(0) / cut, 2); };
  // A picture's own numbers make its random map: another for each picture, the same in each run.
  const auto seed_of = [seed](const Tensor<float>& input) {
    double total = 0;
    for (const float value : input.span()) total += static_cast<double>(value);
    return seed + std::hash<double>()(total) % 1000003;
  };
  return {{"centre",
           [=](auto&, const Tensor<float>& input, Index) {
             return as_map(explain::centre_map<float>(side(input, 8), side(input, 8)));
           },
           true},
          {"random places",
           [=](auto&, const Tensor<float>& input, Index) {
             return as_map(explain::random_map<float>(side(input, 17), side(input, 17), seed_of(input)));
           },
           true},
          {"random pixels",
           [=](auto&, const Tensor<float>& input, Index) {
             return as_map(explain::random_map<float>(input.size(0), input.size(1), seed_of(input)));
           },
           true}};
}

inline Tensor<float> clamped(Tensor<float> pixels) {
  for (float& value : pixels.mutable_span()) value = std::clamp(value, 0.0f, 1.0f);
  return pixels;
}

/// The picture after a JPEG file.
inline Tensor<float> through_jpeg(const Tensor<float>& pixels, int quality) {
  Tensor<float> out = io::decode_image(io::encode_jpeg(io::to_bytes(pixels), {.quality = quality})).to<float>();
  for (float& value : out.mutable_span()) value /= 255;
  return out;
}

/// Four pictures of one size as one: [2H,2W,3].
inline Tensor<float> mosaic(const std::array<Tensor<float>, 4>& parts) {
  return concat({concat({parts[0], parts[1]}, 1), concat({parts[2], parts[3]}, 1)}, 0);
}

/// Measures explainers picture by picture.
class Evaluation {
 public:
  Evaluation(examples::PhotoNetwork& network, const std::vector<Explainer>& explainers, std::uint64_t seed, Index steps)
      : network_(network), explainers_(explainers), seed_(seed), curve_{.steps = steps, .batch = 8, .seed = seed} {}

  /// What needs only the maps that there are.
  void measure(const PictureMaps& picture) {
    const Index height = picture.input.size(0), width = picture.input.size(1);
    for (std::size_t m = 0; m < explainers_.size(); ++m) {
      const Tensor<float> order = picture.maps[m].raw_at(height, width), shown = picture.maps[m].shown(height, width);
      add(m, "insertion",
          explain::insertion<float>(network_.net, picture.input, order, picture.class_index, curve_).area());
      add(m, "deletion",
          explain::deletion<float>(network_.net, picture.input, order, picture.class_index, curve_).area());
      const explain::MaskedScore masked =
          explain::masked_score<float>(network_.net, picture.input, shown, picture.class_index);
      add(m, "drop %", 100 * masked.drop());
      add(m, "increase %", masked.increased() ? 100 : 0);
      add(m, "complexity", explain::complexity(shown));
    }
  }

  /// What needs maps of changed pictures or networks.
  void measure_closely(const PictureMaps& picture) {
    const Tensor<float>& pixels = picture.photo->pixels;
    const Index height = pixels.size(0), width = pixels.size(1);
    const Tensor<float> noise = random::Generator(seed_).uniform<float>(pixels.shape(), -8.0 / 255, 8.0 / 255);
    const Tensor<float> attacked =
        explain::fgsm<float>(network_.from_pixels, explain::detail::as_batch(pixels),
                             Tensor<Index>({1}, {picture.class_index}), {.epsilon = 1.0 / 255})[0];
    const std::map<std::string, Tensor<float>> changed{
        {"noise", clamped(pixels + noise)}, {"JPEG", through_jpeg(pixels, 75)}, {"FGSM", attacked}};
    for (std::size_t m = 0; m < explainers_.size(); ++m) {
      const auto map_of_input = [&](const Tensor<float>& input) {
        return explainers_[m].map(network_.net, input, picture.class_index);
      };
      const auto map_of = [&](const Tensor<float>& seen) {
        return map_of_input(models::normalize_for(seen, network_.preset));
      };
      for (const auto& [name, image] : changed) add(m, name, explain::spearman(picture.maps[m].raw, map_of(image).raw));
      add(m, "shift",
          explain::change_by_shift<float>([&](const Tensor<float>& seen) { return map_of(seen).raw_at(height, width); },
                                          pixels, 4, 4)
              .rank_correlation);
      const auto again = [&](const Tensor<float>& input) { return map_of_input(input).shown(height, width); };
      add(m, "ADCC",
          explain::adcc_parts<float>(network_.net, again, picture.input, picture.maps[m].shown(height, width),
                                     picture.class_index)
              .adcc());
      const Index layers = static_cast<Index>(explain::layers_with_numbers(network_.net.to_state_dict()).size());
      const auto checked = explain::randomization_check<float>(
          network_.net, [&] { return map_of_input(picture.input).raw; }, {.depths = {layers}, .seed = seed_});
      add(m, "sanity", checked.back().rank_correlation);
    }
  }

  /// Pointing game on a mosaic of four pictures: whose map lies in its own picture? Nothing if two show the same class.
  void measure_mosaic(std::span<const PictureMaps> four) {
    std::set<Index> classes;
    for (const PictureMaps& picture : four) classes.insert(picture.class_index);
    if (four.size() != 4 || classes.size() != 4) return;
    const Tensor<float> input = mosaic({four[0].input, four[1].input, four[2].input, four[3].input});
    const Index height = four[0].input.size(0), width = four[0].input.size(1);
    for (std::size_t m = 0; m < explainers_.size(); ++m)
      for (Index part = 0; part < 4; ++part) {
        const Tensor<float> map = explainers_[m]
                                      .map(network_.net, input, four[static_cast<std::size_t>(part)].class_index)
                                      .shown(2 * height, 2 * width);
        Tensor<bool> own = Tensor<bool>::full(map.shape(), false);
        for (Index y = 0; y < height; ++y)
          for (Index x = 0; x < width; ++x) own.at(y + part / 2 * height, x + part % 2 * width) = true;
        add(m, "pointing %", explain::points_at(map, own, 0) ? 100 : 0);
        add(m, "energy %", 100 * explain::energy_inside(map, own));
      }
  }

  /// The means by method and metric.
  std::map<std::string, std::map<std::string, double>> means() const {
    std::map<std::string, std::map<std::string, double>> out;
    for (const auto& [key, mean] : means_)
      if (mean.is_known()) out[key.first][key.second] = mean.value();
    return out;
  }

  /// The table: a row for each explainer, a column for each metric that was measured.
  void write(train::Report& report) const {
    const auto all = means();
    std::vector<std::string> header{"method"};
    for (const Metric& metric : metrics()) {
      const bool is_known =
          std::any_of(all.begin(), all.end(), [&](const auto& row) { return row.second.contains(metric.name); });
      if (!is_known) continue;
      header.emplace_back(metric.name);
      report.text("How good the maps are", std::string(metric.name) + ": " + metric.meaning + ".");
    }
    std::vector<std::vector<std::string>> rows;
    for (const Explainer& explainer : explainers_) {
      rows.push_back({explainer.name});
      for (const Metric& metric : metrics()) {
        if (std::find(header.begin(), header.end(), metric.name) == header.end()) continue;
        const auto found = all.at(explainer.name).find(metric.name);
        rows.back().push_back(found == all.at(explainer.name).end() ? "-" : format(metric.format, found->second));
      }
    }
    report.table("How good the maps are", header, rows);
    report.set("metrics", all);
  }

 private:
  void add(std::size_t explainer, const std::string& metric, double value) {
    means_[{explainers_[explainer].name, metric}].add(value);
  }

  examples::PhotoNetwork& network_;
  const std::vector<Explainer>& explainers_;
  std::uint64_t seed_;
  explain::CurveOptions curve_;
  std::map<std::pair<std::string, std::string>, Mean> means_;
};

}  // namespace cam
