/// One-cycle schedule (Smith and Topin, 2018), as PyTorch's: up to max_lr and down to almost nothing, the momentum
/// against it. A phase ends at a position that need not be a whole number, so the peak can fall between two steps.
#pragma once

#include <cmath>
#include <numbers>
#include <vector>

#include <kashi/optim/scheduler.hpp>

namespace kashi::inline v0::optim {

/// The shape of a phase.
enum class Anneal { cos, linear };

/// Options of OneCycleLR.
struct OneCycleLROptions {
  PerGroup max_lr = 0;    ///< the peak; must be given
  Index total_steps = 0;  ///< 0: epochs * steps_per_epoch
  Index epochs = 0;
  Index steps_per_epoch = 0;
  double pct_start = 0.3;  ///< share of the cycle in which the rate rises
  Anneal anneal_strategy = Anneal::cos;
  bool cycle_momentum = true;  ///< max_momentum, down to base_momentum at the peak, and back
  double base_momentum = 0.85;
  double max_momentum = 0.95;
  double div_factor = 25;         ///< first rate = max_lr / div_factor
  double final_div_factor = 1e4;  ///< last rate = first rate / final_div_factor
  bool three_phase = false;       ///< down to the first rate as fast as up, then further
};

/// Overwrites the optimizer's learning rates, and its momentum (beta1 of Adam, AdamW and Lion), when it is made.
/// Throws ValueError for options outside their ranges, and for a step past total_steps.
class OneCycleLR : public Scheduler {
 public:
  OneCycleLR(const OptimizerBase& optimizer, OneCycleLROptions options)
      : Scheduler("OneCycleLR", optimizer), options_(std::move(options)) {
    check_options();
    total_ = options_.total_steps > 0 ? options_.total_steps : options_.epochs * options_.steps_per_epoch;
    std::vector<double> bases;
    for (std::size_t group = 0; group < settings()->size(); ++group)
      bases.push_back(options_.max_lr[group] / options_.div_factor);
    make_phases();
    set_bases(bases);
    start();
  }

  double lr_at(double base, double t) const override {
    const auto [phase, pct] = place(t);
    return base * anneal(phase.lr_from, phase.lr_to, pct);
  }
  std::optional<double> momentum_at(double t) const override {
    if (!options_.cycle_momentum) return std::nullopt;
    const auto [phase, pct] = place(t);
    return anneal(phase.momentum_from, phase.momentum_to, pct);
  }
  void check_position(double t) const override {
    require(t <= static_cast<double>(total_), name(), ": step ", t, " is past the end; the cycle has ", total_,
            " steps");
  }
  Index total_steps() const { return total_; }

 private:
  /// Learning rates in units of the first one.
  struct Phase {
    double end, lr_from, lr_to, momentum_from, momentum_to;
  };

  void check_options() const {
    const auto& o = options_;
    detail::require_per_group(o.max_lr, settings()->size(), name(), "max_lr");
    for (const double lr : o.max_lr.values()) require(lr > 0, name(), ": .max_lr must be above 0; got ", lr);
    require(o.total_steps > 0 || (o.total_steps == 0 && o.epochs > 0 && o.steps_per_epoch > 0), name(),
            ": .total_steps, or .epochs and .steps_per_epoch, must be positive; got ", o.total_steps, ", ", o.epochs,
            " and ", o.steps_per_epoch);
    require(o.pct_start >= 0 && o.pct_start <= 1, name(), ": .pct_start must lie in [0, 1]; got ", o.pct_start);
    require(o.div_factor > 0, name(), ": .div_factor must be above 0; got ", o.div_factor);
    require(o.final_div_factor > 0, name(), ": .final_div_factor must be above 0; got ", o.final_div_factor);
    if (!o.cycle_momentum) return;
    detail::require_share(o.base_momentum, name(), "base_momentum");
    detail::require_share(o.max_momentum, name(), "max_momentum");
  }

  void make_phases() {
    const double n = static_cast<double>(total_);
    const double peak = options_.div_factor;
    const double last = 1 / options_.final_div_factor;
    const double low = options_.base_momentum;
    const double high = options_.max_momentum;
    phases_ = {{options_.pct_start * n - 1, 1, peak, high, low}};
    if (options_.three_phase) phases_.push_back({2 * options_.pct_start * n - 2, peak, 1, low, high});
    phases_.push_back(options_.three_phase ? Phase{n - 1, 1, last, high, high} : Phase{n - 1, peak, last, low, high});
  }

  std::pair<Phase, double> place(double t) const {
    double begin = 0;
    std::size_t i = 0;
    while (i + 1 < phases_.size() && t > phases_[i].end) begin = phases_[i++].end;
    const double length = phases_[i].end - begin;
    return {phases_[i], length == 0 ? 1.0 : (t - begin) / length};
  }

  double anneal(double from, double to, double pct) const {
    if (options_.anneal_strategy == Anneal::linear) return (to - from) * pct + from;
    return to + (from - to) / 2 * (1 + std::cos(std::numbers::pi * pct));
  }

  OneCycleLROptions options_;
  Index total_ = 0;
  std::vector<Phase> phases_;
};

}  // namespace kashi::inline v0::optim
