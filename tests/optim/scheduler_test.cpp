/// Schedules: numbers of PyTorch 2.15, state, combination, and misuse.
#include <cmath>
#include <functional>
#include <memory>
#include <vector>

#include "support.hpp"

#include <kashi/optim/adam.hpp>
#include <kashi/optim/combined_lr.hpp>
#include <kashi/optim/cosine_lr.hpp>
#include <kashi/optim/linear_lr.hpp>
#include <kashi/optim/one_cycle.hpp>
#include <kashi/optim/plateau_lr.hpp>
#include <kashi/optim/sgd.hpp>
#include <kashi/optim/step_lr.hpp>

using namespace kashi;
using namespace kashi::optim;

namespace {

/// Two groups with the learning rates 0.5 and 0.05.
SGD<float> two_groups() {
  return SGD<float>({{{vector_parameter<float>({0})}, {.lr = 0.5, .momentum = 0.9}},
                     {{vector_parameter<float>({0})}, {.lr = 0.05, .momentum = 0.9}}});
}
SGD<float> one_group(double lr) { return SGD(std::vector{vector_parameter<float>({0})}, {.lr = lr}); }

/// A schedule's name in tests/golden/optim.txt, and how it is made.
struct ScheduleCase {
  std::string name;
  std::function<std::unique_ptr<Scheduler>(const OptimizerBase&)> make;
};

template <class Kind, class Options>
ScheduleCase schedule_case(const std::string& name, Options options) {
  return {name, [options](const OptimizerBase& optimizer) { return std::make_unique<Kind>(optimizer, options); }};
}

std::vector<ScheduleCase> every_schedule() {
  return {
      schedule_case<StepLR>("step", StepLROptions{.step_size = 3, .gamma = 0.5}),
      schedule_case<MultiStepLR>("multi_step", MultiStepLROptions{.milestones = {2, 7, 7, 15}, .gamma = 0.3}),
      schedule_case<ExponentialLR>("exponential", ExponentialLROptions{.gamma = 0.9}),
      schedule_case<LambdaLR>("lambda", [](double t) { return 1 / (1 + 0.5 * t); }),
      schedule_case<LinearLR>("linear", LinearLROptions{}),
      schedule_case<LinearLR>("linear_down",
                              LinearLROptions{.start_factor = 0.9, .end_factor = 0.1, .total_iters = 12}),
      schedule_case<LinearWarmup>("warmup", LinearWarmupOptions{.steps = 6}),
      schedule_case<CosineAnnealingLR>("cosine", CosineAnnealingLROptions{.T_max = 7, .eta_min = 0.01}),
      schedule_case<CosineAnnealingLR>("cosine_long", CosineAnnealingLROptions{.T_max = 19}),
      schedule_case<CosineAnnealingWarmRestarts>(
          "restarts", CosineAnnealingWarmRestartsOptions{.T_0 = 3, .T_mult = 2, .eta_min = 0.02}),
      schedule_case<CosineAnnealingWarmRestarts>("restarts_equal", CosineAnnealingWarmRestartsOptions{.T_0 = 4}),
      schedule_case<OneCycleLR>("one_cycle", OneCycleLROptions{.max_lr = {1.0, 0.2}, .total_steps = 20}),
      schedule_case<OneCycleLR>("one_cycle_linear", OneCycleLROptions{.max_lr = 0.7,
                                                                      .epochs = 5,
                                                                      .steps_per_epoch = 5,
                                                                      .pct_start = 0.25,
                                                                      .anneal_strategy = Anneal::linear,
                                                                      .base_momentum = 0.6,
                                                                      .max_momentum = 0.9}),
      schedule_case<OneCycleLR>("one_cycle_three", OneCycleLROptions{.max_lr = 0.7,
                                                                     .total_steps = 20,
                                                                     .pct_start = 0.4,
                                                                     .div_factor = 10,
                                                                     .final_div_factor = 100,
                                                                     .three_phase = true}),
      schedule_case<OneCycleLR>("one_cycle_early",
                                OneCycleLROptions{.max_lr = 0.7, .total_steps = 20, .pct_start = 0.01}),
      {"sequential",
       [](const OptimizerBase& o) {
         return std::make_unique<SequentialLR>(o, std::vector<Index>{5, 13}, LinearWarmup(o, {.steps = 5}),
                                               CosineAnnealingLR(o, {.T_max = 8}), ExponentialLR(o, {.gamma = 0.8}));
       }},
      {"chained",
       [](const OptimizerBase& o) {
         return std::make_unique<ChainedScheduler>(o, LinearWarmup(o, {.steps = 4}), ExponentialLR(o, {.gamma = 0.9}),
                                                   MultiStepLR(o, {.milestones = {6, 12}, .gamma = 0.5}));
       }},
  };
}

/// Learning rates and momentum before each of 20 steps.
template <class Optimizer>
std::vector<double> twenty_steps(Optimizer& optimizer, const ScheduleCase& test) {
  const auto schedule = test.make(optimizer);
  std::vector<double> out;
  for (int t = 0; t < 20; ++t) {
    out.insert(out.end(), {optimizer.lr(0), schedule->lr(1), optimizer.momentum(1)});
    if (t + 1 < 20) schedule->step();
  }
  return out;
}

void check_close(const std::vector<double>& found, const std::vector<double>& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    INFO("number " << i);
    CHECK(found[i] == Approx(expected[i]).epsilon(1e-9).margin(1e-13));
  }
}

