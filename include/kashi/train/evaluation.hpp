/// What an evaluation found.
#pragma once

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <kashi/train/metrics.hpp>

namespace kashi::inline v0::train {

/// Mean loss and metrics over a dataset.
struct Evaluation {
  Index images = 0;
  double loss = 0;
  std::vector<std::pair<std::string, double>> metrics{};

  /// A metric by name. Throws ValueError if it was not measured.
  double at(const std::string& name) const {
    for (const auto& [key, value] : metrics)
      if (key == name) return value;
    throw ValueError(text("Evaluation: there is no metric \"", name, "\""));
  }

  /// "322 images: loss 0.0312, accuracy 0.9876".
  std::string to_string() const {
    const auto figure = [](const std::string& name, double value) {
      char buffer[64];
      std::snprintf(buffer, sizeof buffer, "%s %.4f", name.c_str(), value);
      return std::string(buffer);
    };
    std::string out = std::to_string(images) + " images: " + figure("loss", loss);
    for (const auto& [name, value] : metrics) out += ", " + figure(name, value);
    return out;
  }
};

}  // namespace kashi::inline v0::train
