/// TimeLimit: a training that fits itself into a time, learning-rate schedule included.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include <kashi/optim/scheduler.hpp>
#include <kashi/train/trainer.hpp>

namespace kashi::inline v0::train {

/// Options of TimeLimit.
struct TimeLimitOptions {
  double seconds = 0;       ///< for all epochs together, over all sittings of a resumed training; must be given
  double schedule_end = 0;  ///< the schedule's last position (total_steps - 1 for OneCycleLR); must be given
};

/// Estimates how many whole epochs fit, moves the schedule to the same share of its length, and stops after the last of
/// them. The estimate is renewed after each step of the first epoch and after each epoch; it never falls below what is
/// done. Give FitOptions::epochs as an upper bound. Steering by time, two runs are not equal bit for bit.
///
///     auto cycle = std::make_shared<optim::OneCycleLR>(trainer.optimizer(), optim::OneCycleLROptions{.max_lr = 0.2,
///     .total_steps = 10000}); trainer.fit(train_set, {.epochs = 1000, .callbacks =
///     {std::make_shared<train::TimeLimit>(cycle, train::TimeLimitOptions{.seconds = 4500, .schedule_end = 9999})}});
class TimeLimit : public Callback {
 public:
  TimeLimit(std::shared_ptr<optim::Scheduler> scheduler, TimeLimitOptions options)
      : scheduler_(std::move(scheduler)), options_(options) {
    require(scheduler_ != nullptr, "TimeLimit: the scheduler is null");
    require(options_.seconds > 0 && options_.schedule_end > 0,
            "TimeLimit: .seconds and .schedule_end must be above 0; got ", options_.seconds, " and ",
            options_.schedule_end);
  }

  void on_fit_begin(Trainer&) override { planned_ = 0; }
  void on_step(Trainer& trainer, const StepLog& log) override {
    const double done = static_cast<double>(log.batch) / static_cast<double>(log.batches);
    if (trainer.history().empty() && log.batches_run > warm_up) {
      // The first steps are slower than those that follow, and an epoch ends with a validation.
      const double epoch = log.seconds * static_cast<double>(log.batches) / static_cast<double>(log.batches_run);
      plan(0, options_.seconds, epoch);
    }
    if (planned_ == 0) return;
    trainer.set_epochs(planned_);
    const double share = (static_cast<double>(log.epoch - 1) + done) / static_cast<double>(planned_);
    scheduler_->set_position(std::min(1.0, share) * options_.schedule_end);
  }
  void on_epoch_end(Trainer& trainer, EpochLog& log) override {
    double spent = log.seconds;
    for (const EpochLog& earlier : trainer.history()) spent += earlier.seconds;
    plan(log.epoch, options_.seconds - spent, spent / static_cast<double>(log.epoch));
    trainer.set_epochs(planned_);
    if (log.epoch >= planned_) trainer.stop();
  }

  /// How many epochs are planned; 0 before the first estimate.
  Index planned_epochs() const { return planned_; }

  void save(io::TensorFile& file, const std::string& prefix) const override {
    add_numbers(file, prefix, scheduler_->state());
    file.add(prefix + "planned", Tensor<Index>::scalar(planned_));
  }
  void load(const io::TensorFile& file, const std::string& prefix) override {
    optim::Numbers numbers;
    const std::string planned = prefix + "planned";
    for (const auto& [name, value] : scheduler_->state()) numbers.set(name, file.get<double>(prefix + name).item());
    scheduler_->load_state(numbers);
    planned_ = file.get<Index>(planned).item();
  }

 private:
  static constexpr Index warm_up = 5;

  void plan(Index done, double seconds_left, double seconds_an_epoch) {
    const double fit = std::floor(std::max(0.0, seconds_left) / std::max(seconds_an_epoch, 1e-9));
    planned_ = std::max<Index>(1, done + static_cast<Index>(std::min(fit, 1e6)));
  }

  std::shared_ptr<optim::Scheduler> scheduler_;
  TimeLimitOptions options_;
  Index planned_ = 0;
};

}  // namespace kashi::inline v0::train
