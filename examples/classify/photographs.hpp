/// The pictures that the classify program is given, and the names of classes.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <kashi/data/synthetic.hpp>
#include <kashi/io/image.hpp>
#include <kashi/models/presets.hpp>

namespace classify {

using kashi::Index;
using kashi::Tensor;

/// One picture: a file, or the pixels of one that was drawn.
struct Photograph {
  std::string name;             ///< without folder, for tables
  std::filesystem::path path;   ///< empty: drawn
  Tensor<float> pixels{};
  Index truth = -1;             ///< class; -1: not known

  Tensor<float> read() const { return path.empty() ? pixels : kashi::io::load_image_float(path, {.channels = 3}); }
};

inline std::vector<Photograph> named_photographs(const std::vector<std::string>& files) {
  std::vector<Photograph> out;
  for (const std::string& file : files) out.push_back({.name = std::filesystem::path(file).filename().string(), .path = file});
  return out;
}

/// All pictures of a folder, by name. Throws IoError if it can't be read or holds none.
inline std::vector<Photograph> folder_photographs(const std::string& folder) {
  std::vector<Photograph> out;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    std::string type = entry.path().extension().string();
    std::transform(type.begin(), type.end(), type.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (type == ".png" || type == ".jpg" || type == ".jpeg" || type == ".bmp") out.push_back({.name = entry.path().filename().string(), .path = entry.path()});
  }
  kashi::require<kashi::IoError>(!error, "classify: cannot read the folder '", folder, "': ", error.message());
  kashi::require<kashi::IoError>(!out.empty(), "classify: there are no pictures (PNG, JPEG, BMP) in '", folder, "'");
  std::sort(out.begin(), out.end(), [](const Photograph& a, const Photograph& b) { return a.name < b.name; });
  return out;
}

/// The fields of a line of CSV; a field in double quotes may hold commas.
inline std::vector<std::string> csv_fields(const std::string& line) {
  std::vector<std::string> out{""};
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') quoted = !quoted;
    else if (c == ',' && !quoted) out.emplace_back();
    else if (c != '\r') out.back() += c;
  }
  return out;
}

/// The pictures of a CSV with the columns file and class_index. Throws IoError or FormatError with file and line.
inline std::vector<Photograph> labelled_photographs(const std::string& folder, const std::string& csv) {
  std::ifstream stream(csv);
  kashi::require<kashi::IoError>(stream.good(), "classify: cannot read the labels '", csv, "'");
  std::string line;
  std::getline(stream, line);
  const std::vector<std::string> header = csv_fields(line);
  const auto column = [&](const char* name) {
    const auto found = std::find(header.begin(), header.end(), name);
    kashi::require<kashi::FormatError>(found != header.end(), "classify: '", csv, "' has no column \"", name, "\" in its first line");
    return static_cast<std::size_t>(found - header.begin());
  };
  const std::size_t file = column("file"), index = column("class_index");
  std::vector<Photograph> out;
  for (Index number = 2; std::getline(stream, line); ++number) {
    if (line.empty()) continue;
    const std::vector<std::string> fields = csv_fields(line);
    const bool is_whole = fields.size() > std::max(file, index) && !fields[index].empty() && fields[index].size() < 8 &&
                          fields[index].find_first_not_of("0123456789") == std::string::npos;
    kashi::require<kashi::FormatError>(is_whole, "classify: line ", number, " of '", csv, "' has no file and class index");
    out.push_back({.name = fields[file], .path = std::filesystem::path(folder) / fields[file], .truth = std::stol(fields[index])});
  }
  kashi::require<kashi::FormatError>(!out.empty(), "classify: '", csv, "' names no picture");
  return out;
}

/// Handwritten digits, for a run without data.
inline std::vector<Photograph> drawn_photographs(Index count, std::uint64_t seed) {
  const auto digits = kashi::data::handwritten_digits({.count = count, .size = 256, .seed = seed});
  std::vector<Photograph> out;
  for (Index i = 0; i < count; ++i) out.push_back({.name = kashi::text("drawn_", i + 1), .path = {}, .pixels = digits.get(i).image});
  return out;
}

/// A name for every class: a line each; WordNet's number before it ("n01440764 tench") and what follows a comma are left
/// out. Without a file CIFAR-10's names, or numbers. Throws IoError, and FormatError for another number of lines.
inline std::vector<std::string> read_labels(const std::string& path, const std::string& model, Index classes) {
  std::vector<std::string> out;
  if (path.empty()) {
    if (model.ends_with("cifar10") && classes == 10) return {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
    for (Index i = 0; i < classes; ++i) out.push_back(kashi::text("class ", i));
    return out;
  }
  std::ifstream stream(path);
  kashi::require<kashi::IoError>(stream.good(), "classify: cannot read the names of classes '", path, "'");
  for (std::string line; std::getline(stream, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const bool has_number = line.size() > 10 && line[0] == 'n' && line.find_first_not_of("0123456789", 1) == 9;
    line = has_number ? line.substr(10) : line;
    out.push_back(line.substr(0, line.find(',')));
  }
  kashi::require<kashi::FormatError>(static_cast<Index>(out.size()) == classes, "classify: '", path, "' names ", out.size(), " classes, the network has ", classes);
  return out;
}

}  // namespace classify
