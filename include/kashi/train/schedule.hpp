/// Learning-rate schedules as callbacks.
#pragma once

#include <kashi/optim/plateau_lr.hpp>
#include <kashi/optim/scheduler.hpp>
#include <kashi/train/trainer.hpp>

namespace kashi::inline v0::train {

/// When a schedule takes its step.
enum class Every { step, epoch };

/// Steps a schedule after each optimizer step or each epoch, and saves its state.
///
///     auto schedule = std::make_shared<optim::CosineAnnealingLR>(trainer.optimizer(),
///     optim::CosineAnnealingLROptions{.T_max = 30}); trainer.fit(train_set, {.epochs = 30, .callbacks =
///     {std::make_shared<train::Schedule>(schedule, train::Every::epoch)}});
class Schedule : public Callback {
 public:
  explicit Schedule(std::shared_ptr<optim::Scheduler> scheduler, Every every = Every::epoch)
      : scheduler_(std::move(scheduler)), every_(every) {
    require(scheduler_ != nullptr, "Schedule: the scheduler is null");
  }
  void on_step(Trainer&, const StepLog&) override {
    if (every_ == Every::step) scheduler_->step();
  }
  void on_epoch_end(Trainer&, EpochLog&) override {
    if (every_ == Every::epoch) scheduler_->step();
  }
  void save(io::TensorFile& file, const std::string& prefix) const override {
    add_numbers(file, prefix, scheduler_->state());
  }
  void load(const io::TensorFile& file, const std::string& prefix) override {
    scheduler_->load_state(get_numbers(file, prefix));
  }

 private:
  std::shared_ptr<optim::Scheduler> scheduler_;
  Every every_;
};

/// Shows a figure to ReduceLROnPlateau after each epoch, and saves its state.
class PlateauSchedule : public Callback {
 public:
  explicit PlateauSchedule(std::shared_ptr<optim::ReduceLROnPlateau> scheduler, std::string metric = "val_loss")
      : scheduler_(std::move(scheduler)), metric_(std::move(metric)) {
    require(scheduler_ != nullptr, "PlateauSchedule: the scheduler is null");
  }
  void on_epoch_end(Trainer&, EpochLog& log) override { scheduler_->step(log.at(metric_)); }
  void save(io::TensorFile& file, const std::string& prefix) const override {
    add_numbers(file, prefix, scheduler_->state());
  }
  void load(const io::TensorFile& file, const std::string& prefix) override {
    scheduler_->load_state(get_numbers(file, prefix));
  }

 private:
  std::shared_ptr<optim::ReduceLROnPlateau> scheduler_;
  std::string metric_;
};

}  // namespace kashi::inline v0::train
