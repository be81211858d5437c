/// Scheduler: base of the learning-rate schedules.
///
/// Every schedule is a closed formula: the learning rate at position t from the group's first one (PyTorch computes
/// some of them step from step; the two agree to about 1e-12). So a position can be set outright, also between two
/// steps, and the state is small. A schedule sets the rate of t = 0 when it is made; call step() after the optimizer's
/// step().
///
///     optim::SGD sgd(net.parameters(), {.lr = 0.1, .momentum = 0.9});
///     optim::CosineAnnealingLR schedule(sgd, {.T_max = 50});
///     for (...) { ...; sgd.step(); schedule.step(); }
///
/// A schedule shares the optimizer's settings, so the optimizer may be moved afterwards, also into a Trainer. Two
/// schedules on one optimizer overwrite each other; ChainedScheduler and SequentialLR combine them.
#pragma once

#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kashi/optim/optimizer_base.hpp>
#include <kashi/optim/state.hpp>

namespace kashi::inline v0::optim {

/// Base of all schedules that depend on the position alone.
class Scheduler {
 public:
  virtual ~Scheduler() = default;

  /// Goes to the next position and sets the learning rates. Call it after the optimizer's step().
  void step() { set_position(position_ + 1); }

  /// Goes to any position, fractions included: progress in time instead of steps, or epoch + batch / batches.
  /// Throws ValueError below 0 or past the schedule's end, before anything is changed.
  void set_position(double t) {
    require(std::isfinite(t) && t >= 0, name_, ": the position must be at least 0; got ", t);
    check_position(t);
    apply(t);
    position_ = t;
  }
  double position() const { return position_; }

  /// The learning rate of a group as it stands.
  double lr(Index group = 0) const {
    require(group >= 0 && group < groups(), name_, ": there is no group ", group, " among the ", groups());
    return (*settings_)[static_cast<std::size_t>(group)].lr;
  }
  /// The schedule's kind: "CosineAnnealingLR".
  const std::string& name() const { return name_; }

  /// The learning rate at position t of a group that starts from `base`.
  virtual double lr_at(double base, double t) const = 0;
  /// The momentum (or beta1) at position t; none where the schedule leaves it alone.
  virtual std::optional<double> momentum_at(double) const { return std::nullopt; }
  /// Throws ValueError if t lies past the end of the schedule.
  virtual void check_position(double) const {}

  /// What a checkpoint needs: the position and the groups' first learning rates.
  Numbers state() const {
    Numbers out;
    out.set("kind." + name_, 1);
    out.set("position", position_);
    for (std::size_t group = 0; group < bases_.size(); ++group) out.set(text("base.", group), bases_[group]);
    return out;
  }
  /// Goes on from a state of the same schedule. Throws ValueError before anything is changed.
  void load_state(const Numbers& numbers) {
    const std::string who = name_ + ": load_state";
    for (const auto& [key, value] : numbers)
      require(!key.starts_with("kind.") || key == "kind." + name_, who, ": the state is of ", key.substr(5));
    detail::require_same_names(state(), numbers, who);
    for (const auto& [key, value] : numbers)
      require(std::isfinite(value) && value >= 0, who, ": the number \"", key, "\" is ", value);
    const double t = numbers.at("position");
    check_position(t);
    for (std::size_t group = 0; group < bases_.size(); ++group) bases_[group] = numbers.at(text("base.", group));
    apply(t);
    position_ = t;
  }

  /// For schedules that are made of others: what they steer, and the learning rates that they start from.
  const OptimizerBase::Settings& settings() const { return settings_; }
  const std::vector<double>& bases() const { return bases_; }

 protected:
  /// The first scheduler of an optimizer notes the learning rates that it finds; all schedulers start from those.
  Scheduler(std::string name, const OptimizerBase& optimizer)
      : name_(std::move(name)), settings_(optimizer.settings()) {
    for (const GroupSettings& group : *settings_) bases_.push_back(group.initial_lr.value_or(group.lr));
  }

  Index groups() const { return static_cast<Index>(settings_->size()); }
  /// Starts from other learning rates than the optimizer's, a value a group.
  void set_bases(std::vector<double> bases) { bases_ = std::move(bases); }
  /// Sets the learning rates (and momenta) of position 0: the last line of a constructor.
  void start() {
    for (std::size_t group = 0; group < bases_.size(); ++group) (*settings_)[group].initial_lr = bases_[group];
    apply(0);
  }

 private:
  void apply(double t) {
    const std::optional<double> momentum = momentum_at(t);
    for (std::size_t group = 0; group < bases_.size(); ++group) {
      (*settings_)[group].lr = lr_at(bases_[group], t);
      if (momentum) (*settings_)[group].momentum = *momentum;
    }
  }

  std::string name_;
  OptimizerBase::Settings settings_;
  std::vector<double> bases_;
  double position_ = 0;
};

}  // namespace kashi::inline v0::optim
