/// Schedules made of schedules: one after the other, and one on top of the other.
///
///     optim::SequentialLR schedule(sgd, {5}, optim::LinearWarmup(sgd, {.steps = 5}), optim::CosineAnnealingLR(sgd,
///     {.T_max = 45}));
#pragma once

#include <algorithm>
#include <concepts>
#include <memory>
#include <utility>
#include <vector>

#include <kashi/optim/scheduler.hpp>

namespace kashi::inline v0::optim {

/// Schedules of any kinds.
using Schedules = std::vector<std::shared_ptr<const Scheduler>>;

namespace detail {

template <std::derived_from<Scheduler>... Parts>
Schedules list_of(Parts... parts) {
  return {std::make_shared<const Parts>(std::move(parts))...};
}

inline void require_parts(const Scheduler& whole, const Schedules& parts) {
  require(!parts.empty(), whole.name(), ": there are no schedules");
  for (const auto& part : parts) {
    require(part != nullptr, whole.name(), ": a schedule is null");
    require(part->settings() == whole.settings(), whole.name(), ": ", part->name(), " belongs to another optimizer");
    require(part->bases() == whole.bases(), whole.name(), ": ", part->name(),
            " starts from other learning rates (OneCycleLR sets them, so make it before the other schedules)");
  }
}

}  // namespace detail

/// Schedule i begins at milestone i - 1, with its position 0. Throws ValueError unless there is a milestone between
/// every two schedules, in ascending order, and all schedules were made for `optimizer`.
class SequentialLR : public Scheduler {
 public:
  SequentialLR(const OptimizerBase& optimizer, std::vector<Index> milestones, Schedules parts)
      : Scheduler("SequentialLR", optimizer), milestones_(std::move(milestones)), parts_(std::move(parts)) {
    detail::require_parts(*this, parts_);
    require(milestones_.size() + 1 == parts_.size(), name(), ": ", parts_.size(), " schedules need ", parts_.size() - 1,
            " milestones; got ", milestones_.size());
    require(std::is_sorted(milestones_.begin(), milestones_.end()), name(),
            ": the milestones must be in ascending order");
    start();
  }
  template <std::derived_from<Scheduler>... Parts>
  SequentialLR(const OptimizerBase& optimizer, std::vector<Index> milestones, Parts... parts)
      : SequentialLR(optimizer, std::move(milestones), detail::list_of(std::move(parts)...)) {}

  double lr_at(double base, double t) const override {
    const auto [part, begin] = part_at(t);
    return part->lr_at(base, t - begin);
  }
  std::optional<double> momentum_at(double t) const override {
    const auto [part, begin] = part_at(t);
    return part->momentum_at(t - begin);
  }
  void check_position(double t) const override {
    const auto [part, begin] = part_at(t);
    part->check_position(t - begin);
  }

 private:
  std::pair<const Scheduler*, double> part_at(double t) const {
    std::size_t i = 0;
    while (i < milestones_.size() && static_cast<double>(milestones_[i]) <= t) ++i;
    return {parts_[i].get(), i == 0 ? 0.0 : static_cast<double>(milestones_[i - 1])};
  }

  std::vector<Index> milestones_;
  Schedules parts_;
};

/// Each schedule starts from what the one before it gives; factors multiply. Throws ValueError unless there is a
/// schedule and all were made for `optimizer`.
///
/// The same as PyTorch's for schedules that multiply. A cosine with an eta_min that is not 0 should come first: PyTorch
/// computes it from the rate of the step before, and here the others multiply its result.
class ChainedScheduler : public Scheduler {
 public:
  ChainedScheduler(const OptimizerBase& optimizer, Schedules parts)
      : Scheduler("ChainedScheduler", optimizer), parts_(std::move(parts)) {
    detail::require_parts(*this, parts_);
    start();
  }
  template <std::derived_from<Scheduler>... Parts>
  explicit ChainedScheduler(const OptimizerBase& optimizer, Parts... parts)
      : ChainedScheduler(optimizer, detail::list_of(std::move(parts)...)) {}

  double lr_at(double base, double t) const override {
    for (const auto& part : parts_) base = part->lr_at(base, t);
    return base;
  }
  std::optional<double> momentum_at(double t) const override {
    std::optional<double> momentum;
    for (const auto& part : parts_)
      if (const auto given = part->momentum_at(t)) momentum = given;
    return momentum;
  }
  void check_position(double t) const override {
    for (const auto& part : parts_) part->check_position(t);
  }

 private:
  Schedules parts_;
};

}  // namespace kashi::inline v0::optim
