/// Schedules that multiply: by steps, at milestones, exponentially, and by any function. Formulas as PyTorch's.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include <kashi/optim/scheduler.hpp>

namespace kashi::inline v0::optim {

/// Options of StepLR.
struct StepLROptions {
  Index step_size = 0;  ///< must be given
  double gamma = 0.1;
};

/// base * gamma^floor(t / step_size). Throws ValueError unless step_size is positive and gamma at least 0.
class StepLR : public Scheduler {
 public:
  StepLR(const OptimizerBase& optimizer, StepLROptions options) : Scheduler("StepLR", optimizer), options_(options) {
    require(options.step_size > 0, name(), ": .step_size must be positive; got ", options.step_size);
    detail::require_not_negative(options.gamma, name(), "gamma");
    start();
  }
  double lr_at(double base, double t) const override {
    return base * std::pow(options_.gamma, std::floor(t / static_cast<double>(options_.step_size)));
  }

 private:
  StepLROptions options_;
};

/// Options of MultiStepLR.
struct MultiStepLROptions {
  std::vector<Index> milestones{};  ///< in any order; one that occurs twice counts twice
  double gamma = 0.1;
};

/// base * gamma^(number of milestones <= t). Throws ValueError unless gamma is at least 0.
class MultiStepLR : public Scheduler {
 public:
  MultiStepLR(const OptimizerBase& optimizer, MultiStepLROptions options)
      : Scheduler("MultiStepLR", optimizer), options_(std::move(options)) {
    detail::require_not_negative(options_.gamma, name(), "gamma");
    start();
  }
  double lr_at(double base, double t) const override {
    const auto is_past = [t](Index milestone) { return static_cast<double>(milestone) <= t; };
    const auto count = std::count_if(options_.milestones.begin(), options_.milestones.end(), is_past);
    return base * std::pow(options_.gamma, static_cast<double>(count));
  }

 private:
  MultiStepLROptions options_;
};

/// Options of ExponentialLR.
struct ExponentialLROptions {
  double gamma = 1;  ///< must be given
};

/// base * gamma^t. Throws ValueError unless gamma is at least 0.
class ExponentialLR : public Scheduler {
 public:
  ExponentialLR(const OptimizerBase& optimizer, ExponentialLROptions options)
      : Scheduler("ExponentialLR", optimizer), options_(options) {
    detail::require_not_negative(options.gamma, name(), "gamma");
    start();
  }
  double lr_at(double base, double t) const override { return base * std::pow(options_.gamma, t); }

 private:
  ExponentialLROptions options_;
};

/// base * f(t), for any f(position) of one's own. Throws ValueError for an empty function.
class LambdaLR : public Scheduler {
 public:
  LambdaLR(const OptimizerBase& optimizer, std::function<double(double t)> f)
      : Scheduler("LambdaLR", optimizer), f_(std::move(f)) {
    require(f_ != nullptr, name(), ": the function is empty");
    start();
  }
  double lr_at(double base, double t) const override { return base * f_(t); }

 private:
  std::function<double(double)> f_;
};

}  // namespace kashi::inline v0::optim
