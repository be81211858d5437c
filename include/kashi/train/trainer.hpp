/// Trainer: the training loop, with callbacks, validation, checkpoints and resuming.
///
///     train::Trainer trainer(net, optim::AdamW(net.parameters(), {.lr = 1e-3}), nn::CrossEntropyLoss());
///     trainer.fit(train_set, {.epochs = 10, .batch = 64});
///     std::puts(trainer.evaluate(test_set).to_string().c_str());
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include <kashi/core/compiled.hpp>
#include <kashi/data/loader.hpp>
#include <kashi/nn/module.hpp>
#include <kashi/optim/clip.hpp>
#include <kashi/optim/optimizer.hpp>
#include <kashi/train/callback.hpp>
#include <kashi/train/checkpoint.hpp>
#include <kashi/train/checkpoint_file.hpp>
#include <kashi/train/evaluation.hpp>
#include <kashi/train/interrupt.hpp>

namespace kashi::inline v0::train {

/// Options of Trainer::fit.
struct FitOptions {
  Index epochs = 10;
  Index batch = 64;
  bool shuffle = true;
  std::uint64_t seed = 42;  ///< order of the images and random numbers of the transform
  int workers = 1;          ///< threads that make batches ahead
  bool drop_last =
      false;  ///< leave out a last batch that is not full: batch norm of features can't train on a single example
  data::Transform transform{};             ///< augmentation, for training only
  data::BatchTransform batch_transform{};  ///< the same for whole batches, such as data::CutMix
  data::Dataset validation{};              ///< evaluated after each epoch
  Index accumulate = 1;                    ///< batches whose gradients are averaged before a step
  double clip_norm = 0;                    ///< largest L2 norm of all gradients together; 0: no clipping
  std::vector<std::shared_ptr<Callback>> callbacks{};
  CheckpointFile checkpoint{};  ///< written at the start, after each epoch and when interrupted; empty: none
  bool resume = false;          ///< go on from the checkpoint, if there is one
};

/// How a training ended.
struct FitResult {
  Index epochs = 0;            ///< epochs completed, over all sittings
  Index epochs_run = 0;        ///< epochs completed by this call
  bool interrupted = false;    ///< Ctrl-C; the checkpoint, if any, holds the state
  bool resumed = false;        ///< a checkpoint was found
  double seconds = 0;          ///< time of all completed epochs, over all sittings
  double earlier_seconds = 0;  ///< the part of it that earlier sittings took
  std::vector<EpochLog> history{};
};

/// Options of Trainer::evaluate.
struct EvaluateOptions {
  Index batch = 64;
  int workers = 1;
};

namespace detail {

/// Eval mode while it lives, then the mode of before.
class EvalMode {
 public:
  explicit EvalMode(nn::Module<float>& model) : model_(model), was_training_(model.is_training()) { model_.eval(); }
  ~EvalMode() { model_.train(was_training_); }
  EvalMode(const EvalMode&) = delete;
  EvalMode& operator=(const EvalMode&) = delete;

 private:
  nn::Module<float>& model_;
  bool was_training_;
};

}  // namespace detail

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

  /// Changes how many epochs the training that runs has; for callbacks. Logs and progress follow.
  void set_epochs(Index epochs) { epochs_ = epochs; }

  /// The epochs completed so far, over all sittings; for callbacks.
  const std::vector<EpochLog>& history() const { return history_; }

  /// Trains. With a checkpoint and `resume`, the final weights are the same bits whether or not the training was
  /// interrupted on the way. Throws Error when the loss or a weight is no longer finite; the last checkpoint stays as
  /// it is. Throws ValueError, and leaves network and optimizer as they were, for a checkpoint of another training.
  template <class = void>
  FitResult fit(const data::Dataset& dataset, FitOptions options);

  /// Loss and metrics over a dataset, in eval mode.
  template <class = void>
  Evaluation evaluate(const data::Dataset& dataset, EvaluateOptions options = {});

 private:
  using Clock = std::chrono::steady_clock;

  static double total_seconds(const std::vector<EpochLog>& history) {
    double seconds = 0;
    for (const EpochLog& log : history) seconds += log.seconds;
    return seconds;
  }
  static double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  /// True if the epoch was finished; false when interrupted in it.
  template <class = void>
  bool run_epoch(data::Loader& loader, const FitOptions& options);
  template <class = void>
  double train_step(const std::vector<data::Batch>& batches, const FitOptions& options);
  template <class = void>
  void end_epoch(const FitOptions& options, Clock::time_point start);
  template <class = void>
  void check_weights() const;
  void save_checkpoint(const FitOptions& options, const TrainingPlan& plan) const {
    if (!options.checkpoint.empty()) options.checkpoint.save_training(*this, options, plan);
  }

