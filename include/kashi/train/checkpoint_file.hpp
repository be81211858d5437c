/// Where a training keeps its checkpoint.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include <kashi/io/safetensors.hpp>

namespace kashi::inline v0::train {

/// The file of a checkpoint; a path is one by itself. A program that names none does not compile the file format.
class CheckpointFile {
 public:
  /// No checkpoint.
  CheckpointFile() = default;
  template <class Path>
    requires std::is_constructible_v<std::filesystem::path, Path> && (!std::is_same_v<std::remove_cvref_t<Path>, CheckpointFile>)
  CheckpointFile(Path&& path)  // NOLINT: a path is a CheckpointFile by itself
      : path_(std::forward<Path>(path)),
        save_([](const std::filesystem::path& to, const io::TensorFile& file) { io::save_safetensors(to, file); }),
        load_([](const std::filesystem::path& from) { return io::load_safetensors(from); }) {}

  bool empty() const { return path_.empty(); }
  std::string name() const { return path_.string(); }
  bool exists() const { return !empty() && std::filesystem::exists(path_); }

  /// Replaces the file, all or nothing. Throws IoError.
  void save(const io::TensorFile& file) const { save_(path_, file); }
  /// Throws IoError or FormatError with the file's name and the reason.
  io::TensorFile load() const { return load_(path_); }

 private:
  std::filesystem::path path_;
  void (*save_)(const std::filesystem::path&, const io::TensorFile&) = nullptr;
  io::TensorFile (*load_)(const std::filesystem::path&) = nullptr;
};

}  // namespace kashi::inline v0::train
