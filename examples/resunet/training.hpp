/// One training of the resunet program: the network's own, and those of the audit's folds.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <kashi/ops/arithmetic.hpp>
#include <kashi/ops/reduce.hpp>
#include <kashi/optim/adam.hpp>
#include <kashi/optim/one_cycle.hpp>
#include <kashi/optim/weight_decay.hpp>
#include <kashi/train/progress.hpp>
#include <kashi/train/schedule.hpp>
#include <kashi/train/time_limit.hpp>
#include <kashi/train/trainer.hpp>
#include <kashi/train/weight_average.hpp>

#include "resunet/co_teaching.hpp"
#include "resunet/data.hpp"
#include "resunet/losses.hpp"
#include "resunet/settings.hpp"

namespace resunet {

/// How long and on what size a training runs.
struct Plan {
  kashi::Index epochs = 20;
  kashi::Index batch = 8;
  kashi::Index side = 512;
  kashi::Index crop = 160;
  kashi::Index crops = 6;  ///< of each picture in an epoch
  double minutes = 0;      ///< above 0: as many epochs as fit
  std::uint64_t seed = 42;
};

inline kashi::optim::AdamW<float> make_optimizer(kashi::nn::Module<float>& net, double lr) {
  return kashi::optim::AdamW<float>(
      kashi::optim::split_weight_decay(net, kashi::optim::AdamWOptions{.lr = lr, .weight_decay = 0.02}));
}

/// The mean of the images' losses, weighted by how far each image's mask is trusted. `trust` may be empty: all are.
inline kashi::Variable<float> weighted_mean(const kashi::Variable<float>& losses, const std::vector<float>& trust,
                                            const kashi::Tensor<kashi::Index>& indices) {
  using namespace kashi;
  if (trust.empty()) return mean(losses);
  Tensor<float> weights = Tensor<float>::empty(losses.shape());
  double sum = 0;
  for (Index i = 0; i < weights.numel(); ++i) {
    // Every picture comes several times in an epoch.
    const float weight = trust[static_cast<std::size_t>(indices(i)) % trust.size()];
    weights.mutable_data()[i] = weight;
    sum += weight;
  }
  return kashi::sum(losses * Variable<float>(weights)) * static_cast<float>(1 / std::max(sum, 1e-6));
}

/// Trains `net` on the pictures of `learning`; `callbacks` come after the schedule and the averaging of weights. The
/// options' transform, schedule and size are set here; checkpoint and resume are the caller's.
inline kashi::train::FitResult fit(kashi::nn::Module<float>& net, const kashi::data::Dataset& learning,
                                   const std::vector<float>& trust, const Settings& settings, const Plan& plan,
                                   kashi::train::FitOptions options = {}) {
  using namespace kashi;
  const data::Dataset crops = repeated(learning.map(fit_side(plan.side)).cached(), plan.crops);
  const Index steps = (crops.size() + plan.batch - 1) / plan.batch;
  const bool is_timed = plan.minutes > 0;
  constexpr Index timed_steps = 100000;
  const MaskLoss loss = losses(settings.positive).at(settings.loss);

  std::shared_ptr<CoTeaching> peer;
  if (settings.noise == "co_teaching")
    peer = std::make_shared<CoTeaching>(make_network(settings.encoder), loss, CoTeachingOptions{.lr = settings.lr});
  train::Trainer trainer(net, make_optimizer(net, settings.lr),
                         [&](const Variable<float>& logits, const data::Batch& batch) {
                           const Variable<float> by_image = loss(logits, batch.targets);
                           return peer ? peer->select(by_image, batch) : weighted_mean(by_image, trust, batch.indices);
                         });
  const auto schedule = std::make_shared<optim::OneCycleLR>(
      trainer.optimizer(),
      optim::OneCycleLROptions{.max_lr = settings.lr,
                               .total_steps = std::max<Index>(2, is_timed ? timed_steps + 1 : plan.epochs * steps),
                               .pct_start = 0.15,
                               .cycle_momentum = false,
                               .final_div_factor = 100});
  std::shared_ptr<train::Callback> steering = std::make_shared<train::Schedule>(schedule, train::Every::step);
  if (is_timed)
    steering = std::make_shared<train::TimeLimit>(
        schedule,
        train::TimeLimitOptions{.seconds = 60 * plan.minutes, .schedule_end = static_cast<double>(timed_steps)});

  std::vector<std::shared_ptr<train::Callback>> first{
      steering, std::make_shared<train::WeightAverage>(net, optim::EMAOptions{.decay = 0.99})};
  if (peer) first.push_back(peer);
  options.callbacks.insert(options.callbacks.begin(), first.begin(), first.end());
  options.epochs = is_timed ? timed_steps : plan.epochs;
  options.batch = plan.batch;
  options.seed = plan.seed;
  options.transform = training_transform(plan.crop, settings.soften);
  options.clip_norm = 5;
  return trainer.fit(crops, options);
}

}  // namespace resunet
