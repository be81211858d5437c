/// The backward pass: accumulation, retained and freed graphs, hooks, in-place damage, modes, long chains, threads.
#include <catch2/catch.hpp>

#include <thread>
#include <vector>

#include <kashi/core/memory.hpp>
#include <kashi/core/random.hpp>
#include <kashi/ops/activation.hpp>
#include <kashi/ops/linear.hpp>
#include <kashi/ops/reduce.hpp>

using namespace kashi;

namespace {

Tensor<double> values(std::initializer_list<double> numbers) {
  return Tensor<double>({static_cast<Index>(numbers.size())}, numbers);
}

template <class F>
std::string thrown(F&& f) {
  try {
    f();
  } catch (const GradError& error) {
    return error.what();
  }
  return "";
}

template <class T>
Variable<T> cube(const Variable<T>& x) {
  return record<T>("cube", map(x.value(), [](T v) { return v * v * v; }), {x},
                   [x = Saved(x)](const GradContext<T>& context) -> Gradients<T> {
                     const Variable<T> v = context.get(x);
                     return {context.grad() * v * v * T{3}};
                   });
}

}  // namespace

TEST_CASE("gradients add up over uses and over backward passes") {
  const auto x = parameter(values({2, 3}));
  sum(x * x + x).backward();
  CHECK(equal(x.grad(), values({5, 7})));
  sum(x).backward();
  CHECK(equal(x.grad(), values({6, 8})));
  auto same = x;
  same.zero_grad();
  CHECK_FALSE(x.has_grad());
  sum(x).backward();
  CHECK(equal(x.grad(), values({1, 1})));
}

TEST_CASE("a leaf's gradient shares no memory with another's") {
  const auto a = parameter(values({1})), b = parameter(values({1}));
  sum(a + b).backward();
  sum(a).backward();
  CHECK(a.grad()(0) == 2.0);
  CHECK(b.grad()(0) == 1.0);
}

TEST_CASE("a diamond sends each node's whole gradient on once") {
  int calls = 0;
  const auto x = parameter(values({2}));
  const auto middle = x * 3;
  middle.register_hook([&](const Variable<double>& g) {
    ++calls;
    return g;
  });
  const auto y = middle * middle + middle;
  sum(y).backward();
  CHECK(calls == 1);
  CHECK(x.grad()(0) == 3 * (2 * 6 + 1));
}

TEST_CASE("a freed graph says so, a retained one goes on") {
  const auto x = parameter(values({2}));
  const auto y = sum(x * x);
  y.backward({.retain_graph = true});
  y.backward();
  CHECK(x.grad()(0) == 8.0);
  CHECK(thrown([&] { y.backward(); }) ==
        "backward: the graph of sum was freed by an earlier pass; give it {.retain_graph = true}");
}

TEST_CASE("backward needs one number, or a gradient of the value's shape") {
  const auto x = parameter(values({1, 2}));
  CHECK(thrown([&] { (x * 2).backward(); }) ==
        "backward: the value must be one number; its shape is [2] (pass a gradient of that shape, or take sum() or "
        "mean())");
  CHECK_THROWS_AS((x * 2).backward(values({1, 2, 3})), ShapeError);
  (x * 2).backward(values({10, 1}));
  CHECK(equal(x.grad(), values({20, 2})));
}

TEST_CASE("nothing to differentiate is a clear error") {
  const Variable<double> constant(values({1}));
  CHECK(thrown([&] { sum(constant).backward(); }) ==
        "backward: there is nothing to differentiate: no input of this value needs a gradient (make one with "
        "parameter(), or set_requires_grad(true))");
  const auto x = parameter(values({1})), unused = parameter(values({1}));
  CHECK(thrown([&] { grad(sum(x), unused); }) ==
        "grad: the outputs do not depend on an input of shape [1] (pass {.allow_unused = true} to get zeros)");
  CHECK(equal(grad(sum(x), unused, {.allow_unused = true}).value(), values({0})));
  CHECK(thrown([&] { grad(sum(x), constant); }) ==
        "grad: an input of shape [1] needs no gradient (set_requires_grad(true) before it is used)");
  CHECK(thrown([&] { x.grad(); }) ==
        "grad: there is no gradient; call backward() on a result that this value took part in");
}

