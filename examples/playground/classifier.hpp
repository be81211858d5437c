/// A network that was trained on pictures, how a picture is made ready for it, and what can be asked about one.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "common/photo_network.hpp"
#include "playground/tools.hpp"

namespace playground {

struct Classifier {
  examples::PhotoNetwork network;
  /// The part of a picture that the network sees, [side,side,3] in [0,1].
  std::function<kashi::Tensor<float>(const kashi::Tensor<float>& picture)> see;
  bool is_drawn = false;
};

/// The network of the file: of examples/digits, or one of models::names() with pictures made ready as its preset says.
/// What the choice leaves empty is as the file's metadata say. `labels`: a file with a class name a line; empty: the
/// file's, or numbers. Throws IoError, FormatError, or ValueError for what does not fit.
Classifier load_classifier(const examples::NetworkChoice& choice, const std::filesystem::path& weights,
                           const std::filesystem::path& labels);

/// {"classes": [{"name", "index", "probability"}, ...], "of"}, the likeliest five first.
nlohmann::json classify(const Classifier& classifier, const kashi::Tensor<float>& picture);

/// Grad-CAM for the class `class` (default: the likeliest): {"name", "index", "picture"}, a PNG as a data URL in which
/// the map lies over what the network sees.
nlohmann::json show_map(Classifier& classifier, const kashi::Tensor<float>& picture, const Parameters& parameters);

/// FGSM away from the likeliest class by `epsilon` grey levels (default 2): {"epsilon", "before", "classes", "picture",
/// "change"}: the classes of the changed picture as 8 bits hold it, that picture, and the change made visible.
nlohmann::json attack(const Classifier& classifier, const kashi::Tensor<float>& picture, const Parameters& parameters);

}  // namespace playground
