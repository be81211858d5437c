/// Checkpoints: everything that a training needs to go on bit for bit, as entries of one safetensors file.
///
/// Entries: plan.*, model.*, optimizer.*, position.*, history.*, random.* (the default generator, which dropout draws
/// from), and callback.N.* (trainer.hpp). Augmentation and the order of images follow from seed and epoch and need no
/// state.
#pragma once

#include <algorithm>
#include <limits>

#include <kashi/core/compiled.hpp>
#include <kashi/core/random.hpp>
#include <kashi/optim/optimizer.hpp>
#include <kashi/train/callback.hpp>
#include <kashi/train/checkpoint_file.hpp>
#include <kashi/train/weights.hpp>

namespace kashi::inline v0::train {

/// Where a training stands: epochs done, and what was done of the epoch that runs.
struct TrainingPosition {
  Index epoch = 0;
  Index batch = 0;      ///< batches done in this epoch
  Index images = 0;     ///< images in them
  double loss_sum = 0;  ///< over those images
};

template <class = void>
void add_plan(io::TensorFile& file, const TrainingPlan& plan);

/// Throws FormatError if the file is no checkpoint, ValueError if it was made under another plan.
template <class = void>
void check_plan(const io::TensorFile& file, const std::string& path, const TrainingPlan& plan);

/// Adds named numbers under prefix + name.
template <class = void>
void add_numbers(io::TensorFile& file, const std::string& prefix, const optim::Numbers& numbers);

/// The numbers whose names begin with `prefix`.
template <class = void>
optim::Numbers get_numbers(const io::TensorFile& file, const std::string& prefix);

/// Adds the state of network, optimizer, position, history and default generator.
template <class = void>
void add_training_state(io::TensorFile& file, const nn::Module<float>& model, const optim::Optimizer<float>& optimizer,
                        const TrainingPosition& position, const std::vector<EpochLog>& history, bool stopped);

/// Takes it back. Throws ValueError, ShapeError or FormatError if the file is of another network or optimizer.
template <class = void>
void get_training_state(const io::TensorFile& file, nn::Module<float>& model, optim::Optimizer<float>& optimizer,
                        TrainingPosition& position, std::vector<EpochLog>& history, bool& stopped);

#if KASHI_HAS_BODIES

template <class>
void add_plan(io::TensorFile& file, const TrainingPlan& plan) {
  for (const auto& [name, value] : plan) file.add("plan." + name, Tensor<Index>::scalar(value));
}

template <class>
void check_plan(const io::TensorFile& file, const std::string& path, const TrainingPlan& plan) {
  for (const auto& [name, value] : plan) {
    require<FormatError>(file.contains("plan." + name), "resume: '", path,
                         "' is not a checkpoint of a training: it has no \"plan.", name, "\"");
    const Index found = file.get<Index>("plan." + name).item();
    require(found == value, "resume: the checkpoint '", path, "' is of another training: its ", name, " is ", found,
            "; now it is ", value, " (use another output folder, or do not resume)");
  }
}

template <class>
void add_numbers(io::TensorFile& file, const std::string& prefix, const optim::Numbers& numbers) {
  for (const auto& [name, value] : numbers) file.add(prefix + name, Tensor<double>::scalar(value));
}

template <class>
optim::Numbers get_numbers(const io::TensorFile& file, const std::string& prefix) {
  optim::Numbers numbers;
  for (const auto& entry : file.entries())
    if (entry.name.starts_with(prefix))
      numbers.set(entry.name.substr(prefix.size()), file.get<double>(entry.name).item());
  return numbers;
}

namespace detail {

template <class = void>
void add_history(io::TensorFile& file, const std::vector<EpochLog>& history) {
  if (history.empty()) return;
  const Index rows = static_cast<Index>(history.size());
  const auto add = [&](const std::string& name, auto&& figure) {
    Tensor<double> column = Tensor<double>::empty({rows});
    std::transform(history.begin(), history.end(), column.mutable_data(), figure);
    file.add("history." + name, column);
  };
  add("seconds", [](const EpochLog& log) { return log.seconds; });
  add("images_per_second", [](const EpochLog& log) { return log.images_per_second; });
  // A figure that an epoch lacks is NaN there.
  EpochLog names;
  for (const EpochLog& log : history)
    for (const auto& [name, value] : log.values()) names.set(name, 0);
  for (const auto& [name, value] : names.values())
    add("values." + name, [&key = name](const EpochLog& log) {
      return log.contains(key) ? log.at(key) : std::numeric_limits<double>::quiet_NaN();
    });
}

template <class = void>
std::vector<EpochLog> get_history(const io::TensorFile& file, Index epochs) {
  if (!file.contains("history.seconds")) return {};
  const Tensor<double> seconds = file.get<double>("history.seconds"),
                       rates = file.get<double>("history.images_per_second");
  std::vector<EpochLog> history(static_cast<std::size_t>(seconds.numel()));
  for (std::size_t i = 0; i < history.size(); ++i) {
    history[i].epoch = static_cast<Index>(i) + 1;
    history[i].epochs = epochs;
    history[i].seconds = seconds(i);
    history[i].images_per_second = rates(i);
  }
  const std::string prefix = "history.values.";
  for (const auto& entry : file.entries()) {
    if (!entry.name.starts_with(prefix)) continue;
    const Tensor<double> column = file.get<double>(entry.name);
    for (std::size_t i = 0; i < history.size(); ++i) history[i].set(entry.name.substr(prefix.size()), column(i));
  }
  return history;
}

}  // namespace detail

template <class>
void add_training_state(io::TensorFile& file, const nn::Module<float>& model, const optim::Optimizer<float>& optimizer,
                        const TrainingPosition& position, const std::vector<EpochLog>& history, bool stopped) {
  add_state(file, "model.", model.to_state_dict());
  const optim::State<float> state = optimizer.state();
  add_state(file, "optimizer.tensors.", state.tensors);
  add_numbers(file, "optimizer.numbers.", state.numbers);
  file.add("position", Tensor<Index>({4}, {position.epoch, position.batch, position.images, Index{stopped}}));
  file.add("position.loss_sum", Tensor<double>::scalar(position.loss_sum));
  const random::GeneratorState random = default_generator().state();
  file.add("random", Tensor<Index>({2}, {static_cast<Index>(random.seed), static_cast<Index>(random.stream)}));
  detail::add_history(file, history);
}

template <class>
void get_training_state(const io::TensorFile& file, nn::Module<float>& model, optim::Optimizer<float>& optimizer,
                        TrainingPosition& position, std::vector<EpochLog>& history, bool& stopped) {
  const Tensor<Index> place = file.get<Index>("position"), random = file.get<Index>("random");
  const double loss_sum = file.get<double>("position.loss_sum").item();
  require<FormatError>(place.shape() == Shape{4} && random.shape() == Shape{2}, "the position has shape ",
                       place.shape(), ", the random state ", random.shape());
  model.load_state_dict(get_state(file, "model."));
  optimizer.load_state({get_state(file, "optimizer.tensors."), get_numbers(file, "optimizer.numbers.")});
  position = {.epoch = place(0), .batch = place(1), .images = place(2), .loss_sum = loss_sum};
  stopped = place(3) != 0;
  default_generator().set_state({static_cast<std::uint64_t>(random(0)), static_cast<std::uint64_t>(random(1))});
  history = detail::get_history(file, position.epoch);
}

#endif

}  // namespace kashi::inline v0::train