std::vector<double> rates(Scheduler& schedule, int count) {
  std::vector<double> out;
  for (int t = 0; t < count; ++t) {
    out.push_back(schedule.lr());
    if (t + 1 < count) schedule.step();
  }
  return out;
}

}  // namespace

TEST_CASE("twenty steps of every schedule agree with PyTorch") {
  for (const auto& test : every_schedule()) {
    INFO(test.name);
    auto sgd = two_groups();
    check_close(twenty_steps(sgd, test), golden(test.name));
  }
}

TEST_CASE("one cycle moves the first beta of Adam") {
  const auto a = vector_parameter<float>({0});
  const auto b = vector_parameter<float>({0});
  AdamW<float> adam({{{a}, {.lr = 0.5}}, {{b}, {.lr = 0.05}}});
  const auto test = schedule_case<OneCycleLR>("", OneCycleLROptions{.max_lr = {1.0, 0.2}, .total_steps = 20});
  check_close(twenty_steps(adam, test), golden("one_cycle_adam"));
}

TEST_CASE("warm restarts within epochs agree with PyTorch") {
  auto sgd = two_groups();
  CosineAnnealingWarmRestarts schedule(sgd, {.T_0 = 2, .T_mult = 3, .eta_min = 0.01});
  std::vector<double> found;
  for (int t = 0; t < 20; ++t) {
    schedule.set_position(t * 0.7);
    found.push_back(sgd.lr());
  }
  check_close(found, golden("restarts_fractional"));
}

TEST_CASE("rates on plateaus agree with PyTorch") {
  const auto run = [](const ReduceLROnPlateauOptions& options, const std::string& name) {
    INFO(name);
    auto sgd = two_groups();
    ReduceLROnPlateau schedule(sgd, options);
    std::vector<double> found;
    for (int t = 0; t < 20; ++t) {
      schedule.step(((5 * t) % 7) / 7.0 + 1.0 / (t + 1));
      found.insert(found.end(), {sgd.lr(0), schedule.lr(1)});
    }
    check_close(found, golden(name));
  };
  run({.factor = 0.5, .patience = 2}, "plateau");
  run({.mode = PlateauMode::max,
       .factor = 0.3,
       .patience = 1,
       .threshold = 0.05,
       .threshold_mode = ThresholdMode::abs,
       .cooldown = 2},
      "plateau_max");
  run({.factor = 0.1, .patience = 0, .threshold = 0.1, .min_lr = {0.02, 0.04}, .eps = 0.012}, "plateau_floor");
}

TEST_CASE("a plateau is left when the figure gets better by a share") {
  auto sgd = one_group(1);
  ReduceLROnPlateau schedule(sgd, {.factor = 0.5, .patience = 2});
  std::vector<double> found;
  for (const double metric : {1.0, 0.9, 0.9, 0.8999, 0.9, 0.95, 0.9, 0.9, 0.9, 0.9}) {
    schedule.step(metric);
    found.push_back(sgd.lr());
  }
  CHECK(found == std::vector<double>{1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25});
  CHECK(schedule.best() == 0.8999);
}

TEST_CASE("rates worked out in float64") {
  const auto check = [](auto make, const std::vector<double>& expected) {
    auto sgd = one_group(1);
    auto schedule = make(sgd);
    const auto found = rates(schedule, static_cast<int>(expected.size()));
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == Approx(expected[i]).margin(6e-11).epsilon(0));
  };
  check([](auto& o) { return OneCycleLR(o, {.max_lr = 1, .total_steps = 10}); },
        {0.04, 0.52, 1, 0.950484632, 0.8117456539, 0.6112620219, 0.3887419781, 0.1882583461, 0.049519368, 4e-6});
  check([](auto& o) { return CosineAnnealingLR(o, {.T_max = 5}); },
        {1, 0.9045084972, 0.6545084972, 0.3454915028, 0.0954915028, 0, 0.0954915028});
  check([](auto& o) { return CosineAnnealingWarmRestarts(o, {.T_0 = 3, .T_mult = 2, .eta_min = 0.1}); },
        {1, 0.775, 0.325, 1, 0.9397114317, 0.775, 0.55, 0.325, 0.1602885683, 1, 0.9846666218});
  check([](auto& o) { return LinearWarmup(o, {.steps = 4}); }, {0.25, 0.5, 0.75, 1, 1});
}