  template <class Tag>
  friend struct detail::CheckpointCode;

  nn::Module<float>& model_;
  std::unique_ptr<optim::Optimizer<float>> optimizer_;
  Loss loss_;
  std::vector<std::shared_ptr<Metric>> metrics_;
  TrainingPosition position_;
  std::vector<EpochLog> history_;
  Index images_run_ = 0;  // images of the epoch that runs which this process has trained on
  Index epochs_ = 0;      // of the training that runs
  bool stopped_ = false;
};

namespace detail {

/// Everything that a training needs to go on, the callbacks' part too.
template <class Tag>
io::TensorFile CheckpointCode<Tag>::state(const Trainer& trainer, const FitOptions& options) {
  io::TensorFile file;
  add_training_state(file, trainer.model_, *trainer.optimizer_, trainer.position_, trainer.history_, trainer.stopped_);
  for (std::size_t i = 0; i < options.callbacks.size(); ++i)
    options.callbacks[i]->save(file, text("callback.", i, "."));
  return file;
}

template <class Tag>
void CheckpointCode<Tag>::save(const Trainer& trainer, const FitOptions& options, const TrainingPlan& plan) {
  io::TensorFile file = state(trainer, options);
  add_plan(file, plan);
  options.checkpoint.save(file);
}

template <class Tag>
void CheckpointCode<Tag>::load(Trainer& trainer, const FitOptions& options, const TrainingPlan& plan) {
  const auto restore = [&](const io::TensorFile& file) {
    get_training_state(file, trainer.model_, *trainer.optimizer_, trainer.position_, trainer.history_,
                       trainer.stopped_);
    for (std::size_t i = 0; i < options.callbacks.size(); ++i)
      options.callbacks[i]->load(file, text("callback.", i, "."));
  };
  const io::TensorFile file = options.checkpoint.load();
  check_plan(file, options.checkpoint.name(), plan);
  const io::TensorFile before = state(trainer, options);
  try {
    restore(file);
  } catch (const Error& error) {
    restore(before);
    throw ValueError(text("resume: the checkpoint '", options.checkpoint.name(), "' is of another training: ",
                          error.what(), " (use another output folder, or do not resume)"));
  }
}

KASHI_INSTANTIATE(struct CheckpointCode<void>)

}  // namespace detail

#if KASHI_HAS_BODIES

template <class>
FitResult Trainer::fit(const data::Dataset& dataset, FitOptions options) {
  require(dataset.size() > 0, "fit: the dataset is empty");
  require(options.epochs >= 1 && options.accumulate >= 1, "fit: .epochs and .accumulate must be at least 1; got ",
          options.epochs, " and ", options.accumulate);
  require(options.clip_norm >= 0, "fit: .clip_norm can't be negative; got ", options.clip_norm);
  require(!options.resume || !options.checkpoint.empty(),
          "fit: .resume needs the file to go on from; .checkpoint is empty");
  for (const auto& callback : options.callbacks) require(callback != nullptr, "fit: a callback is null");
  position_ = {};
  history_.clear();
  stopped_ = false;
  epochs_ = options.epochs;
  const bool resumes = options.resume && options.checkpoint.exists();
  data::Loader loader(dataset, {.batch = options.batch,
                                .shuffle = options.shuffle,
                                .seed = options.seed,
                                .workers = options.workers,
                                .drop_last = options.drop_last,
                                .transform = options.transform,
                                .batch_transform = options.batch_transform});
  require(loader.batches() >= 1, "fit: .drop_last leaves no batch of ", options.batch, " among ", dataset.size(),
          " images");
  const TrainingPlan plan{{"images", dataset.size()},          {"batch", options.batch},
                          {"accumulate", options.accumulate},  {"seed", static_cast<Index>(options.seed)},
                          {"shuffle", Index{options.shuffle}}, {"drop_last", Index{options.drop_last}}};
  for (const auto& callback : options.callbacks) callback->on_fit_begin(*this);
  if (resumes) options.checkpoint.load_training(*this, options, plan);
  // From the start on, the checkpoint is of this training and not of an earlier one.
  else
    save_checkpoint(options, plan);
  const Index first_epoch = position_.epoch;
  const double earlier_seconds = total_seconds(history_);
  const auto result = [&](bool interrupted) {
    return FitResult{.epochs = position_.epoch,
                     .epochs_run = position_.epoch - first_epoch,
                     .interrupted = interrupted,
                     .resumed = resumes,
                     .seconds = total_seconds(history_),
                     .earlier_seconds = earlier_seconds,
                     .history = history_};
  };
  while (position_.epoch < epochs_ && !stopped_) {
    const auto start = Clock::now();
    for (const auto& callback : options.callbacks) callback->on_epoch_begin(*this, position_.epoch + 1);
    const bool is_complete = run_epoch(loader, options);
    check_weights();
    if (is_complete) end_epoch(options, start);
    save_checkpoint(options, plan);
    if (!is_complete) return result(true);
  }
  for (const auto& callback : options.callbacks) callback->on_fit_end(*this);
  return result(false);
}