TEST_CASE("grad leaves leaves alone and reaches values in the middle") {
  const auto x = parameter(values({2}));
  const auto middle = x * x;
  const auto y = sum(middle * middle);
  CHECK(grad(y, middle, {.retain_graph = true}).item() == 8.0);
  CHECK(grad(y, x).item() == 32.0);
  CHECK_FALSE(x.has_grad());
}

TEST_CASE("third derivatives come from create_graph") {
  const auto x = parameter(values({2}));
  const auto first = grad(sum(cube(x) * x), x, {.create_graph = true});
  const auto second = grad(sum(first), x, {.create_graph = true});
  CHECK(first.item() == 32.0);
  CHECK(second.item() == 48.0);
  CHECK(grad(sum(second), x).item() == 48.0);
}

TEST_CASE("hooks see and replace gradients, and are taken out by their handles") {
  const auto x = parameter(values({1, 2}));
  HookHandle handle = x.register_hook([](const Variable<double>& g) { return g * 10; });
  sum(x).backward();
  CHECK(equal(x.grad(), values({10, 10})));
  handle.remove();
  handle.remove();
  sum(x).backward();
  CHECK(equal(x.grad(), values({11, 11})));
  const auto y = x * 2;
  y.register_hook([](const Variable<double>&) { return Variable<double>(values({1})); });
  CHECK(thrown([&] { sum(y).backward(); }) == "backward: a hook on mul must return a gradient of shape [2]");
  CHECK(thrown([] { Variable<double>(values({1})).register_hook([](const Variable<double>& g) { return g; }); }) ==
        "register_hook: this value needs no gradient");
}

TEST_CASE("a hook may take itself out while it runs") {
  const auto x = parameter(values({1}));
  int calls = 0;
  HookHandle handle;
  handle = x.register_hook([&](const Variable<double>& g) {
    ++calls;
    handle.remove();
    return g;
  });
  sum(x).backward();
  sum(x).backward();
  CHECK(calls == 1);
}

TEST_CASE("a saved value that was changed in place is an error that names the operation") {
  const std::string message =
      "backward: a value that mul saved for its gradient was changed in place since; shape [2] (change a clone(), or "
      "do it after backward)";
  auto x = parameter(values({1, 2}));
  const auto y = sum(x * x);
  x.mutable_value().fill(3);
  CHECK(thrown([&] { y.backward(); }) == message);

  Tensor<double> factor = values({1, 2});
  const auto z = sum(x * factor);
  factor.slice(0, 1).fill(5);  // through a view
  CHECK(thrown([&] { z.backward(); }) == message);

  auto relu_out = relu(x);
  const auto r = sum(relu_out);
  relu_out.mutable_value().fill(-1);
  CHECK_FALSE(thrown([&] { r.backward(); }).empty());

  const auto harmless = sum(x + factor);  // an addition saves nothing
  factor.fill(7);
  harmless.backward();
  CHECK(equal(x.grad(), values({1, 1})));
}

TEST_CASE("a rule that returns the wrong number or shape of gradients is an error") {
  const auto x = parameter(values({1, 2}));
  const auto with_rule = [&](BackwardRule<double> rule) {
    return sum(record<double>("odd", x.value(), {x}, std::move(rule)));
  };
  CHECK(thrown([&] { with_rule([](const auto&) -> Gradients<double> { return {}; }).backward(); }) ==
        "backward: the rule of odd returned 0 gradients for 1 inputs");
  CHECK(thrown([&] {
          with_rule([](const auto&) -> Gradients<double> { return {Variable<double>(values({1}))}; }).backward();
        }) == "backward: the rule of odd returned a gradient of shape [1] for input 0 of shape [2]");
  const auto once = with_rule([](const auto& context) -> Gradients<double> {
    context.refuse_create_graph();
    return {context.grad()};
  });
  CHECK(thrown([&] { grad(once, x, {.create_graph = true}); }) == "grad: odd can't be differentiated twice");
}

