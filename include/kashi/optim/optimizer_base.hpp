/// What schedulers see of an optimizer, whatever its number type: the settings that change while it runs.
///
/// The settings are shared: a scheduler holds on to them, so it stays valid and keeps steering when the optimizer is
/// moved (into a Trainer, for instance), and does no harm when the optimizer is gone.
#pragma once

#include <cmath>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/core/parallel.hpp>

namespace kashi::inline v0::optim {

/// The changing settings of one parameter group.
struct GroupSettings {
  double lr = 0;
  double momentum = 0;  ///< SGD's and RMSprop's momentum, beta1 of Adam, AdamW and Lion
  /// The learning rate that schedules start from; set by the first scheduler.
  std::optional<double> initial_lr{};
};

/// An option of a scheduler: one value for all groups, or one for each: `.max_lr = 0.1` or `.max_lr = {0.1, 0.01}`.
class PerGroup {
 public:
  PerGroup(double value) : values_{value} {}  // NOLINT: a number is a PerGroup by itself
  PerGroup(std::initializer_list<double> values) : values_(values) {}
  PerGroup(std::vector<double> values) : values_(std::move(values)) {}  // NOLINT: and so are several

  /// The value of a group.
  double operator[](std::size_t group) const { return values_[values_.size() == 1 ? 0 : group]; }
  const std::vector<double>& values() const { return values_; }

 private:
  std::vector<double> values_;
};

namespace detail {

/// An option that must be a number of at least 0.
inline void require_not_negative(double value, const std::string& who, const char* option) {
  require(std::isfinite(value) && value >= 0, who, ": .", option, " must be finite and at least 0; got ", value);
}

/// An option that must lie in [0, 1): a share that is kept.
inline void require_share(double value, const std::string& who, const char* option) {
  require(value >= 0 && value < 1, who, ": .", option, " must lie in [0, 1); got ", value);
}

/// A PerGroup option must have one value or one a group, none of them negative.
inline void require_per_group(const PerGroup& option, std::size_t groups, const std::string& who, const char* name) {
  const std::size_t count = option.values().size();
  require(count == 1 || count == groups, who, ": .", name, " needs one value, or one for each of the ", groups,
          " groups; got ", count);
  for (const double value : option.values()) require_not_negative(value, who, name);
}

}  // namespace detail

/// Base of all optimizers: a row of settings for each parameter group.
class OptimizerBase {
 public:
  using Settings = std::shared_ptr<std::vector<GroupSettings>>;

  OptimizerBase(const OptimizerBase&) = delete;
  OptimizerBase& operator=(const OptimizerBase&) = delete;
  OptimizerBase(OptimizerBase&&) = default;
  OptimizerBase& operator=(OptimizerBase&&) = default;
  virtual ~OptimizerBase() = default;

  /// The optimizer's kind: "AdamW".
  const std::string& kind() const { return kind_; }
  Index groups() const { return static_cast<Index>(settings()->size()); }

  /// The learning rate of a group. Throws ValueError for a group that is not there.
  double lr(Index group = 0) const { return at(group).lr; }
  /// Sets the learning rate of all groups. Throws ValueError below 0.
  void set_lr(double lr) {
    for (Index group = 0; group < groups(); ++group) set_lr(group, lr);
  }
  /// Sets the learning rate of one group.
  void set_lr(Index group, double lr) {
    detail::require_not_negative(lr, kind_, "lr");
    at(group).lr = lr;
  }

  /// The momentum (beta1 of Adam, AdamW and Lion) of a group.
  double momentum(Index group = 0) const { return at(group).momentum; }
  /// Sets the momentum of one group. Throws ValueError outside [0, 1).
  void set_momentum(Index group, double momentum) {
    detail::require_share(momentum, kind_, "momentum");
    at(group).momentum = momentum;
  }

  /// For schedulers: the settings of all groups. Throws ValueError if the optimizer was moved elsewhere.
  const Settings& settings() const {
    require(settings_ != nullptr,
            "optimizer: it was moved elsewhere (a Trainer that took it gives it back by optimizer())");
    return settings_;
  }

 protected:
  OptimizerBase(std::string kind, std::vector<GroupSettings> settings)
      : kind_(std::move(kind)), settings_(std::make_shared<std::vector<GroupSettings>>(std::move(settings))) {}

 private:
  GroupSettings& at(Index group) const {
    require(group >= 0 && group < groups(), kind_, ": there is no group ", group, " among the ", groups());
    return (*settings_)[static_cast<std::size_t>(group)];
  }

  std::string kind_;
  Settings settings_;
};

}  // namespace kashi::inline v0::optim
