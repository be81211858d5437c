/// ReduceLROnPlateau: a lower learning rate when a figure stops getting better. Rule and defaults as PyTorch's.
///
/// Not a Scheduler, since step() needs the figure, and the rate depends on all figures so far.
#pragma once

#include <algorithm>
#include <limits>
#include <string>

#include <kashi/optim/optimizer_base.hpp>
#include <kashi/optim/state.hpp>

namespace kashi::inline v0::optim {

/// Whether the watched figure should shrink or grow.
enum class PlateauMode { min, max };
/// Whether the threshold is a share of the best figure or a difference.
enum class ThresholdMode { rel, abs };

/// Options of ReduceLROnPlateau.
struct ReduceLROnPlateauOptions {
  PlateauMode mode = PlateauMode::min;
  double factor = 0.1;                                ///< the rate becomes rate * factor
  Index patience = 10;                                ///< calls without an improvement that are let pass
  double threshold = 1e-4;                            ///< what counts as an improvement
  ThresholdMode threshold_mode = ThresholdMode::rel;  ///< rel makes no sense for figures below 0
  Index cooldown = 0;                                 ///< calls after a change in which nothing is counted
  PerGroup min_lr = 0;
  double eps = 1e-8;  ///< smaller changes of the rate are left out
};

/// Watches a figure. Shares the optimizer's settings, so the optimizer may be moved.
/// Throws ValueError for options outside their ranges.
class ReduceLROnPlateau {
 public:
  explicit ReduceLROnPlateau(const OptimizerBase& optimizer, ReduceLROnPlateauOptions options = {})
      : settings_(optimizer.settings()), options_(std::move(options)) {
    const std::string who = "ReduceLROnPlateau";
    require(options_.factor >= 0 && options_.factor < 1, who, ": .factor must lie in [0, 1); got ", options_.factor);
    require(options_.patience >= 0, who, ": .patience must be at least 0; got ", options_.patience);
    detail::require_not_negative(options_.threshold, who, "threshold");
    require(options_.cooldown >= 0, who, ": .cooldown must be at least 0; got ", options_.cooldown);
    detail::require_per_group(options_.min_lr, settings_->size(), who, "min_lr");
    detail::require_not_negative(options_.eps, who, "eps");
    best_ = options_.mode == PlateauMode::min ? infinity : -infinity;
  }

  /// Call it after each evaluation. NaN counts as no improvement.
  void step(double metric) {
    const bool better = is_better(metric);
    if (better) best_ = metric;
    bad_ = better ? 0 : bad_ + 1;
    if (cooldown_left_ > 0) {
      --cooldown_left_;
      bad_ = 0;
    }
    if (bad_ <= options_.patience) return;
    reduce();
    cooldown_left_ = options_.cooldown;
    bad_ = 0;
  }

  double best() const { return best_; }
  /// The learning rate of a group as it stands.
  double lr(Index group = 0) const {
    require(group >= 0 && group < static_cast<Index>(settings_->size()), "ReduceLROnPlateau: there is no group ",
            group);
    return (*settings_)[static_cast<std::size_t>(group)].lr;
  }

  /// What a checkpoint needs beside the optimizer's state, which holds the learning rates.
  Numbers state() const {
    Numbers out;
    out.set("kind.ReduceLROnPlateau", 1);
    out.set("best", best_);
    out.set("bad", static_cast<double>(bad_));
    out.set("cooldown_left", static_cast<double>(cooldown_left_));
    return out;
  }
  /// Goes on from a state. Throws ValueError before anything is changed.
  void load_state(const Numbers& numbers) {
    detail::require_same_names(state(), numbers, "ReduceLROnPlateau: load_state");
    best_ = numbers.at("best");
    bad_ = static_cast<Index>(numbers.at("bad"));
    cooldown_left_ = static_cast<Index>(numbers.at("cooldown_left"));
  }

 private:
  static constexpr double infinity = std::numeric_limits<double>::infinity();

  bool is_better(double metric) const {
    const bool is_relative = options_.threshold_mode == ThresholdMode::rel;
    if (options_.mode == PlateauMode::min)
      return metric < (is_relative ? best_ * (1 - options_.threshold) : best_ - options_.threshold);
    return metric > (is_relative ? best_ * (1 + options_.threshold) : best_ + options_.threshold);
  }
  void reduce() {
    for (std::size_t group = 0; group < settings_->size(); ++group) {
      double& lr = (*settings_)[group].lr;
      const double lower = std::max(lr * options_.factor, options_.min_lr[group]);
      if (lr - lower > options_.eps) lr = lower;
    }
  }

  OptimizerBase::Settings settings_;
  ReduceLROnPlateauOptions options_;
  double best_ = 0;
  Index bad_ = 0;
  Index cooldown_left_ = 0;
};

}  // namespace kashi::inline v0::optim