TEST_CASE("frozen leaves, constants and detached values get no gradient") {
  auto x = parameter(values({2})), frozen = parameter(values({3}));
  const auto copy = frozen;
  frozen.set_requires_grad(false);
  CHECK_FALSE(copy.requires_grad());
  const auto y = x * frozen + x.detach() * 5;
  sum(y).backward();
  CHECK(x.grad()(0) == 3.0);
  CHECK_FALSE(frozen.has_grad());
  Variable<double> result = x * 2;
  CHECK(thrown([&] { result.set_requires_grad(false); }) ==
        "set_requires_grad: only leaves can be changed; this is the result of mul (detach() gives a constant)");
}

TEST_CASE("NoGrad and EnableGrad nest and end with their scope") {
  const auto x = parameter(values({2}));
  {
    const NoGrad off;
    CHECK_FALSE((x * x).requires_grad());
    {
      const EnableGrad on;
      CHECK((x * x).requires_grad());
    }
    CHECK_FALSE(grad_enabled());
    std::thread([] { CHECK(grad_enabled()); }).join();  // each thread has its own
  }
  CHECK((x * x).requires_grad());
  try {
    const NoGrad off;
    throw 1;
  } catch (int) {
  }
  CHECK(grad_enabled());
}

TEST_CASE("a chain of 200000 operations is walked and freed without a deep stack") {
  const auto x = parameter(Tensor<double>::scalar(1.0));
  Variable<double> y = x;
  for (int i = 0; i < 200000; ++i) y = y + x;
  y.backward();
  CHECK(x.grad().item() == 200001.0);
  Variable<double> unused = x;
  for (int i = 0; i < 200000; ++i) unused = -unused;
}

TEST_CASE("steps leave no memory behind and ask the system for nothing new") {
  random::Generator generator(1);
  auto weight = parameter(generator.normal<float>({64, 64}));
  const Tensor<float> input = generator.normal<float>({32, 64});
  const auto step = [&] {
    const auto y = relu(linear(input, weight));
    mean(y * y).backward();
    weight.zero_grad();
  };
  step();
  step();
  const auto before = memory::stats();
  memory::reset_peak();
  step();
  const std::size_t peak = memory::stats().peak;
  for (int i = 0; i < 20; ++i) step();
  const auto after = memory::stats();
  CHECK(after.live == before.live);
  CHECK(after.peak == peak);
  CHECK(after.system_allocations == before.system_allocations);
}

TEST_CASE("an unused graph and a pass of second order are freed too") {
  const auto x = parameter(values({1, 2}));
  const auto before = memory::stats().live;
  for (int i = 0; i < 5; ++i) {
    const auto y = sum(tanh(x) * exp(x));
    const auto g = grad(y, x, {.create_graph = true});
    grad(sum(g * g), x);
    const auto never_used = sigmoid(softplus(x)) * y;
  }
  CHECK(memory::stats().live == before);
}

TEST_CASE("several threads run one forward pass, and graphs of their own over shared leaves") {
  random::Generator generator(1);
  const auto weight = parameter(generator.normal<double>({8, 8}));
  const Tensor<double> input = generator.normal<double>({4, 8});
  const Tensor<double> expected = tanh(linear(input, weight)).value();
  const Tensor<double> expected_gradient = grad(sum(tanh(linear(input, weight))), weight).value();
  std::vector<int> right(4, 0);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < right.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const auto gradient = grad(sum(tanh(linear(input, weight))), weight);
        const NoGrad off;
        right[t] +=
            equal(tanh(linear(input, weight)).value(), expected) && equal(gradient.value(), expected_gradient) ? 1 : 0;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const int count : right) CHECK(count == 20);
}
