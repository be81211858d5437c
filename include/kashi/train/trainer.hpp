/// Trainer: the training loop, with callbacks, validation, checkpoints and resuming.
///
///     train::Trainer trainer(net, optim::AdamW(net.parameters(), {.lr = 1e-3}), nn::CrossEntropyLoss());
///     trainer.fit(train_set, {.epochs = 10, .batch = 64});
///     std::puts(trainer.evaluate(test_set).to_string().c_str());
#pragma once

#include <chrono>
#include <cmath>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include <kashi/data/loader.hpp>
#include <kashi/nn/module.hpp>
#include <kashi/optim/clip.hpp>
#include <kashi/optim/optimizer.hpp>
#include <kashi/train/callback.hpp>
#include <kashi/train/checkpoint.hpp>
#include <kashi/train/evaluation.hpp>
#include <kashi/train/interrupt.hpp>

namespace kashi::inline v0::train {

/// Options of Trainer::fit.
struct FitOptions {
  Index epochs = 10;
  Index batch = 64;
  bool shuffle = true;
  std::uint64_t seed = 42;         ///< order of the images and random numbers of the transform
  int workers = 1;                 ///< threads that make batches ahead
  data::Transform transform{};     ///< augmentation, for training only
  data::Dataset validation{};      ///< evaluated after each epoch
  Index accumulate = 1;            ///< batches whose gradients are averaged before a step
  double clip_norm = 0;            ///< largest L2 norm of all gradients together; 0: no clipping
  std::vector<std::shared_ptr<Callback>> callbacks{};
  std::filesystem::path checkpoint{};  ///< written after each epoch and when interrupted; empty: none
  bool resume = false;             ///< go on from the checkpoint, if there is one
};

/// How a training ended.
struct FitResult {
  Index epochs = 0;          ///< epochs completed, over all sittings
  Index epochs_run = 0;      ///< epochs completed by this call
  bool interrupted = false;  ///< Ctrl-C; the checkpoint, if any, holds the state
  bool resumed = false;      ///< a checkpoint was found
  std::vector<EpochLog> history{};
};

/// Options of Trainer::evaluate.
struct EvaluateOptions {
  Index batch = 64;
  int workers = 1;
};

/// Trains a network on a dataset. Holds the optimizer and the loss, and refers to the network, which must outlive it.
class Trainer {
 public:
  /// From the network's output and the batch, the mean loss of the batch.
  using Loss = std::function<Variable<float>(const Variable<float>& output, const data::Batch& batch)>;

  /// `loss` takes the output and one of: the batch, its labels [N], or its targets. With labels, accuracy is measured
  /// unless other metrics are set.
  template <class Optimizer, class LossFunction>
  Trainer(nn::Module<float>& model, Optimizer optimizer, LossFunction loss)
      : model_(model), optimizer_(std::make_unique<Optimizer>(std::move(optimizer))) {
    using Output = const Variable<float>&;
    if constexpr (std::is_invocable_v<LossFunction, Output, const data::Batch&>) {
      loss_ = loss;
    } else if constexpr (std::is_invocable_v<LossFunction, Output, const Tensor<Index>&>) {
      loss_ = [loss](Output output, const data::Batch& batch) { return loss(output, batch.labels); };
      metrics_ = {std::make_shared<Accuracy>()};
    } else {
      loss_ = [loss](Output output, const data::Batch& batch) { return loss(output, batch.targets); };
    }
  }

  nn::Module<float>& model() { return model_; }
  optim::Optimizer<float>& optimizer() { return *optimizer_; }

  /// What evaluate() measures beside the loss.
  void set_metrics(std::vector<std::shared_ptr<Metric>> metrics) { metrics_ = std::move(metrics); }

  /// Ends the training after the epoch that runs; for callbacks.
  void stop() { stopped_ = true; }

  /// Trains. With a checkpoint and `resume`, the final weights are the same bits whether or not the training was
  /// interrupted on the way. Throws Error when the loss is no longer finite; the last checkpoint stays as it is.
  FitResult fit(const data::Dataset& dataset, FitOptions options);

  /// Loss and metrics over a dataset, in eval mode.
  Evaluation evaluate(const data::Dataset& dataset, EvaluateOptions options = {});

 private:
  using Clock = std::chrono::steady_clock;

  static double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

  /// True if the epoch was finished; false when interrupted in it.
  bool run_epoch(data::Loader& loader, const FitOptions& options);
  double train_step(const std::vector<data::Batch>& batches, const FitOptions& options);
  void end_epoch(const FitOptions& options, Clock::time_point start);
  void save_checkpoint(const FitOptions& options) const;
  void load_checkpoint(const FitOptions& options);