TEST_CASE("schedules go on bit for bit from a saved state") {
  for (const auto& test : every_schedule()) {
    INFO(test.name);
    auto straight = two_groups();
    const auto through = test.make(straight);
    for (int t = 0; t < 12; ++t) through->step();

    auto first = two_groups();
    const auto broken = test.make(first);
    for (int t = 0; t < 7; ++t) broken->step();
    const Numbers state = broken->state();
    const auto optimizer_state = first.state();

    auto second = two_groups();
    const auto resumed = test.make(second);
    second.load_state(optimizer_state);
    CHECK(second.lr(1) == first.lr(1));
    resumed->load_state(state);
    CHECK(resumed->position() == 7);
    for (int t = 7; t < 12; ++t) resumed->step();
    CHECK(second.lr(0) == straight.lr(0));
    CHECK(second.lr(1) == straight.lr(1));
    CHECK(second.momentum(0) == straight.momentum(0));
  }
}

TEST_CASE("a plateau's state goes on from where it was") {
  auto first = one_group(1);
  ReduceLROnPlateau broken(first, {.factor = 0.5, .patience = 2});
  for (const double metric : {1.0, 2.0, 2.0}) broken.step(metric);
  auto second = one_group(1);
  ReduceLROnPlateau resumed(second, {.factor = 0.5, .patience = 2});
  resumed.load_state(broken.state());
  resumed.step(2);
  CHECK(second.lr() == 0.5);
  CHECK(resumed.best() == 1);
}

TEST_CASE("a schedule follows an optimizer that is moved, and survives one that is gone") {
  auto sgd = std::make_unique<SGD<float>>(one_group(1));
  ExponentialLR schedule(*sgd, {.gamma = 0.5});
  auto taken = std::make_unique<SGD<float>>(std::move(*sgd));
  sgd.reset();
  schedule.step();
  CHECK(taken->lr() == 0.5);
  taken.reset();
  schedule.step();
  CHECK(schedule.lr() == 0.25);
}

TEST_CASE("a second schedule starts from the first learning rate") {
  auto sgd = one_group(1);
  ExponentialLR first(sgd, {.gamma = 0.5});
  first.step();
  StepLR second(sgd, {.step_size = 10});
  CHECK(sgd.lr() == 1);
}

TEST_CASE("a cycle ends") {
  auto sgd = one_group(1);
  OneCycleLR schedule(sgd, {.max_lr = 1, .total_steps = 3});
  for (int t = 0; t < 3; ++t) schedule.step();
  const double last = sgd.lr();
  CHECK(error_of([&] { schedule.step(); }) == "OneCycleLR: step 4 is past the end; the cycle has 3 steps");
  CHECK(sgd.lr() == last);
  CHECK(schedule.position() == 3);
  CHECK(error_of([&] { schedule.set_position(-1); }) == "OneCycleLR: the position must be at least 0; got -1");
}

TEST_CASE("a cycle without momentum leaves it alone") {
  auto sgd = two_groups();
  const OneCycleLR schedule(sgd, {.max_lr = 1, .total_steps = 3, .cycle_momentum = false});
  CHECK(sgd.momentum() == 0.9);
  CHECK_FALSE(schedule.momentum_at(1).has_value());
}

