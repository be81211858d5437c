/// Stopping when a figure no longer improves, and keeping the best weights.
#pragma once

#include <filesystem>

#include <kashi/train/trainer.hpp>

namespace kashi::inline v0::train {

/// Options of EarlyStopping.
struct EarlyStoppingOptions {
  std::string metric = "val_loss";
  Goal goal = Goal::minimize;
  Index patience = 10;   ///< epochs without improvement that are borne
  double min_delta = 0;  ///< smaller changes are no improvement
};

/// Ends the training after `patience` epochs in which `metric` did not improve.
class EarlyStopping : public Callback {
 public:
  explicit EarlyStopping(EarlyStoppingOptions options = {})
      : options_(std::move(options)), best_(detail::worst(options_.goal)) {
    require(options_.patience >= 1, "EarlyStopping: .patience must be at least 1; got ", options_.patience);
  }

  void on_fit_begin(Trainer&) override {
    best_ = detail::worst(options_.goal);
    waited_ = 0;
  }
  void on_epoch_end(Trainer& trainer, EpochLog& log) override {
    const double value = log.at(options_.metric);
    if (detail::is_better(value, best_, options_.goal, options_.min_delta)) {
      best_ = value;
      waited_ = 0;
    } else if (++waited_ >= options_.patience) {
      trainer.stop();
    }
  }
  void save(io::TensorFile& file, const std::string& prefix) const override {
    file.add(prefix + "best", Tensor<double>::scalar(best_));
    file.add(prefix + "waited", Tensor<Index>::scalar(waited_));
  }
  void load(const io::TensorFile& file, const std::string& prefix) override {
    best_ = file.get<double>(prefix + "best").item();
    waited_ = file.get<Index>(prefix + "waited").item();
  }

 private:
  EarlyStoppingOptions options_;
  double best_;
  Index waited_ = 0;
};

/// Options of BestModel.
struct BestModelOptions {
  std::string metric = "val_loss";
  Goal goal = Goal::minimize;
  std::filesystem::path
      path{};  ///< where the best weights are written each time they improve; empty: only kept in memory
  std::map<std::string, std::string> metadata{};  ///< beside the weights in that file
};

/// Keeps a copy of the weights of the best epoch and puts them back into the network at the end. A template so that
/// only programs which use it compile the files of weights. Use the name BestModel.
template <class Number>
class BasicBestModel : public Callback {
 public:
  explicit BasicBestModel(BestModelOptions options = {})
      : options_(std::move(options)), best_(detail::worst(options_.goal)) {}

  void on_fit_begin(Trainer&) override {
    best_ = detail::worst(options_.goal);
    epoch_ = 0;
    weights_ = {};
  }
  void on_epoch_end(Trainer& trainer, EpochLog& log) override {
    const double value = log.at(options_.metric);
    if (!detail::is_better(value, best_, options_.goal, 0)) return;
    best_ = value;
    epoch_ = log.epoch;
    weights_ = trainer.model().to_state_dict();
    if (!options_.path.empty()) save_weights(options_.path, weights_, options_.metadata);
  }
  void on_fit_end(Trainer& trainer) override {
    if (weights_.size() > 0) trainer.model().load_state_dict(weights_);
  }

  /// The best value so far, and the epoch (from 1) that gave it; 0 before the first.
  double best() const { return best_; }
  Index epoch() const { return epoch_; }

  void save(io::TensorFile& file, const std::string& prefix) const override {
    file.add(prefix + "best", Tensor<double>::scalar(best_));
    file.add(prefix + "epoch", Tensor<Index>::scalar(epoch_));
    add_state(file, prefix + "weights.", weights_);
  }
  void load(const io::TensorFile& file, const std::string& prefix) override {
    best_ = file.get<double>(prefix + "best").item();
    epoch_ = file.get<Index>(prefix + "epoch").item();
    weights_ = get_state<Number>(file, prefix + "weights.");
  }

 private:
  BestModelOptions options_;
  double best_;
  Index epoch_ = 0;
  nn::StateDict<Number> weights_;
};

using BestModel = BasicBestModel<float>;

}  // namespace kashi::inline v0::train
