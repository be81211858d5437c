/// The digits program's network and augmentation, and the file in which it keeps its weights.
#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <kashi/data/transforms.hpp>
#include <kashi/io/load_tensors.hpp>
#include <kashi/nn/activation.hpp>
#include <kashi/nn/container.hpp>
#include <kashi/nn/conv.hpp>
#include <kashi/nn/dropout.hpp>
#include <kashi/nn/linear.hpp>
#include <kashi/nn/norm.hpp>
#include <kashi/nn/pool.hpp>
#include <kashi/train/weights.hpp>

namespace digits {

inline constexpr kashi::Index image_size = 64;

/// Convolution, batch norm, ReLU.
inline kashi::nn::Sequential<float> unit(kashi::Index in, kashi::Index out, kashi::Index stride = 1) {
  using namespace kashi;
  return nn::Sequential{nn::Conv2d({.in = in, .out = out, .kernel = 3, .stride = stride, .padding = 1, .bias = false}),
                        nn::BatchNorm2d(out), nn::ReLU()};
}

/// Four stages that halve the image, 64x64x3 -> 4x4x96, then the mean over all pixels: 126,000 parameters for 4
/// classes.
inline kashi::nn::Sequential<float> network(kashi::Index classes) {
  using namespace kashi;
  return nn::Sequential{unit(3, 16),
                        nn::MaxPool2d(2),
                        unit(16, 32),
                        unit(32, 32),
                        nn::MaxPool2d(2),
                        unit(32, 64),
                        unit(64, 64),
                        nn::MaxPool2d(2),
                        unit(64, 96),
                        nn::MaxPool2d(2),
                        nn::GlobalAvgPool2d(),
                        nn::Dropout(0.2),
                        nn::Linear({.in = 96, .out = classes})};
}

/// The last layer that gives a map, 8x8 places, by name.
inline constexpr const char* last_map = "8";

/// A picture with a shorter side shows no digit.
inline constexpr kashi::Index smallest_side = 8;

/// Every image is brought to one size (ValueError for one that is too small) ...
inline kashi::data::Transform resize() {
  using namespace kashi;
  const auto require_side = [](const data::Example& example, data::RandomStream&) {
    const Index height = example.image.size(0), width = example.image.size(1);
    require(std::min(height, width) >= smallest_side, "digits: an image needs ", smallest_side, "x", smallest_side,
            " pixels to show a digit; '", example.name, "' has ", width, "x", height);
  };
  return data::Compose({require_side, data::Resize({.size = {image_size, image_size}})});
}

/// ... and to values about 0, last of all.
inline kashi::data::Transform normalize() {
  return kashi::data::Normalize({.mean = {0.5f, 0.5f, 0.5f}, .std = {0.5f, 0.5f, 0.5f}});
}

/// For training: what a writer might have done otherwise. No flips: no digit survives them. Empty corners take the
/// paper's colour.
inline kashi::data::Transform training_transform() {
  using namespace kashi;
  const data::Fill paper{.border = data::Border::colour};
  return data::Compose(
      {data::RandomAffine(
           {.degrees = 12, .translate = {0.08, 0.08}, .scale = {0.85, 1.15}, .shear = 10, .fill = paper}),
       data::Elastic({.alpha = 30, .sigma = 5, .fill = paper, .p = 0.5}),
       data::ColorJitter({.brightness = 0.2, .contrast = 0.2}), normalize()});
}

/// What a weights file says beside the numbers: the class names, a line each.
inline std::map<std::string, std::string> metadata(const std::vector<std::string>& class_names) {
  std::string lines;
  for (const auto& name : class_names) lines += (lines.empty() ? "" : "\n") + name;
  return {{"classes", lines}};
}

/// A trained network and the names of its classes.
struct Loaded {
  kashi::nn::Sequential<float> net;
  std::vector<std::string> class_names;
};

/// Throws FormatError if the file holds other weights than this program's.
inline Loaded load(const std::filesystem::path& path) {
  const kashi::io::TensorFile file = kashi::io::load_tensors(path);
  const auto found = file.metadata.find("classes");
  kashi::require<kashi::FormatError>(found != file.metadata.end(), "'", path.string(),
                                     "' does not hold weights of this program: its metadata have no \"classes\"");
  std::vector<std::string> names{""};
  for (const char c : found->second) {
    if (c == '\n')
      names.emplace_back();
    else
      names.back() += c;
  }
  Loaded loaded{network(static_cast<kashi::Index>(names.size())), names};
  try {
    loaded.net.load_state_dict(kashi::train::weights_of(file));
  } catch (const kashi::Error& error) {
    throw kashi::FormatError(
        kashi::text("'", path.string(), "' does not hold weights of this program: ", error.what()));
  }
  loaded.net.eval();
  return loaded;
}

}  // namespace digits
