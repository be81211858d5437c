/// Where a training keeps its checkpoint.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <kashi/io/safetensors.hpp>

namespace kashi::inline v0::train {

class Trainer;
struct FitOptions;

/// What decides which images stand in which step, by name. A resumed training must have the same.
using TrainingPlan = std::vector<std::pair<std::string, Index>>;

namespace detail {

/// How a training writes its checkpoint and goes on from it: defined in trainer.hpp, and a template so that only
/// programs that name a file compile it.
template <class Tag>
struct CheckpointCode {
  static io::TensorFile state(const Trainer& trainer, const FitOptions& options);
  static void save(const Trainer& trainer, const FitOptions& options, const TrainingPlan& plan);
  static void load(Trainer& trainer, const FitOptions& options, const TrainingPlan& plan);
};

}  // namespace detail

/// The file of a checkpoint; a path is one by itself. A program that names none does not compile the file format.
class CheckpointFile {
 public:
  /// No checkpoint.
  CheckpointFile() = default;
  template <class Path>
  requires std::is_constructible_v<std::filesystem::path, Path> &&
      (!std::is_same_v<std::remove_cvref_t<Path>, CheckpointFile>)
          CheckpointFile(Path&& path)  // NOLINT: a path is a CheckpointFile by itself
      : path_(std::forward<Path>(path)),
        save_([](const std::filesystem::path& to, const io::TensorFile& file) { io::save_safetensors(to, file); }),
        load_([](const std::filesystem::path& from) { return io::load_safetensors(from); }),
        save_training_(detail::CheckpointCode<void>::save),
        load_training_(detail::CheckpointCode<void>::load) {}

  bool empty() const { return path_.empty(); }
  std::string name() const { return path_.string(); }
  bool exists() const { return !empty() && std::filesystem::exists(path_); }

  /// Replaces the file, all or nothing. Throws IoError.
  void save(const io::TensorFile& file) const { save_(path_, file); }
  /// Throws IoError or FormatError with the file's name and the reason.
  io::TensorFile load() const { return load_(path_); }

  /// For the trainer: writes or takes back the whole training. Only where there is a file.
  void save_training(const Trainer& trainer, const FitOptions& options, const TrainingPlan& plan) const {
    save_training_(trainer, options, plan);
  }
  void load_training(Trainer& trainer, const FitOptions& options, const TrainingPlan& plan) const {
    load_training_(trainer, options, plan);
  }

 private:
  std::filesystem::path path_;
  void (*save_)(const std::filesystem::path&, const io::TensorFile&) = nullptr;
  io::TensorFile (*load_)(const std::filesystem::path&) = nullptr;
  void (*save_training_)(const Trainer&, const FitOptions&, const TrainingPlan&) = nullptr;
  void (*load_training_)(Trainer&, const FitOptions&, const TrainingPlan&) = nullptr;
};

}  // namespace kashi::inline v0::train
