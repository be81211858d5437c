#include <catch2/catch.hpp>

#include <kashi/optim/one_cycle.hpp>
#include <kashi/train/time_limit.hpp>

#include "train/support.hpp"

using namespace kashi;

namespace {

/// A training of one linear layer that is limited by time; epochs are made to seem to last as long as wanted.
struct Limited {
  nn::Sequential<float> net = linear_network();
  train::Trainer trainer{net, optim::SGD(net.parameters(), {.lr = 0.1, .momentum = 0.9}), nn::CrossEntropyLoss()};
  std::shared_ptr<optim::OneCycleLR> cycle = std::make_shared<optim::OneCycleLR>(
      trainer.optimizer(), optim::OneCycleLROptions{.max_lr = 1, .total_steps = 101});
  std::vector<double> rates;

  train::FitResult fit(double seconds, double seconds_an_epoch, train::FitOptions options = {}) {
    const auto limit =
        std::make_shared<train::TimeLimit>(cycle, train::TimeLimitOptions{.seconds = seconds, .schedule_end = 100});
    options.epochs = 1000;
    options.batch = 4;
    options.workers = 0;
    options.callbacks = {
        after_epoch([=](train::Trainer&, train::EpochLog& log) { log.seconds = seconds_an_epoch; }), limit,
        after_step([this](train::Trainer& t, const train::StepLog&) { rates.push_back(t.optimizer().lr()); })};
    return trainer.fit(toy_images(8), options);
  }
};

}  // namespace

TEST_CASE("as many whole epochs are trained as fit into the time") {
  CHECK(Limited().fit(100, 10).epochs == 10);
  CHECK(Limited().fit(99, 10).epochs == 9);
  CHECK(Limited().fit(3, 10).epochs == 1);
}

TEST_CASE("the schedule ends when the time does") {
  Limited run;
  run.fit(100, 10);
  REQUIRE(run.rates.size() == 20);
  CHECK(run.rates.back() == Approx(1.0 / 25 / 1e4).epsilon(1e-6));
  // From the second epoch on the plan stands: position 100 * share.
  CHECK(run.rates[9] == Approx(run.cycle->lr_at(0.04, 50)));
  CHECK(*std::max_element(run.rates.begin() + 2, run.rates.end()) > 0.9);
}

TEST_CASE("the time of earlier sittings counts") {
  const TemporaryFolder folder;
  const train::CheckpointFile file = folder.path() / "checkpoint.safetensors";
  Limited first;
  CHECK(first.fit(40, 10, {.checkpoint = file}).epochs == 4);
  // The same training with more time goes on; its six epochs of 10 seconds end at 100.
  Limited stopped;
  train::FitOptions options{.checkpoint = folder.path() / "other.safetensors"};
  options.epochs = 1000;
  Index steps = 0;
  const auto limit =
      std::make_shared<train::TimeLimit>(stopped.cycle, train::TimeLimitOptions{.seconds = 100, .schedule_end = 100});
  const auto slow = after_epoch([](train::Trainer&, train::EpochLog& log) { log.seconds = 10; });
  options.batch = 4, options.workers = 0;
  options.callbacks = {slow, limit, after_step([&](train::Trainer&, const train::StepLog&) {
                         if (++steps == 9) throw ValueError("power cut");
                       })};
  CHECK_THROWS_WITH(stopped.trainer.fit(toy_images(8), options), "power cut");
  Limited resumed;
  options.resume = true;
  const auto again =
      std::make_shared<train::TimeLimit>(resumed.cycle, train::TimeLimitOptions{.seconds = 100, .schedule_end = 100});
  options.callbacks = {slow, again, after_step([](train::Trainer&, const train::StepLog&) {})};
  const train::FitResult result = resumed.trainer.fit(toy_images(8), options);
  CHECK(result.epochs == 10);
  CHECK(result.epochs_run == 6);
  CHECK(result.earlier_seconds == 40);
  CHECK(result.seconds == 100);
}

TEST_CASE("a limit of no time is refused") {
  Limited run;
  CHECK_THROWS_WITH(train::TimeLimit(run.cycle, {.seconds = 0, .schedule_end = 1}),
                    "TimeLimit: .seconds and .schedule_end must be above 0; got 0 and 1");
}
