/// grad_check passes right gradients and fails wrong ones, of both orders, and says where.
#include <catch2/catch.hpp>

#include <kashi/autograd/grad_check.hpp>
#include <kashi/ops/activation.hpp>
#include <kashi/ops/reduce.hpp>

using namespace kashi;

namespace {

Tensor<double> input(Index count) { return random::Generator(2).normal<double>({count}); }

/// x^3 with a derivative that is wrong by `factor` at one element, and a second derivative wrong by `second`.
Variable<double> wrong_cube(const Variable<double>& x, double factor, double second) {
  return record<double>("cube", map(x.value(), [](double v) { return v * v * v; }), {x},
                        [x = Saved(x), factor, second](const GradContext<double>& context) -> Gradients<double> {
                          const Variable<double> v = context.get(x);
                          Tensor<double> scale = Tensor<double>::full(v.shape(), 3.0);
                          scale.at(1) *= factor;
                          const Variable<double> g = context.grad() * v * v * scale;
                          // The same value, but a gradient that is off.
                          return {context.create_graph() ? g + (second - 1) * (g - g.detach()) : g};
                        });
}

}  // namespace

TEST_CASE("right gradients pass in both orders, by projections and in full") {
  for (const bool full : {false, true}) {
    const auto result = grad_check([](const auto& x, const auto& y) { return exp(x) * sin(y) / (y * y + 1); },
                                   {input(4), input(4) + 0.5}, {.order = 2, .full = full});
    INFO(result.to_string());
    CHECK(result);
    CHECK(result.worst < 1e-6);
    CHECK(result.compared > (full ? 30 : 10));
  }
}

TEST_CASE("a wrong first derivative fails and is found") {
  const auto result = grad_check([](const auto& x) { return wrong_cube(x, 1.001, 1); }, {input(6)});
  CHECK_FALSE(result);
  CHECK(result.where.find("order 1, input 0, element 1 ") != std::string::npos);
  CHECK(result.to_string().starts_with("grad_check: failed; worst relative error "));
}

TEST_CASE("a wrong second derivative fails only in the second order") {
  const auto function = [](const auto& x) { return wrong_cube(x, 1, 1.001); };
  CHECK(grad_check(function, {input(6)}));
  const auto result = grad_check(function, {input(6)}, {.order = 2});
  CHECK_FALSE(result);
  CHECK(result.where.starts_with("order 2"));
}

TEST_CASE("a gradient that differs under create_graph fails") {
  const auto function = [](const Variable<double>& x) {
    return record<double>("twice", x.value() * 2.0, {x}, [](const GradContext<double>& context) -> Gradients<double> {
      return {context.grad() * (context.create_graph() ? 3 : 2)};
    });
  };
  CHECK(grad_check(function, {input(3)}));
  CHECK_FALSE(grad_check(function, {input(3)}, {.order = 2}));
}

TEST_CASE("a NaN gradient fails") {
  CHECK_FALSE(grad_check([](const auto& x) { return sqrt(x * 0.0); }, {input(3)}));
}

TEST_CASE("a missing gradient fails") {
  CHECK_FALSE(grad_check([](const auto& x) { return x * x.detach(); }, {input(3)}));
}

TEST_CASE("elements at kinks are skipped and counted, by value or by position") {
  const Tensor<double> x({4}, {0, 1e-9, -2, 3});
  const auto function = [](const auto& v) { return relu(v); };
  CHECK_FALSE(grad_check(function, {x}));
  const auto by_value = grad_check(function, {x}, {.kinks = {0}});
  CHECK(by_value);
  CHECK(by_value.skipped == 2);
  const auto by_position =
      grad_check(function, {x}, {.full = true, .skip = [](std::size_t, Index element) { return element < 2; }});
  CHECK(by_position);
  CHECK(by_position.skipped == 2);
}

TEST_CASE("functions of a list of inputs, of rank 0 and of empty inputs are checked") {
  const auto total = [](const std::vector<Variable<double>>& x) { return sum(x[0]) * x[1] + sum(x[2]); };
  const auto result =
      grad_check(total, {input(3), Tensor<double>::scalar(2), Tensor<double>::zeros({0, 2})}, {.order = 2});
  INFO(result.to_string());
  CHECK(result);
}

TEST_CASE("require_gradients throws what grad_check found") {
  CHECK_NOTHROW(require_gradients([](const auto& x) { return square(x); }, {input(3)}, {.order = 2}));
  CHECK_THROWS_WITH(require_gradients([](const auto& x) { return wrong_cube(x, 2, 1); }, {input(3)}),
                    Catch::StartsWith("grad_check: failed"));
  CHECK_THROWS_WITH(grad_check([](const auto& x) { return x; }, {input(3)}, {.order = 3}),
                    "grad_check: order must be 1 or 2; got 3");
  CHECK_THROWS_WITH(grad_check([](const Variable<double>& x) { return x; }, {input(3), input(3)}),
                    "grad_check: the function takes 1 inputs; got 2");
}
