/// What all optimizers have in common: groups, missing gradients, saved state, threads, and that they learn.
#include <cmath>
#include <vector>

#include "every_optimizer.hpp"
#include "support.hpp"

#include <kashi/core/random.hpp>
#include <kashi/ops/linear.hpp>
#include <kashi/ops/loss.hpp>

using namespace kashi;

namespace {

/// Two parameters, one larger than a piece of work, and gradients that depend on the step.
struct Problem {
  Variable<float> a = parameter(numbers({35, 1000}, 1));
  Variable<float> b = parameter(numbers({7}, 2));

  /// Numbers between -1 and 1 without a pattern that repeats within 1009.
  static Tensor<float> numbers(const Shape& shape, Index seed) {
    auto out = Tensor<float>::empty(shape);
    float* values = out.mutable_data();
    for (Index i = 0; i < out.numel(); ++i)
      values[i] = static_cast<float>((i * i + 17 * seed * i + 5 * seed) % 1009) / 504.5f - 1;
    return out;
  }

  void run(optim::Optimizer<float>& optimizer, Index from, Index to) const {
    for (Index t = from; t < to; ++t) {
      set_gradient(a, numbers(a.shape(), 3 + t));
      set_gradient(b, numbers(b.shape(), 30 + t));
      optimizer.step();
    }
  }
};

}  // namespace

TEST_CASE("a saved and loaded state goes on bit for bit") {
  for (const auto& test : every_optimizer<float>()) {
    INFO(test.name);
    const Problem straight, broken;
    Problem resumed;
    const auto through = test.make({straight.a}, {straight.b});
    straight.run(*through, 0, 6);

    const auto first = test.make({broken.a}, {broken.b});
    broken.run(*first, 0, 3);
    const auto state = first->state();
    resumed.a.mutable_value().copy_from(broken.a.value());
    resumed.b.mutable_value().copy_from(broken.b.value());
    broken.run(*first, 3, 5);  // a state is a copy: this changes nothing in it

    const auto second = test.make({resumed.a}, {resumed.b});
    second->load_state(state);
    CHECK(second->steps() == 3);
    resumed.run(*second, 3, 6);
    CHECK(same_bits(resumed.a.value(), straight.a.value()));
    CHECK(same_bits(resumed.b.value(), straight.b.value()));
  }
}

TEST_CASE("the same bits for every number of threads") {
  const int before = num_threads();
  for (const auto& test : every_optimizer<float>()) {
    INFO(test.name);
    set_num_threads(1);
    const Problem alone;
    alone.run(*test.make({alone.a}, {alone.b}), 0, 3);
    for (const int threads : {2, 3, 8}) {
      set_num_threads(threads);
      const Problem together;
      together.run(*test.make({together.a}, {together.b}), 0, 3);
      CHECK(same_bits(together.a.value(), alone.a.value()));
      CHECK(same_bits(together.b.value(), alone.b.value()));
    }
  }
  set_num_threads(before);
}

TEST_CASE("a parameter without a gradient stays, and its averages wait") {
  for (const auto& test : every_optimizer<double>()) {
    INFO(test.name);
    const auto moved = vector_parameter<double>({1, 2});
    const auto still = vector_parameter<double>({3});
    const auto optimizer = test.make({moved}, {still});
    set_gradient(moved, Tensor<double>({2}, {0.5, -0.5}));
    optimizer->step();
    CHECK(still.item() == 3);
    CHECK(moved.value()(0) != 1);
    CHECK(optimizer->state().numbers.at("0.steps") == 1);
    CHECK(optimizer->state().numbers.at("1.steps") == 0);
    optimizer->zero_grad();
    CHECK_FALSE(moved.has_grad());
  }
}

TEST_CASE("an optimizer finds the bottom of a bowl") {
  const auto distance = [](auto make) {
    const auto x = vector_parameter<double>({3});
    const auto y = vector_parameter<double>({-2});
    auto optimizer = make(std::vector{x, y});
    const double lr = optimizer.lr();
    for (int t = 0; t < 1000; ++t) {
      optimizer.set_lr(lr * (1 - t / 1000.0));
      set_gradient(x, Tensor<double>({1}, {2 * (x.item() - 1)}));
      set_gradient(y, Tensor<double>({1}, {6 * (y.item() - 0.5)}));
      optimizer.step();
    }
    return std::abs(x.item() - 1) + std::abs(y.item() - 0.5);
  };
  CHECK(distance([](auto p) { return optim::SGD(p, {.lr = 0.1}); }) < 1e-6);
  CHECK(distance([](auto p) { return optim::SGD(p, {.lr = 0.1, .momentum = 0.8, .nesterov = true}); }) < 1e-6);
  CHECK(distance([](auto p) { return optim::Adam(p, {.lr = 0.1}); }) < 1e-6);
  CHECK(distance([](auto p) { return optim::Adam(p, {.lr = 0.5, .amsgrad = true}); }) < 1e-6);
  CHECK(distance([](auto p) { return optim::AdamW(p, {.lr = 0.1, .weight_decay = 0}); }) < 1e-6);
  CHECK(distance([](auto p) { return optim::RMSprop(p, {.lr = 0.1}); }) < 1e-2);
  CHECK(distance([](auto p) { return optim::RMSprop(p, {.lr = 0.02, .momentum = 0.9}); }) < 1e-2);
  CHECK(distance([](auto p) { return optim::Lion(p, {.lr = 0.02}); }) < 1e-3);
}

