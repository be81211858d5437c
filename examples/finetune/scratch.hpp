/// The same network on the same pictures without what it learnt before: what fine-tuning is compared with.
#pragma once

#include <optional>
#include <string>

#include <kashi/nn/loss.hpp>
#include <kashi/optim/adam.hpp>
#include <kashi/optim/one_cycle.hpp>
#include <kashi/train/early_stopping.hpp>
#include <kashi/train/schedule.hpp>
#include <kashi/train/trainer.hpp>

#include "common/training_pictures.hpp"
#include "finetune/pictures.hpp"

namespace finetune {

struct ScratchOptions {
  Index epochs = 30, batch = 16, patience = 10;
  std::uint64_t seed = 42;
  std::string augment = "photo";
};

/// The test accuracy of a network all of which learns from its random weights, with as many epochs and the same
/// choice of the best one. Nothing if it was interrupted.
inline std::optional<double> accuracy_from_scratch(kashi::nn::Sequential<float> net,
                                                   const kashi::models::Preset& preset, const Parts& parts,
                                                   const ScratchOptions& options) {
  using namespace kashi;
  constexpr double lr = 5e-3;
  const data::Transform plain = preparation(preset, variation("none"));
  const Index classes = static_cast<Index>(parts.learning.class_names().size());
  train::Trainer trainer(net, optim::AdamW(net.parameters(), {.lr = lr, .weight_decay = 0.01}),
                         nn::CrossEntropyLoss({.label_smoothing = 0.05}));
  const auto schedule = std::make_shared<optim::OneCycleLR>(
      trainer.optimizer(),
      optim::OneCycleLROptions{.max_lr = {lr},
                               .epochs = options.epochs,
                               .steps_per_epoch = (parts.learning.size() + options.batch - 1) / options.batch});
  net.train();
  const train::FitResult result = trainer.fit(
      parts.learning,
      {.epochs = options.epochs,
       .batch = options.batch,
       .seed = options.seed,
       .transform = preparation(preset, variation(options.augment)),
       .validation = parts.validation.map(plain),
       .callbacks = {
           std::make_shared<train::Schedule>(schedule, train::Every::step), std::make_shared<train::BestModel>(),
           std::make_shared<train::EarlyStopping>(train::EarlyStoppingOptions{.patience = options.patience})}});
  if (result.interrupted) return std::nullopt;
  net.eval();
  return examples::answer_all(net, parts.test.map(plain), classes).confusion.value();
}

}  // namespace finetune
