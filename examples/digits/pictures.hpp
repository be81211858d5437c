/// What the digits program shows of a training beside what every training shows: mistakes, first-layer filters.
#pragma once

#include <string>
#include <vector>

#include <kashi/io/image.hpp>
#include <kashi/nn/conv.hpp>
#include <kashi/plot/filters.hpp>

#include "common/training_pictures.hpp"

namespace digits {

/// Puts the figures' cards and all pictures into the report.
inline void add_pictures(kashi::train::Report& report, const std::vector<kashi::train::EpochLog>& history,
                         const kashi::train::ConfusionMatrix& confusion, const std::vector<std::string>& names,
                         const kashi::data::Dataset& test, const std::vector<kashi::Index>& guesses,
                         kashi::nn::Sequential<float>& net) {
  using namespace kashi;
  examples::add_training_pictures(report, history, confusion, names, test.size());
  const auto shown = [](const data::Example& example) { return io::to_bytes(example.image * 0.5f + 0.5f); };
  report.picture("Test", "mistakes.png", examples::mistakes_sheet(test, guesses, names, shown),
                 "All test images that were taken for another digit; some labels are wrong or doubtful.");
  const auto& first = dynamic_cast<const nn::Conv2d<float>&>(net.find("0.0"));
  report.picture("Inside", "filters.png",
                 plot::filter_sheet(first.weight().value(), {.title = "Filters of the first layer"}),
                 "Filters of the first layer; each is scaled by its own largest weight.");
}

}  // namespace digits