TEST_CASE("logistic regression separates two clouds") {
  random::Generator generator(5);
  Tensor<double> points = generator.normal<double>({64, 2}, 0, 1);
  Tensor<double> targets = Tensor<double>::zeros({64, 1});
  for (Index i = 0; i < 64; ++i) {
    const double side = i % 2 == 0 ? 1.5 : -1.5;
    points.at(i, 0) += side;
    points.at(i, 1) -= side;
    targets.at(i, 0) = i % 2 == 0 ? 1 : 0;
  }
  const auto learn = [&](auto make) {
    Variable<double> weight = parameter(Tensor<double>::zeros({1, 2}));
    Variable<double> bias = parameter(Tensor<double>::zeros({1}));
    auto optimizer = make(std::vector{weight, bias});
    double loss = 0;
    for (int t = 0; t < 100; ++t) {
      optimizer.zero_grad();
      const auto found = binary_cross_entropy_with_logits(linear(points, weight, bias), targets);
      found.backward();
      optimizer.step();
      loss = found.item();
    }
    return loss;
  };
  CHECK(learn([](auto p) { return optim::SGD(p, {.lr = 0.5, .momentum = 0.9}); }) < 0.1);
  CHECK(learn([](auto p) { return optim::Adam(p, {.lr = 0.1}); }) < 0.1);
  CHECK(learn([](auto p) { return optim::AdamW(p, {.lr = 0.1}); }) < 0.1);
  CHECK(learn([](auto p) { return optim::RMSprop(p, {.lr = 0.05}); }) < 0.1);
  CHECK(learn([](auto p) { return optim::Lion(p, {.lr = 0.05}); }) < 0.1);
}

TEST_CASE("groups have their own learning rates") {
  const auto a = vector_parameter<float>({1});
  const auto b = vector_parameter<float>({1});
  optim::SGD<float> sgd({{{a}, {.lr = 0.5}}, {{b}, {.lr = 0.25, .momentum = 0.9}}});
  CHECK(sgd.groups() == 2);
  CHECK(sgd.lr() == 0.5);
  CHECK(sgd.lr(1) == 0.25);
  CHECK(sgd.momentum(1) == 0.9);
  CHECK(sgd.options(1).lr == 0.25);
  CHECK(sgd.parameters().size() == 2);
  sgd.set_lr(1, 0.125);
  set_gradient(a, Tensor<float>::ones({1}));
  set_gradient(b, Tensor<float>::ones({1}));
  sgd.step();
  CHECK(a.item() == 0.5f);
  CHECK(b.item() == 0.875f);
  sgd.set_lr(0.1);
  CHECK(sgd.lr(0) == 0.1);
  CHECK(sgd.lr(1) == 0.1);
}

TEST_CASE("an optimizer that was moved says so") {
  const auto p = vector_parameter<float>({1});
  optim::SGD sgd(std::vector{p}, {.lr = 0.5});
  const optim::SGD<float> taken(std::move(sgd));
  CHECK(taken.lr() == 0.5);
  const std::string text = "optimizer: it was moved elsewhere (a Trainer that took it gives it back by optimizer())";
  CHECK(error_of([&] { sgd.step(); }) == text);  // NOLINT(bugprone-use-after-move): that is what is tested
  CHECK(error_of([&] { sgd.lr(); }) == text);
}

