/// A network that classifies photographs, with all that it needs to take pixels in [0,1]: what the programs that look
/// into networks share.
#pragma once

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <kashi/data/dataset.hpp>
#include <kashi/models/presets.hpp>
#include <kashi/nn/container.hpp>

#include "common/csv.hpp"
#include "common/named_network.hpp"
#include "common/program.hpp"

namespace examples {

/// Flags of programs that take a network.
struct NetworkFlags {
  std::string model;  ///< empty: as the file of weights says, or squeezenet1_1
  std::string preset;
  std::string names;
  std::string second_model;
  std::string second_preset;
  std::string second_weights;

  void add_to(CLI::App& app);
  /// Flags of a second network, which judges what was made with the first.
  void add_second_to(CLI::App& app);
};

/// A network with its way of seeing pictures.
struct PhotoNetwork {
  std::string model;
  kashi::models::Preset preset{};
  kashi::nn::Sequential<float> net{};          ///< from normalised input to logits, in evaluation mode
  kashi::nn::Sequential<float> from_pixels{};  ///< the same, from pixels [N,H,W,3] in [0,1]
  kashi::nn::Sequential<float>
      scores{};         ///< from_pixels without a ReLU at the very end, so that silent classes have a gradient
  std::string layer{};  ///< the last layer that gives a map, by name
  std::vector<std::string> class_names{};  ///< may be empty

  /// A class for people: "flamingo (130)".
  std::string name_of(kashi::Index class_index) const;
  /// The part of a picture that the network sees, as 8 bits hold it: [crop,crop,3] in [0,1].
  kashi::Tensor<float> see(const kashi::Tensor<float>& picture) const;
  /// Side of the picture of which see() takes the middle without resizing.
  kashi::Index picture_side() const { return std::max(preset.crop, preset.shorter_side); }
  /// The class of a name, a number, or a part of a name that only one class has. Throws ValueError with the names that
  /// come near.
  kashi::Index class_of(const std::string& number_or_name) const;
  /// Probabilities of all classes for what the network sees, [crop,crop,3].
  kashi::Tensor<float> probabilities(const kashi::Tensor<float>& seen) const;
};

/// Puts the network into evaluation mode, freezes it, and makes from_pixels.
void make_ready(PhotoNetwork& network);

/// A network with its last map and the names of its file.
PhotoNetwork photo_network(NamedNetwork named);

/// The network of --model with the weights of --weights; without, a small one that learns drawn digits on the spot (it
/// says so).
PhotoNetwork load_network(const Flags& flags, const NetworkFlags& network);
/// The network of --second-weights; its classes are the first one's.
std::optional<PhotoNetwork> load_second_network(const NetworkFlags& network, const PhotoNetwork& first);

/// That small network: a few seconds of training on drawn digits. `change`: what is done to each picture (pixels in
/// [0,1]) first.
PhotoNetwork train_digits_network(const Flags& flags, const kashi::data::Transform& change = {});

/// A picture with its true class, or -1.
struct Photo {
  std::string name;
  kashi::Tensor<float> pixels;  ///< what the network sees of it
  kashi::Index label = -1;
};

/// The pictures of --data (a folder, or one file), in the order of their names, with the classes of a CSV file with the
/// columns file and class_index ("" for none); without --data, drawn digits. At most `limit` of them, if above 0,
/// spread evenly.
std::vector<Photo> load_photos(const Flags& flags, const std::string& truth, const PhotoNetwork& network,
                               kashi::Index limit = 0);

/// Rows [begin, end) of the photos as a batch [N,H,W,3].
kashi::Tensor<float> batch_of(const std::vector<Photo>& photos, std::size_t begin, std::size_t end);

}  // namespace examples