template <class>
bool Trainer::run_epoch(data::Loader& loader, const FitOptions& options) {
  model_.train();
  const auto start = Clock::now();
  data::Epoch epoch = loader.epoch(position_.epoch, position_.batch);
  StepLog log{.epoch = position_.epoch + 1, .epochs = epochs_, .batch = 0, .batches = epoch.size()};
  const Index first_batch = position_.batch;
  images_run_ = 0;
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
    images_run_ += images;
    log.epochs = epochs_;
    log.batch = position_.batch;
    log.batches_run = position_.batch - first_batch;
    log.images = images_run_;
    log.loss = position_.loss_sum / static_cast<double>(position_.images);
    log.seconds = seconds_since(start);
    for (const auto& callback : options.callbacks) callback->on_step(*this, log);
    if (interrupt_requested()) return false;
  }
  return true;
}

template <class>
double Trainer::train_step(const std::vector<data::Batch>& batches, const FitOptions& options) {
  Index images = 0;
  for (const auto& batch : batches) images += batch.size();
  optimizer_->zero_grad();
  double total = 0;
  for (const auto& batch : batches) {
    const Variable<float> loss = loss_(model_(batch.images), batch);
    const double share = static_cast<double>(batch.size()) / static_cast<double>(images);
    const double value = static_cast<double>(loss.item());
    require<Error>(std::isfinite(value), "train: the loss is ", value, " in epoch ", position_.epoch + 1, ", batch ",
                   position_.batch + 1,
                   "; the weights of that step were not used (try a smaller learning rate, or clip_norm)");
    total += value * share;
    if (batches.size() == 1)
      loss.backward();
    else
      loss.backward(Tensor<float>::full(loss.shape(), static_cast<float>(share)));
  }
  if (options.clip_norm > 0) optim::clip_grad_norm(optimizer_->parameters(), options.clip_norm);
  optimizer_->step();
  return total;
}

template <class>
void Trainer::end_epoch(const FitOptions& options, Clock::time_point start) {
  EpochLog log;
  log.epoch = position_.epoch + 1;
  log.epochs = epochs_;
  log.set("train_loss", position_.loss_sum / static_cast<double>(position_.images));
  log.set("lr", optimizer_->lr());
  const double train_seconds = seconds_since(start);
  log.images_per_second = static_cast<double>(images_run_) / std::max(train_seconds, 1e-9);
  for (const auto& callback : options.callbacks) callback->on_validation_begin(*this);
  if (options.validation.size() > 0) {
    const Evaluation found = evaluate(options.validation, {.batch = options.batch, .workers = options.workers});
    log.set("val_loss", found.loss);
    for (const auto& [name, value] : found.metrics) log.set("val_" + name, value);
  }
  log.seconds = seconds_since(start);
  position_ = {.epoch = position_.epoch + 1};
  for (const auto& callback : options.callbacks) callback->on_epoch_end(*this, log);
  for (const auto& callback : options.callbacks) callback->on_validation_end(*this);
  history_.push_back(log);
}

template <class>
Evaluation Trainer::evaluate(const data::Dataset& dataset, EvaluateOptions options) {
  require(dataset.size() > 0, "evaluate: the dataset is empty");
  const detail::EvalMode eval_mode(model_);
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
  return found;
}

template <class>
void Trainer::check_weights() const {
  for (const auto& [name, value] : model_.named_parameters()) {
    const auto numbers = value.value().span();
    const bool is_finite =
        std::all_of(numbers.begin(), numbers.end(), [](float number) { return std::isfinite(number); });
    require<Error>(is_finite, "train: the weight \"", name, "\" is no longer finite in epoch ", position_.epoch + 1,
                   ", batch ", position_.batch, " (try a smaller learning rate, or clip_norm)");
  }
}

#endif

}  // namespace kashi::inline v0::train