TEST_CASE("options outside their ranges are refused by name") {
  const std::vector p{vector_parameter<float>({1})};
  using namespace optim;
  CHECK(error_of([&] { SGD(p, {.lr = -1}); }) == "SGD: .lr must be finite and at least 0; got -1");
  CHECK(error_of([&] { SGD(p, {.momentum = -0.5}); }) == "SGD: .momentum must be finite and at least 0; got -0.5");
  CHECK(error_of([&] { SGD(p, {.dampening = NAN}); }) == "SGD: .dampening must be finite; got nan");
  CHECK(error_of([&] { SGD(p, {.weight_decay = -1}); }) == "SGD: .weight_decay must be finite and at least 0; got -1");
  CHECK(error_of([&] { SGD(p, {.nesterov = true}); }) ==
        "SGD: .nesterov needs a momentum above 0 and a dampening of 0; got 0 and 0");
  CHECK(error_of([&] { Adam(p, {.betas = {1, 0.9}}); }) == "Adam: .betas[0] must lie in [0, 1); got 1");
  CHECK(error_of([&] { AdamW(p, {.betas = {0.9, -1}}); }) == "AdamW: .betas[1] must lie in [0, 1); got -1");
  CHECK(error_of([&] { Adam(p, {.eps = -1}); }) == "Adam: .eps must be finite and at least 0; got -1");
  CHECK(error_of([&] { RMSprop(p, {.alpha = 1}); }) == "RMSprop: .alpha must lie in [0, 1); got 1");
  CHECK(error_of([&] { Lion(p, {.lr = INFINITY}); }) == "Lion: .lr must be finite and at least 0; got inf");
  SGD sgd(p);
  CHECK(error_of([&] { sgd.set_lr(-1); }) == "SGD: .lr must be finite and at least 0; got -1");
  CHECK(error_of([&] { sgd.set_momentum(0, 1); }) == "SGD: .momentum must lie in [0, 1); got 1");
  CHECK(error_of([&] { sgd.lr(1); }) == "SGD: there is no group 1 among the 1");
  CHECK(error_of([&] { sgd.options(-1); }) == "SGD: there is no group -1 among the 1");
}

TEST_CASE("parameters that can't be learnt are refused") {
  using Floats = std::vector<Variable<float>>;
  const auto p = vector_parameter<float>({1, 2});
  CHECK(error_of([] { optim::SGD(Floats{}); }) == "SGD: there are no parameters");
  CHECK(error_of([&] { optim::SGD(Floats{p, p}); }) == "SGD: parameter 1 of shape [2] was already given");
  CHECK(error_of([&] { optim::AdamW(Floats{Tensor<float>::ones({3})}); }) ==
        "AdamW: parameter 0 of shape [3] gathers no gradient: it is a constant or the result of an operation "
        "(make it by parameter(tensor))");
  CHECK_THROWS_AS(optim::SGD(Floats{p + p}), ValueError);
}

TEST_CASE("a state that does not fit is refused, and nothing is changed") {
  const auto make = [](std::vector<double> values, bool amsgrad) {
    const auto p = vector_parameter<double>(std::move(values));
    optim::Adam adam(std::vector{p}, {.lr = 0.1, .amsgrad = amsgrad});
    set_gradient(p, Tensor<double>::ones(p.shape()));
    adam.step();
    return adam;
  };
  auto adam = make({1, 2}, true);
  const auto before = adam.state();
  const auto error_with = [&](const optim::State<double>& state) { return error_of([&] { adam.load_state(state); }); };

  optim::AdamW other(std::vector{vector_parameter<double>({1, 2})});
  CHECK(error_with(other.state()) == "Adam: load_state: the state is of AdamW");
  CHECK(error_with(make({1, 2, 3}, true).state()) ==
        "Adam: load_state: \"0.exp_avg\" has shape [3], the parameter [2]");
  CHECK(error_with(make({1, 2}, false).state()) ==
        "Adam: load_state: the state has no tensor \"0.max_exp_avg_sq\" (was it saved with other options?)");
  auto changed = before;
  changed.tensors.set("1.exp_avg", Tensor<double>::ones({2}));
  CHECK(error_with(changed) ==
        "Adam: load_state: the state has 1 tensors of no parameter; this optimizer has 1 parameters");
  changed = before;
  changed.numbers.set("1.steps", 1);
  CHECK(error_with(changed) == "Adam: load_state: the state has an unknown number \"1.steps\"");
  changed = before;
  changed.numbers.set("group.0.lr", NAN);
  CHECK(error_with(changed) == "Adam: load_state: the number \"group.0.lr\" is nan");
  changed.numbers = {};
  CHECK(error_with(changed) == "Adam: load_state: the state has no number \"kind.Adam\"");

  const auto after = adam.state();
  REQUIRE(after.tensors.size() == 3);
  for (const auto& [name, value] : before.tensors) CHECK(same_bits(after.tensors.at(name), value));
  CHECK(after.numbers.at("group.0.lr") == 0.1);
}

TEST_CASE("a step raises the version of what it changes") {
  const auto p = vector_parameter<float>({1});
  optim::SGD sgd(std::vector{p}, {.lr = 0.5});
  const auto y = p * p;
  set_gradient(p, Tensor<float>::ones({1}));
  sgd.step();
  CHECK_THROWS_AS(y.backward(), GradError);
}
