/// Straight lines: PyTorch's LinearLR, and the warm-up that begins above 0.
#pragma once

#include <algorithm>

#include <kashi/optim/scheduler.hpp>

namespace kashi::inline v0::optim {

/// Options of LinearLR.
struct LinearLROptions {
  double start_factor = 1.0 / 3;
  double end_factor = 1;
  Index total_iters = 5;  ///< steps from one factor to the other
};

/// base * (start_factor + (end_factor - start_factor) * min(t, total_iters) / total_iters).
/// Throws ValueError unless start_factor lies in (0, 1], end_factor in [0, 1], and total_iters is positive.
class LinearLR : public Scheduler {
 public:
  explicit LinearLR(const OptimizerBase& optimizer, LinearLROptions options = {})
      : Scheduler("LinearLR", optimizer), options_(options) {
    const auto& o = options_;
    require(o.start_factor > 0 && o.start_factor <= 1, name(), ": .start_factor must lie in (0, 1]; got ",
            o.start_factor);
    require(o.end_factor >= 0 && o.end_factor <= 1, name(), ": .end_factor must lie in [0, 1]; got ", o.end_factor);
    require(o.total_iters > 0, name(), ": .total_iters must be positive; got ", o.total_iters);
    start();
  }
  double lr_at(double base, double t) const override {
    const double total = static_cast<double>(options_.total_iters);
    return base * (options_.start_factor + (options_.end_factor - options_.start_factor) * std::min(t, total) / total);
  }

 private:
  LinearLROptions options_;
};

/// Options of LinearWarmup.
struct LinearWarmupOptions {
  Index steps = 5;  ///< the full rate is reached at t = steps - 1
};

/// base * min(1, (t + 1) / steps). Throws ValueError unless steps is positive.
class LinearWarmup : public Scheduler {
 public:
  LinearWarmup(const OptimizerBase& optimizer, LinearWarmupOptions options)
      : Scheduler("LinearWarmup", optimizer), options_(options) {
    require(options.steps > 0, name(), ": .steps must be positive; got ", options.steps);
    start();
  }
  double lr_at(double base, double t) const override {
    return base * std::min(1.0, (t + 1) / static_cast<double>(options_.steps));
  }

 private:
  LinearWarmupOptions options_;
};

}  // namespace kashi::inline v0::optim
