/// Callbacks: what watches a training and may steer it.
#pragma once

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <kashi/io/tensor_file.hpp>

namespace kashi::inline v0::train {

class Trainer;

/// What one epoch brought: its figures by name, in the order in which they are logged.
class EpochLog {
 public:
  Index epoch = 0;   ///< counted from 1
  Index epochs = 0;  ///< how many were asked for
  double seconds = 0;
  double images_per_second = 0;

  void set(const std::string& name, double value) {
    for (auto& [key, old] : values_) {
      if (key != name) continue;
      old = value;
      return;
    }
    values_.emplace_back(name, value);
  }
  bool contains(const std::string& name) const {
    for (const auto& [key, value] : values_)
      if (key == name) return true;
    return false;
  }
  /// Throws ValueError for a figure that was not logged, with the names of those that were.
  double at(const std::string& name) const {
    std::string names;
    for (const auto& [key, value] : values_) {
      if (key == name) return value;
      names += (names.empty() ? "" : ", ") + key;
    }
    throw ValueError(text("train: no figure \"", name, "\" is logged; there are: ", names));
  }
  /// train_loss, lr, and val_loss and val_<metric> where there is validation data.
  const std::vector<std::pair<std::string, double>>& values() const { return values_; }

 private:
  std::vector<std::pair<std::string, double>> values_;
};

/// Where a training stands within an epoch.
struct StepLog {
  Index epoch = 0;  ///< counted from 1
  Index epochs = 0;
  Index batch = 0;  ///< batches done in this epoch
  Index batches = 0;
  Index batches_run = 0;  ///< batches done in this epoch by this process: fewer than `batch` after a resume within it
  Index images = 0;       ///< images done in this epoch by this process
  double loss = 0;        ///< mean over this epoch so far
  double seconds = 0;
};

/// Called at the joints of a training. What it remembers is saved in checkpoints, so that a resumed training goes on as
/// if it had never stopped.
class Callback {
 public:
  virtual ~Callback() = default;

  virtual void on_fit_begin(Trainer&) {}
  virtual void on_epoch_begin(Trainer&, Index /*epoch*/) {}
  /// After each optimizer step.
  virtual void on_step(Trainer&, const StepLog&) {}
  /// After an epoch's last step, before validation: the network may be given the weights that shall be judged and kept.
  virtual void on_validation_begin(Trainer&) {}
  /// After validation. The network holds the weights that were judged.
  virtual void on_epoch_end(Trainer&, EpochLog&) {}
  /// After on_epoch_end of all callbacks, before the checkpoint: the network gets back the weights that are trained.
  virtual void on_validation_end(Trainer&) {}
  /// Once at the end, also when stopped early; not after an error or an interrupt.
  virtual void on_fit_end(Trainer&) {}

  /// Adds what must survive a restart under names that begin with `prefix`.
  virtual void save(io::TensorFile&, const std::string& /*prefix*/) const {}
  virtual void load(const io::TensorFile&, const std::string& /*prefix*/) {}
};

/// Whether a figure should grow or shrink.
enum class Goal { maximize, minimize };

namespace detail {
inline bool is_better(double value, double best, Goal goal, double min_delta) {
  return goal == Goal::maximize ? value > best + min_delta : value < best - min_delta;
}
inline double worst(Goal goal) {
  return goal == Goal::maximize ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
}
}  // namespace detail

}  // namespace kashi::inline v0::train
