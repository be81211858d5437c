/// A network that was trained on pictures, and how a picture is made ready for it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <kashi/core/tensor.hpp>
#include <kashi/data/transforms.hpp>
#include <kashi/nn/container.hpp>

namespace playground {

struct Classifier {
  std::string model;
  kashi::nn::Sequential<float> net;
  std::vector<std::string> class_names;
  kashi::data::Transform prepare;
  bool is_drawn = false;
};

/// The network of examples/digits for the model "digits", else one of models::names(), with pictures made ready as
/// models::usual_preset says. `labels`: a file with a class name a
/// line; empty: the classes are numbered. Throws IoError, FormatError, or ValueError for what does not fit.
Classifier load_classifier(const std::string& model, const std::filesystem::path& weights,
                           const std::filesystem::path& labels);

/// {"classes": [{"name", "probability"}, ...]}, the likeliest five first.
nlohmann::json classify(const Classifier& classifier, const kashi::Tensor<float>& picture);

}  // namespace playground