  nn::Module<float>& model_;
  std::unique_ptr<optim::Optimizer<float>> optimizer_;
  Loss loss_;
  std::vector<std::shared_ptr<Metric>> metrics_;
  TrainingPosition position_;
  std::vector<EpochLog> history_;
  bool stopped_ = false;
};

inline FitResult Trainer::fit(const data::Dataset& dataset, FitOptions options) {
  require(dataset.size() > 0, "fit: the dataset is empty");
  require(options.epochs >= 1 && options.accumulate >= 1, "fit: .epochs and .accumulate must be at least 1; got ", options.epochs, " and ", options.accumulate);
  position_ = {};
  history_.clear();
  stopped_ = false;
  const bool resumes = options.resume && !options.checkpoint.empty() && std::filesystem::exists(options.checkpoint);
  data::Loader loader(dataset, {.batch = options.batch, .shuffle = options.shuffle, .seed = options.seed, .workers = options.workers, .transform = options.transform});
  for (const auto& callback : options.callbacks) callback->on_fit_begin(*this);
  if (resumes) load_checkpoint(options);
  const Index first_epoch = position_.epoch;
  const auto result = [&](bool interrupted) {
    return FitResult{.epochs = position_.epoch, .epochs_run = position_.epoch - first_epoch, .interrupted = interrupted, .resumed = resumes, .history = history_};
  };
  while (position_.epoch < options.epochs && !stopped_) {
    const auto start = Clock::now();
    for (const auto& callback : options.callbacks) callback->on_epoch_begin(*this, position_.epoch + 1);
    if (!run_epoch(loader, options)) {
      save_checkpoint(options);
      return result(true);
    }
    end_epoch(options, start);
    save_checkpoint(options);
  }
  for (const auto& callback : options.callbacks) callback->on_fit_end(*this);
  return result(false);
}

inline bool Trainer::run_epoch(data::Loader& loader, const FitOptions& options) {
  model_.train();
  const auto start = Clock::now();
  data::Epoch epoch = loader.epoch(position_.epoch, position_.batch);
  StepLog log{.epoch = position_.epoch + 1, .epochs = options.epochs, .batch = 0, .batches = epoch.size(), .images = 0, .loss = 0, .seconds = 0};
  std::vector<data::Batch> group;
  data::Batch batch;
  while (epoch.next(batch)) {
    group.push_back(std::move(batch));
    if (static_cast<Index>(group.size()) < options.accumulate && epoch.position() < epoch.size()) continue;
    Index images = 0;
    for (const auto& part : group) images += part.size();
    position_.loss_sum += train_step(group, options) * static_cast<double>(images);
    position_.images += images;
    position_.batch = epoch.position();
    group.clear();
    log.batch = position_.batch;
    log.images += images;
    log.loss = position_.loss_sum / static_cast<double>(position_.images);
    log.seconds = seconds_since(start);
    for (const auto& callback : options.callbacks) callback->on_step(*this, log);
    if (interrupt_requested()) return false;
  }
  return true;
}

inline double Trainer::train_step(const std::vector<data::Batch>& batches, const FitOptions& options) {
  Index images = 0;
  for (const auto& batch : batches) images += batch.size();
  optimizer_->zero_grad();
  double total = 0;
  for (const auto& batch : batches) {
    const Variable<float> loss = loss_(model_(batch.images), batch);
    const double share = static_cast<double>(batch.size()) / static_cast<double>(images);
    const double value = static_cast<double>(loss.item());
    require<Error>(std::isfinite(value), "train: the loss is ", value, " in epoch ", position_.epoch + 1, ", batch ", position_.batch + 1,
                   "; the weights of that step were not used (try a smaller learning rate, or clip_norm)");
    total += value * share;
    if (batches.size() == 1) loss.backward();
    else loss.backward(Tensor<float>::full(loss.shape(), static_cast<float>(share)));
  }
  if (options.clip_norm > 0) optim::clip_grad_norm(model_.parameters(), options.clip_norm);
  optimizer_->step();
  return total;
}

inline void Trainer::end_epoch(const FitOptions& options, Clock::time_point start) {
  EpochLog log;
  log.epoch = position_.epoch + 1;
  log.epochs = options.epochs;
  log.set("train_loss", position_.loss_sum / static_cast<double>(position_.images));
  log.set("lr", optimizer_->lr());
  const double train_seconds = seconds_since(start);
  log.images_per_second = static_cast<double>(position_.images) / std::max(train_seconds, 1e-9);
  if (options.validation.size() > 0) {
    const Evaluation found = evaluate(options.validation, {.batch = options.batch, .workers = options.workers});
    log.set("val_loss", found.loss);
    for (const auto& [name, value] : found.metrics) log.set("val_" + name, value);
  }
  log.seconds = seconds_since(start);
  position_ = {.epoch = position_.epoch + 1};
  for (const auto& callback : options.callbacks) callback->on_epoch_end(*this, log);
  history_.push_back(log);
}

inline Evaluation Trainer::evaluate(const data::Dataset& dataset, EvaluateOptions options) {
  require(dataset.size() > 0, "evaluate: the dataset is empty");
  const bool was_training = model_.is_training();
  model_.eval();
  const NoGrad no_grad;
  for (const auto& metric : metrics_) metric->reset();
  Evaluation found;
  double loss_sum = 0;
  data::Loader loader(dataset, {.batch = options.batch, .shuffle = false, .workers = options.workers});
  data::Epoch epoch = loader.epoch(0);
  data::Batch batch;
  while (epoch.next(batch)) {
    const Variable<float> output = model_(batch.images);
    loss_sum += static_cast<double>(loss_(output, batch).item()) * static_cast<double>(batch.size());
    found.images += batch.size();
    for (const auto& metric : metrics_) metric->update(output.value(), batch);
  }
  found.loss = loss_sum / static_cast<double>(found.images);
  for (const auto& metric : metrics_) found.metrics.emplace_back(metric->name(), metric->value());
  model_.train(was_training);
  return found;
}

inline void Trainer::save_checkpoint(const FitOptions& options) const {
  if (options.checkpoint.empty()) return;
  io::TensorFile file;
  add_training_state(file, model_, *optimizer_, position_, history_, stopped_);
  for (std::size_t i = 0; i < options.callbacks.size(); ++i) options.callbacks[i]->save(file, text("callback.", i, "."));
  io::save_safetensors(options.checkpoint, file);
}

inline void Trainer::load_checkpoint(const FitOptions& options) {
  const io::TensorFile file = io::load_safetensors(options.checkpoint);
  get_training_state(file, options.checkpoint.string(), model_, *optimizer_, position_, history_, stopped_);
  for (std::size_t i = 0; i < options.callbacks.size(); ++i) options.callbacks[i]->load(file, text("callback.", i, "."));
}

}  // namespace kashi::inline v0::train
