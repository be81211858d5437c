/// WeightAverage: an EMA of the weights that is updated after each step, and judged and kept in the place of the
/// weights.
#pragma once

#include <optional>

#include <kashi/optim/ema.hpp>
#include <kashi/train/trainer.hpp>

namespace kashi::inline v0::train {

/// Validation, and callbacks after it such as BestModel, see the averaged weights; training goes on with its own. At
/// the end of the training the network holds the average, unless BestModel stands behind it and gives back a better
/// epoch. A template so that only programs which use it compile it. Use the name WeightAverage.
///
///     auto average = std::make_shared<train::WeightAverage>(net, optim::EMAOptions{.decay = 0.999});
template <class Number>
class BasicWeightAverage : public Callback {
 public:
  explicit BasicWeightAverage(const nn::Module<Number>& model, optim::EMAOptions options = {})
      : average_(model, options) {}

  void on_step(Trainer&, const StepLog&) override { average_.update(); }
  void on_validation_begin(Trainer&) override { scope_.emplace(average_); }
  void on_validation_end(Trainer&) override { scope_.reset(); }
  /// The network keeps the average.
  void on_fit_end(Trainer& trainer) override {
    nn::StateDict<Number> averages = trainer.model().to_state_dict();
    for (const auto& [name, value] : average_.state().tensors) averages.set(name, value);
    trainer.model().load_state_dict(averages);
  }

  void save(io::TensorFile& file, const std::string& prefix) const override {
    const auto state = average_.state();
    add_state(file, prefix + "average.", state.tensors);
    add_numbers(file, prefix + "numbers.", state.numbers);
  }
  void load(const io::TensorFile& file, const std::string& prefix) override {
    average_.load_state(
        {.tensors = get_state<Number>(file, prefix + "average."), .numbers = get_numbers(file, prefix + "numbers.")});
  }

 private:
  /// A scope that can be put into an optional.
  struct Judged {
    explicit Judged(optim::EMA<Number>& average) : scope(average.swap()) {}
    typename optim::EMA<Number>::Scope scope;
  };

  optim::EMA<Number> average_;
  std::optional<Judged> scope_;
};

using WeightAverage = BasicWeightAverage<float>;

}  // namespace kashi::inline v0::train
