/// Cosine annealing, without and with warm restarts (Loshchilov and Hutter, "SGDR", 2017). Formulas as PyTorch's.
#pragma once

#include <cmath>
#include <numbers>

#include <kashi/optim/scheduler.hpp>

namespace kashi::inline v0::optim {

namespace detail {

/// From `high` at share 0 to `low` at share 1, and up again beyond.
inline double cosine(double high, double low, double share) {
  return low + (high - low) * (1 + std::cos(std::numbers::pi * share)) / 2;
}

}  // namespace detail

/// Options of CosineAnnealingLR.
struct CosineAnnealingLROptions {
  Index T_max = 0;     ///< steps to the lowest rate; must be given
  double eta_min = 0;  ///< the lowest rate
};

/// eta_min + (base - eta_min) (1 + cos(pi t / T_max)) / 2; goes up again after T_max.
/// Throws ValueError unless T_max is positive and eta_min at least 0.
class CosineAnnealingLR : public Scheduler {
 public:
  CosineAnnealingLR(const OptimizerBase& optimizer, CosineAnnealingLROptions options)
      : Scheduler("CosineAnnealingLR", optimizer), options_(options) {
    require(options.T_max > 0, name(), ": .T_max must be positive; got ", options.T_max);
    detail::require_not_negative(options.eta_min, name(), "eta_min");
    start();
  }
  double lr_at(double base, double t) const override {
    return detail::cosine(base, options_.eta_min, t / static_cast<double>(options_.T_max));
  }

 private:
  CosineAnnealingLROptions options_;
};

/// Options of CosineAnnealingWarmRestarts.
struct CosineAnnealingWarmRestartsOptions {
  Index T_0 = 0;       ///< steps of the first cycle; must be given
  Index T_mult = 1;    ///< each cycle is this many times as long as the one before
  double eta_min = 0;  ///< what a cycle falls towards; it restarts before it gets there
};

/// A cosine that begins anew at t = T_0, T_0 + T_0 T_mult, ... Set the position to epoch + batch / batches for a rate
/// that falls within epochs. Throws ValueError unless T_0 and T_mult are positive and eta_min is at least 0.
class CosineAnnealingWarmRestarts : public Scheduler {
 public:
  CosineAnnealingWarmRestarts(const OptimizerBase& optimizer, CosineAnnealingWarmRestartsOptions options)
      : Scheduler("CosineAnnealingWarmRestarts", optimizer), options_(options) {
    require(options.T_0 > 0, name(), ": .T_0 must be positive; got ", options.T_0);
    require(options.T_mult > 0, name(), ": .T_mult must be positive; got ", options.T_mult);
    detail::require_not_negative(options.eta_min, name(), "eta_min");
    start();
  }
  double lr_at(double base, double t) const override {
    double length = static_cast<double>(options_.T_0);
    double within = t;
    if (options_.T_mult == 1) within = std::fmod(t, length);
    for (; within >= length; length *= static_cast<double>(options_.T_mult)) within -= length;
    return detail::cosine(base, options_.eta_min, within / length);
  }

 private:
  CosineAnnealingWarmRestartsOptions options_;
};

}  // namespace kashi::inline v0::optim
