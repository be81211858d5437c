/// Grad-CAM against Shap-CAM: what their maps show, what they need of a network, how steady they are, and what becomes
/// of both when the network itself is made more or less sensitive to small changes.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <kashi/plot/line_chart.hpp>

#include "cam/evaluation.hpp"
#include "cam/variants.hpp"

namespace cam {

/// Compares on some pictures and writes its tables into a report. `settings.layer` may name the layer.
class Comparison {
 public:
  Comparison(examples::PhotoNetwork& network, const Settings& settings, std::uint64_t seed, bool is_quick)
      : network_(network),
        layer_(settings.layer.empty() ? network.layer : settings.layer),
        permutations_(settings.permutations),
        seed_(seed),
        is_quick_(is_quick) {}

  /// Quality and steadiness by the number of orders that Shap-CAM draws.
  void sweep_permutations(train::Report& report, const std::vector<PictureMaps>& pictures) {
    std::vector<Explainer> all{grad_cam()};
    const std::vector<Index> counts = is_quick_ ? std::vector<Index>{2, 8} : std::vector<Index>{2, 8, 20, 100};
    for (const Index count : counts) all.push_back(shap_cam(count, seed_));
    const char* section = "Grad-CAM against Shap-CAM, by the orders that it draws";
    std::vector<std::vector<std::string>> rows;
    std::map<std::string, std::map<std::string, double>> figures;
    for (std::size_t m = 0; m < all.size(); ++m) {
      const std::vector<Explainer> one{all[m]};
      Evaluation evaluation(network_, one, seed_, is_quick_ ? 8 : 28);
      Mean seconds, agreement, sensitivity;
      for (const PictureMaps& picture : pictures) {
        PictureMaps mapped{.photo = picture.photo, .input = picture.input, .class_index = picture.class_index};
        const auto start = std::chrono::steady_clock::now();
        mapped.maps.push_back(all[m].map(network_.net, picture.input, picture.class_index));
        seconds.add(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        evaluation.measure(mapped);
        const Explainer other = m == 0 ? grad_cam() : shap_cam(counts[m - 1], seed_ + 1);
        agreement.add(
            explain::spearman(mapped.maps[0].raw, other.map(network_.net, picture.input, picture.class_index).raw));
        const auto map_of = [&](const Tensor<float>& pixels) {
          return all[m].map(network_.net, models::normalize_for(pixels, network_.preset), picture.class_index).shown();
        };
        sensitivity.add(explain::max_sensitivity<float>(
            map_of, picture.photo->pixels, {.radius = 4.0 / 255, .samples = is_quick_ ? 2 : 5, .seed = seed_}));
      }
      auto figure = evaluation.means()[all[m].name];
      figure["two runs"] = agreement.value();
      figure["max-sensitivity"] = sensitivity.value();
      figures[all[m].name] = figure;
      rows.push_back({all[m].name, format("%.3f", figure["insertion"]), format("%.3f", figure["deletion"]),
                      format("%.1f", figure["drop %"]), format("%.1f", figure["increase %"]),
                      format("%.3f", figure["complexity"]), format("%.3f", figure["two runs"]),
                      format("%.3f", figure["max-sensitivity"]), time_of(seconds.value())});
    }
    report.text(section,
                "Two runs: rank correlation of two maps drawn with different random numbers. Max-sensitivity: largest "
                "relative change of the shown map under random noise of 4/255.");
    report.table(section,
                 {"method", "insertion", "deletion", "drop %", "increase %", "complexity", "two runs",
                  "max-sensitivity", "time"},
                 rows);
    report.set("by_permutations", figures);
  }

  /// A network whose part behind the layer is a step function: what gradients there are is 0.
  void steps_behind(train::Report& report, const std::vector<PictureMaps>& pictures) {
    std::map<std::string, double> figures;
    for (const Explainer& explainer : {grad_cam(), shap_cam(permutations_, seed_)}) {
      Mean empty, agreement;
      for (const PictureMaps& picture : pictures) {
        const Tensor<float> before = explainer.map(network_.net, picture.input, picture.class_index).raw;
        const Hook hook = hook_behind(network_, layer_, in_steps);
        const Tensor<float> after = explainer.map(network_.net, picture.input, picture.class_index).raw;
        empty.add(max(after).item() == 0 && min(after).item() == 0 ? 100 : 0);
        agreement.add(explain::spearman(before, after));
      }
      figures[explainer.name + ": empty maps %"] = empty.value();
      figures[explainer.name + ": rank correlation"] = agreement.value();
    }
    const char* section = "A network that has no gradients";
    report.text(section,
                "Behind the layer every activation is rounded to one of a few steps. Rank correlation: of the map with "
                "that of the network without steps.");
    std::vector<std::vector<std::string>> rows;
    for (const auto& [name, value] : figures) rows.push_back({name, format("%.3f", value)});
    report.table(section, {"figure", "value"}, rows);
    report.set("without_gradients", figures);
  }

  /// Networks of different sensitivity: the rank correlation of maps before and after small changes, for the true class
  /// where it is known, else for the one that the network sees in the unchanged picture.
  void sensitive_networks(train::Report& report, const std::vector<PictureMaps>& pictures,
                          std::vector<Variant> variants) {
    const char* section = "Networks that are more and less sensitive to small changes";
    const std::vector<double> sizes = is_quick_ ? std::vector<double>{4} : std::vector<double>{1, 2, 4, 8};
    const std::vector<std::string> methods{"grad-cam", "shap-cam, same orders", "shap-cam, new orders",
                                           "shap-cam, logit"};
    std::vector<std::vector<std::string>> rows;
    std::map<std::string, std::map<std::string, double>> figures;
    for (Variant& variant : variants) {
      const Hook hook = variant.install();
      examples::PhotoNetwork& network = *variant.network;
      std::map<std::pair<std::string, std::string>, Mean> means;  // by change and figure
      Mean correct;
      for (const PictureMaps& picture : pictures) {
        const Index explained = picture.photo->label >= 0 ? picture.photo->label : picture.class_index;
        const Tensor<float> pixels = variant.prepare(picture.photo->pixels, picture.photo->label);
        const Answer clean = answer_of(network, pixels, explained);
        correct.add(clean.predicted == explained ? 100 : 0);
        const auto maps = [&](const Tensor<float>& seen, std::uint64_t seed) {
          const Tensor<float> input = models::normalize_for(seen, network.preset);
          return std::vector<Tensor<float>>{
              grad_cam().map(network.net, input, explained).raw,
              shap_cam(permutations_, seed_).map(network.net, input, explained).raw,
              shap_cam(permutations_, seed).map(network.net, input, explained).raw,
              shap_cam(permutations_, seed_, explain::Worth::score).map(network.net, input, explained).raw};
        };
        const auto before = maps(pixels, seed_);
        for (const double size : sizes)
          for (const bool is_attack : {false, true}) {
            const Tensor<float> changed =
                is_attack ? attacked(network, pixels, explained, size) : with_signs(pixels, size);
            const std::string change = std::string(is_attack ? "FGSM" : "noise") + format(" %g", size);
            const Answer answer = answer_of(network, changed, explained);
            const bool is_kept = answer.predicted == clean.predicted;
            means[{change, "prediction kept %"}].add(is_kept ? 100 : 0);
            means[{change, "change of logit"}].add(std::abs(answer.logit - clean.logit));
            const auto after = maps(changed, seed_ + 1);
            for (std::size_t m = 0; m < methods.size(); ++m) {
              const double correlation = explain::spearman(before[m], after[m]);
              means[{change, methods[m]}].add(correlation);
              if (is_kept) means[{change, methods[m] + ", kept"}].add(correlation);
            }
          }
      }
      for (const auto& [key, mean] : means)
        figures[variant.name + ", " + key.first][key.second] = mean.is_known() ? mean.value() : std::nan("");
      figures[variant.name]["correct %"] = correct.value();
      for (const bool is_attack : {false, true})
        for (const double size : sizes) {
          const std::string change = std::string(is_attack ? "FGSM" : "noise") + format(" %g", size);
          const auto cell = [&](const std::string& figure, const char* how) {
            return means[{change, figure}].is_known() ? format(how, means[{change, figure}].value()) : std::string("-");
          };
          rows.push_back({variant.name, change, cell("prediction kept %", "%.0f"), cell("change of logit", "%.2f"),
                          cell(methods[0], "%.3f"), cell(methods[1], "%.3f"), cell(methods[2], "%.3f"),
                          cell(methods[3], "%.3f"), cell(methods[0] + ", kept", "%.3f"),
                          cell(methods[1] + ", kept", "%.3f")});
        }
      report.picture(section, "stability_" + variant.file + ".png", chart(variant.name, sizes, methods, means),
                     variant.name + ": " + variant.meaning);
    }
    report.text(section,
                "Rank correlation of the map with that of the unchanged picture, for the same class. Noise: each "
                "number moves by the same amount up or down at random, so that it has the size of the "
                "attack in every norm. Kept: only pictures whose prediction did not change.");
    report.table(section,
                 {"network", "change, 1/255", "prediction kept %", "change of logit", "Grad-CAM", "Shap-CAM",
                  "Shap-CAM, new orders", "Shap-CAM of the logit", "Grad-CAM, kept", "Shap-CAM, kept"},
                 rows);
    std::vector<std::string> names;
    for (const Variant& variant : variants) names.push_back(variant.name);
    report.set("networks", names);
    report.set("sensitivity", figures);
  }

 private:
  struct Answer {
    Index predicted;
    double logit;
  };

  Explainer grad_cam() const {
    return {"grad-cam", [layer = layer_](auto& net, const Tensor<float>& input, Index c) {
              return explain::explain(explain::Method::grad_cam, net, layer, input, c);
            }};
  }
  Explainer shap_cam(Index permutations, std::uint64_t seed, explain::Worth worth = explain::Worth::probability) const {
    explain::ExplainOptions options;
    options.shap_cam.worth = worth;
    options.shap_cam.permutations = permutations;
    options.shap_cam.seed = seed;
    return {"shap-cam " + std::to_string(permutations),
            [layer = layer_, options](auto& net, const Tensor<float>& input, Index c) {
              return explain::explain(explain::Method::shap_cam, net, layer, input, c, options);
            }};
  }

  static Answer answer_of(const examples::PhotoNetwork& network, const Tensor<float>& pixels, Index class_index) {
    const NoGrad no_grad;
    const Tensor<float> logits = network.from_pixels(Variable<float>(explain::detail::as_batch(pixels))).value();
    return {argmax(logits, 1)(0), static_cast<double>(logits(0, class_index))};
  }

  Tensor<float> with_signs(const Tensor<float>& pixels, double size) const {
    Tensor<float> out = random::Generator(seed_).uniform<float>(pixels.shape(), -1.0, 1.0);
    float* value = out.mutable_data();
    for (Index i = 0; i < out.numel(); ++i)
      value[i] =
          std::clamp(pixels.data()[i] + (value[i] < 0 ? -1.0f : 1.0f) * static_cast<float>(size / 255), 0.0f, 1.0f);
    return out;
  }
  static Tensor<float> attacked(const examples::PhotoNetwork& network, const Tensor<float>& pixels, Index class_index,
                                double size) {
    return explain::fgsm<float>(network.from_pixels, explain::detail::as_batch(pixels),
                                Tensor<Index>({1}, {class_index}), {.epsilon = size / 255})[0];
  }

  static plot::Image chart(const std::string& title, const std::vector<double>& sizes,
                           const std::vector<std::string>& methods,
                           std::map<std::pair<std::string, std::string>, Mean>& means) {
    std::vector<plot::Series> series;
    for (const bool is_attack : {false, true})
      for (std::size_t m = 0; m < 2; ++m) {
        plot::Series line{.name = std::string(m == 0 ? "Grad-CAM" : "Shap-CAM") + (is_attack ? ", FGSM" : ", noise"),
                          .dashed = is_attack};
        line.color = plot::series_color(static_cast<Index>(m));
        for (const double size : sizes) {
          line.x.push_back(size);
          line.y.push_back(
              means[{std::string(is_attack ? "FGSM" : "noise") + format(" %g", size), methods[m]}].value());
        }
        series.push_back(line);
      }
    return plot::line_chart(series, {.title = title,
                                     .x_label = "size of the change in grey levels",
                                     .y_label = "rank correlation of maps",
                                     .y_high = 1});
  }

  examples::PhotoNetwork& network_;
  std::string layer_;
  Index permutations_;
  std::uint64_t seed_;
  bool is_quick_;
};

}  // namespace cam