TEST_CASE("schedule options outside their ranges are refused by name, and nothing is changed") {
  const auto sgd = two_groups();
  const auto check = [&](auto make, const std::string& expected) { CHECK(error_of(make) == expected); };
  check([&] { StepLR(sgd, {}); }, "StepLR: .step_size must be positive; got 0");
  check([&] { StepLR(sgd, {.step_size = 1, .gamma = -1}); }, "StepLR: .gamma must be finite and at least 0; got -1");
  check([&] { MultiStepLR(sgd, {.gamma = NAN}); }, "MultiStepLR: .gamma must be finite and at least 0; got nan");
  check([&] { LambdaLR(sgd, nullptr); }, "LambdaLR: the function is empty");
  check([&] { LinearLR(sgd, {.start_factor = 0}); }, "LinearLR: .start_factor must lie in (0, 1]; got 0");
  check([&] { LinearLR(sgd, {.end_factor = 2}); }, "LinearLR: .end_factor must lie in [0, 1]; got 2");
  check([&] { LinearWarmup(sgd, {.steps = 0}); }, "LinearWarmup: .steps must be positive; got 0");
  check([&] { CosineAnnealingLR(sgd, {}); }, "CosineAnnealingLR: .T_max must be positive; got 0");
  check([&] { CosineAnnealingWarmRestarts(sgd, {.T_0 = 3, .T_mult = 0}); },
        "CosineAnnealingWarmRestarts: .T_mult must be positive; got 0");
  check([&] { OneCycleLR(sgd, {.total_steps = 5}); }, "OneCycleLR: .max_lr must be above 0; got 0");
  check(
      [&] {
        OneCycleLR(sgd, {.max_lr = {1, 2, 3}, .total_steps = 5});
      },
      "OneCycleLR: .max_lr needs one value, or one for each of the 2 groups; got 3");
  check([&] { OneCycleLR(sgd, {.max_lr = 1, .epochs = 5}); },
        "OneCycleLR: .total_steps, or .epochs and .steps_per_epoch, must be positive; got 0, 5 and 0");
  check([&] { OneCycleLR(sgd, {.max_lr = 1, .total_steps = 5, .pct_start = 2}); },
        "OneCycleLR: .pct_start must lie in [0, 1]; got 2");
  check([&] { ReduceLROnPlateau(sgd, {.factor = 1}); }, "ReduceLROnPlateau: .factor must lie in [0, 1); got 1");
  check(
      [&] {
        ReduceLROnPlateau(sgd, {.min_lr = {1, 2, 3}});
      },
      "ReduceLROnPlateau: .min_lr needs one value, or one for each of the 2 groups; got 3");
  CHECK(sgd.lr(0) == 0.5);
  CHECK(sgd.momentum(0) == 0.9);
}

TEST_CASE("combined schedules refuse what does not fit together") {
  const auto sgd = two_groups();
  const auto other = two_groups();
  CHECK(error_of([&] { ChainedScheduler(sgd, Schedules{}); }) == "ChainedScheduler: there are no schedules");
  CHECK(error_of([&] { ChainedScheduler(sgd, ExponentialLR(other, {.gamma = 0.5})); }) ==
        "ChainedScheduler: ExponentialLR belongs to another optimizer");
  CHECK(error_of([&] {
          SequentialLR(sgd, {2, 3}, ExponentialLR(sgd, {.gamma = 0.5}));
        }) == "SequentialLR: 1 schedules need 0 milestones; got 2");
  CHECK(error_of([&] {
          SequentialLR(sgd, {3, 2}, LinearLR(sgd), LinearLR(sgd), LinearLR(sgd));
        }) == "SequentialLR: the milestones must be in ascending order");
  const LinearLR before(sgd);
  const OneCycleLR cycle(sgd, {.max_lr = 1, .total_steps = 9});
  CHECK(error_of([&] { SequentialLR(sgd, {3}, before, cycle); }) ==
        "SequentialLR: LinearLR starts from other learning rates (OneCycleLR sets them, so make it before the other "
        "schedules)");
}

TEST_CASE("a cycle within a sequence ends there") {
  auto sgd = one_group(1);
  const OneCycleLR cycle(sgd, {.max_lr = 1, .total_steps = 3});
  SequentialLR schedule(sgd, {2}, LinearWarmup(sgd, {.steps = 2}), cycle);
  for (int t = 0; t < 5; ++t) schedule.step();
  CHECK_THROWS_AS(schedule.step(), ValueError);
  schedule.set_position(3);
  CHECK(schedule.momentum_at(3) == cycle.momentum_at(1));
}

TEST_CASE("a schedule refuses another one's state") {
  const auto sgd = two_groups();
  StepLR step(sgd, {.step_size = 2});
  const ExponentialLR exponential(sgd, {.gamma = 0.5});
  CHECK(error_of([&] { step.load_state(exponential.state()); }) == "StepLR: load_state: the state is of ExponentialLR");
  Numbers state = step.state();
  state.set("position", -3);
  CHECK(error_of([&] { step.load_state(state); }) == "StepLR: load_state: the number \"position\" is -3");
  const auto single = one_group(1);
  CHECK(error_of([&] { step.load_state(StepLR(single, {.step_size = 2}).state()); }) ==
        "StepLR: load_state: the state has no number \"base.1\"");
  ReduceLROnPlateau plateau(sgd);
  CHECK(error_of([&] { plateau.load_state(step.state()); }) ==
        "ReduceLROnPlateau: load_state: the state has no number \"kind.ReduceLROnPlateau\"");
}
