/// A network of the library by name, with weights from a file of any kind that io::load_tensors reads.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <kashi/io/tensor_file.hpp>
#include <kashi/models/presets.hpp>
#include <kashi/nn/container.hpp>

namespace examples {

/// Which network, and how it wants its pictures. What is left empty is as the file's metadata say, or as is usual.
struct NetworkChoice {
  std::string model{};
  std::string preset{};
  kashi::Index crop = 0;
  double eps = 0;                           ///< of batch norms; 0: the usual
  std::string otherwise = "squeezenet1_1";  ///< the model, if neither flag nor file names one
};

/// What is known of a network before it is made.
struct NetworkKind {
  std::string name;
  kashi::models::Preset preset;
  std::vector<std::string> class_names;  ///< empty if the file has none
  double eps = 0;
};

/// What the choice and the file's metadata ("network", "preset", "crop", "shorter_side", "eps", "classes") say. Throws
/// ValueError for a preset that is not known.
NetworkKind network_kind(const NetworkChoice& choice, const kashi::io::TensorFile& file);

/// The metadata that network_kind() reads, for a file of weights.
std::map<std::string, std::string> metadata_of(const NetworkKind& kind);

/// The network without weights: models::make, or small_network. `classes` 0: the usual number. Throws ValueError for a
/// name that is not known.
kashi::nn::Sequential<float> make_network(const NetworkKind& kind, kashi::Index classes = 0);

/// The dotted name of the last layer, whose outputs are the classes.
std::string head_of(const std::string& model);

/// A network with weights.
struct NamedNetwork {
  NetworkKind kind;
  kashi::nn::Sequential<float> net;  ///< in evaluation mode
  kashi::Index classes = 0;
  std::string loaded;  ///< what was loaded, in a line
};

/// Makes the network with as many classes as the file's head has, and loads it strictly. Throws FormatError, with the
/// file's name, if the weights are of another network.
NamedNetwork load_named_network(const NetworkChoice& choice, const kashi::io::TensorFile& file,
                                const std::filesystem::path& path);

/// A network with as many classes as wanted, a new head, and all other weights from the file. Throws as above.
NamedNetwork load_with_new_head(const NetworkChoice& choice, const kashi::io::TensorFile& file,
                                const std::filesystem::path& path, kashi::Index classes);

/// A picture [H,W,3] of values in [0,1] as the network's input [crop,crop,3]. Throws ValueError for one that is more
/// than 16 times as long as it is wide.
kashi::Tensor<float> input_of(const kashi::Tensor<float>& picture, const kashi::models::Preset& how);

/// The part of the picture that the network sees, values as they are. Throws as above.
kashi::Tensor<float> seen_part(const kashi::Tensor<float>& picture, const kashi::models::Preset& how);

/// The lines of a text file, without empty ones at its end. Throws IoError.
std::vector<std::string> lines_of_file(const std::filesystem::path& path);

/// A name for each class from a text file, a line each: WordNet's number before it ("n01440764 tench") and what follows
/// a comma are left out. Throws IoError.
std::vector<std::string> read_class_names(const std::filesystem::path& path);

}  // namespace examples
