/// The pictures that the classify program is given, and the names of classes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <kashi/data/picture_files.hpp>
#include <kashi/data/synthetic.hpp>
#include <kashi/io/image.hpp>

#include "common/csv.hpp"
#include "common/named_network.hpp"

namespace classify {

using kashi::Index;
using kashi::Tensor;

/// One picture: a file, or the pixels of one that was drawn.
struct Photograph {
  std::string name;            ///< without folder, for tables
  std::filesystem::path path;  ///< empty: drawn
  Tensor<float> pixels{};
  Index truth = -1;  ///< class; -1: not known

  Tensor<float> read() const { return path.empty() ? pixels : kashi::io::load_image_float(path, {.channels = 3}); }
};

inline std::vector<Photograph> named_photographs(const std::vector<std::string>& files) {
  std::vector<Photograph> out;
  for (const std::string& file : files)
    out.push_back({.name = std::filesystem::path(file).filename().string(), .path = file});
  return out;
}

/// All pictures of a folder and the folders in it, by name. Throws IoError if it can't be read or holds none.
inline std::vector<Photograph> folder_photographs(const std::string& folder) {
  return named_photographs(kashi::data::detail::list_pictures("classify", folder));
}

/// The pictures of a CSV with the columns file and class_index. Throws IoError or FormatError.
inline std::vector<Photograph> labelled_photographs(const std::string& folder, const std::string& csv) {
  std::vector<Photograph> out;
  for (const auto& [file, class_index] : examples::read_classes(csv))
    out.push_back({.name = file, .path = std::filesystem::path(folder) / file, .truth = class_index});
  return out;
}

/// Handwritten digits, for a run without data.
inline std::vector<Photograph> drawn_photographs(Index count, std::uint64_t seed) {
  const auto digits = kashi::data::handwritten_digits({.count = count, .size = 256, .seed = seed});
  std::vector<Photograph> out;
  for (Index i = 0; i < count; ++i)
    out.push_back({.name = kashi::text("drawn_", i + 1), .path = {}, .pixels = digits.get(i).image});
  return out;
}

/// A name for every class: from a text file, or else those that the weights' file has, CIFAR-10's, or numbers. Throws
/// IoError, and FormatError for another number of names.
inline std::vector<std::string> read_labels(const std::string& path, const examples::NetworkKind& kind, Index classes) {
  std::vector<std::string> out = path.empty() ? kind.class_names : examples::read_class_names(path);
  if (path.empty() && out.empty() && kind.name.ends_with("cifar10") && classes == 10)
    return {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  while (path.empty() && static_cast<Index>(out.size()) < classes) out.push_back(kashi::text("class ", out.size()));
  kashi::require<kashi::FormatError>(static_cast<Index>(out.size()) == classes, "classify: '", path, "' names ",
                                     out.size(), " classes, the network has ", classes);
  return out;
}

}  // namespace classify
