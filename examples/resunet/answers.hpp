/// What a network marks on whole pictures, and the figures and pictures of it.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include <kashi/core/manipulate.hpp>
#include <kashi/io/image.hpp>
#include <kashi/nn/module.hpp>
#include <kashi/ops/activation.hpp>
#include <kashi/ops/resize.hpp>
#include <kashi/plot/canvas.hpp>
#include <kashi/plot/contact_sheet.hpp>
#include <kashi/plot/line_chart.hpp>
#include <kashi/train/mask_curve.hpp>
#include <kashi/train/report.hpp>

#include "common/mirrored.hpp"
#include "resunet/data.hpp"

namespace resunet {

/// The probability of foreground at every pixel of a picture's full size, [H,W,1]: the network sees it with its longer
/// side at `side` pixels; with `flips` also mirrored, and the two are averaged.
inline kashi::Tensor<float> probabilities(const kashi::nn::Module<float>& net, const kashi::data::Example& example,
                                          kashi::Index side, bool flips) {
  using namespace kashi;
  const NoGrad no_grad;
  data::Example seen{.image = example.image.clone()};
  data::RandomStream unused(0, 0, 0);
  fit_side(side)(seen, unused);
  normalize()(seen, unused);
  const Tensor<float> image = seen.image.reshape({1, seen.image.size(0), seen.image.size(1), 1});
  Tensor<float> found = sigmoid(net(image)).value();
  if (flips) found = (found + examples::mirrored(sigmoid(net(examples::mirrored(image))).value())) * 0.5f;
  const Index height = example.image.size(0), width = example.image.size(1);
  return resize(found, {height, width}, {.mode = ResizeMode::bilinear}).value().reshape({height, width, 1});
}

/// Answers for every picture of a dataset.
struct Answers {
  kashi::train::MaskCurve curve;
  std::vector<kashi::Tensor<float>> maps;

  /// The Dice of one picture; 1 if both masks are empty.
  static double dice(const kashi::Tensor<float>& map, const kashi::Tensor<float>& mask, double threshold) {
    kashi::train::MaskCurve one;
    one.add(map, mask);
    return one.dice(threshold);
  }
};

inline Answers answer_all(const kashi::nn::Module<float>& net, const kashi::data::Dataset& dataset, kashi::Index side,
                          bool flips) {
  Answers out;
  for (kashi::Index i = 0; i < dataset.size(); ++i) {
    const auto example = dataset.get(i);
    out.maps.push_back(probabilities(net, example, side, flips));
    out.curve.add(out.maps.back(), example.target);
  }
  return out;
}

/// Dice of each picture at a threshold, and the mean over those whose mask is not empty.
inline std::vector<double> dice_by_picture(const Answers& answers, const kashi::data::Dataset& dataset,
                                           double threshold) {
  std::vector<double> out;
  for (kashi::Index i = 0; i < dataset.size(); ++i)
    out.push_back(Answers::dice(answers.maps[static_cast<std::size_t>(i)], dataset.get(i).target, threshold));
  return out;
}

inline double mean_of_marked(const std::vector<double>& dice, const kashi::data::Dataset& dataset) {
  double sum = 0;
  kashi::Index count = 0;
  for (kashi::Index i = 0; i < dataset.size(); ++i) {
    if (dataset.label(i) == 0) continue;
    sum += dice[static_cast<std::size_t>(i)];
    ++count;
  }
  return count == 0 ? 1.0 : sum / static_cast<double>(count);
}

constexpr kashi::Index overlay_side = 420;

/// Colours the border pixels of a mask of 0 and 1.
inline void draw_outline(kashi::Tensor<std::uint8_t>& picture, const kashi::Tensor<float>& mask,
                         const std::array<std::uint8_t, 3>& colour) {
  using kashi::Index;
  const Index height = mask.size(0), width = mask.size(1);
  const auto inside = [&](Index y, Index x) {
    return y >= 0 && x >= 0 && y < height && x < width && mask(y, x, 0) > 0.5f;
  };
  for (Index y = 0; y < height; ++y)
    for (Index x = 0; x < width; ++x) {
      if (!inside(y, x) || (inside(y - 1, x) && inside(y + 1, x) && inside(y, x - 1) && inside(y, x + 1))) continue;
      for (Index c = 0; c < 3; ++c) picture.at(y, x, c) = colour[static_cast<std::size_t>(c)];
    }
}

/// A picture with the given mask outlined in green and the network's in red, no larger than a cell of a sheet, so that
/// the outlines stay visible there.
inline kashi::plot::Image overlay(const kashi::data::Example& example, const kashi::Tensor<float>& map,
                                  double threshold) {
  using namespace kashi;
  Tensor<float> marks = Tensor<float>::empty(map.shape());
  for (Index i = 0; i < map.numel(); ++i)
    marks.mutable_data()[i] = map.data()[i] >= static_cast<float>(threshold) ? 1.0f : 0.0f;
  data::Example given{.image = example.image.clone(), .target = example.target},
      found{.image = example.image.clone(), .target = marks};
  data::RandomStream unused(0, 0, 0);
  for (data::Example* one : {&given, &found}) fit_side(overlay_side)(*one, unused);
  Tensor<std::uint8_t> picture = plot::as_rgb(io::to_bytes(given.image)).clone();
  draw_outline(picture, given.target, {60, 220, 90});
  draw_outline(picture, found.target, {255, 70, 60});
  return picture;
}

/// All pictures with both outlines, the best first.
inline kashi::plot::Image overlay_sheet(const kashi::data::Dataset& dataset, const Answers& answers,
                                        const std::vector<double>& dice, double threshold) {
  using namespace kashi;
  std::vector<std::size_t> order(dice.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return dice[a] > dice[b]; });
  constexpr std::size_t most = 24;  // the best half and the worst half of them
  if (order.size() > most) order.erase(order.begin() + most / 2, order.end() - most / 2);
  std::vector<plot::Image> pictures;
  std::vector<std::string> captions;
  for (const std::size_t i : order) {
    const data::Example example = dataset.get(static_cast<Index>(i));
    pictures.push_back(overlay(example, answers.maps[i], threshold));
    char caption[160];
    std::snprintf(caption, sizeof caption, "%.3f  %s", dice[i],
                  std::filesystem::path(example.name).filename().string().c_str());
    captions.emplace_back(caption);
  }
  return plot::contact_sheet(
      pictures, captions,
      {.title = "Given masks green, answers red; Dice, best first", .columns = 3, .cell = overlay_side});
}

/// Precision against recall, with the chosen threshold's point.
inline kashi::plot::Image precision_recall_chart(const kashi::train::MaskCurve& curve, double threshold) {
  kashi::plot::Series line{.name = "thresholds 0.01 to 0.99"}, chosen{.name = "chosen"};
  for (int percent = 99; percent >= 1; --percent) {
    line.x.push_back(curve.recall(percent / 100.0));
    line.y.push_back(curve.precision(percent / 100.0));
  }
  const double recall = curve.recall(threshold), precision = curve.precision(threshold);
  chosen.x = {recall - 0.012, recall, recall + 0.012, recall};
  chosen.y = {precision, precision + 0.012, precision, precision - 0.012};
  return kashi::plot::line_chart({line, chosen}, {.title = "Precision and recall of pixels",
                                                  .x_label = "recall",
                                                  .y_label = "precision",
                                                  .y_low = 0,
                                                  .y_high = 1});
}

}  // namespace resunet
