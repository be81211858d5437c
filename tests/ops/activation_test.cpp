/// Records of activation functions, and their values at kinks and far out.
#include "records.hpp"

#include <array>

#include <kashi/ops/activation.hpp>
#include <kashi/ops/reduce.hpp>

using namespace records;

namespace {

/// Some elements stand on kinks, where only the tests below look.
Tensor<double> any() {
  Tensor<double> x = normal({4, 9}, 3) * 2.5;
  const std::array<double, 4> kinks{0.0, 3.0, -3.0, 6.0};
  std::copy(kinks.begin(), kinks.end(), x.mutable_data());
  return x;
}

const bool registered = add(
    {.title = "Activations",
     .header = "activation.hpp",
     .operations = {
         {.signature = "relu(x)",
          .summary = "max(x, 0); the derivative at 0 is 0",
          .samples = {{"any", {any()}, [](const auto& x) { return relu(x[0]); }, {.kinks = {0}}},
                      {"large", {normal({70001})}, [](const auto& x) { return relu(x[0]); }, {}, false}}},
         {.signature = "add_relu(a, b)",
          .summary = "relu(a + b) in one pass",
          .samples =
              {{"any", {normal({3, 5}), normal({3, 5}, 2)}, [](const auto& x) { return add_relu(x[0], x[1]); }},
               {"broadcast", {normal({3, 5}), normal({5}, 2)}, [](const auto& x) { return add_relu(x[0], x[1]); }}}},
         {.signature = "leaky_relu(x, negative_slope = 0.01)",
          .summary = "x where positive, else negative_slope * x",
          .samples = {{"any", {any()}, [](const auto& x) { return leaky_relu(x[0], 0.2); }, {.kinks = {0}}}}},
         {.signature = "relu6(x)",
          .summary = "x held within [0, 6]",
          .samples = {{"any", {any()}, [](const auto& x) { return relu6(x[0]); }, {.kinks = {0, 6}}}}},
         {.signature = "elu(x, alpha = 1)",
          .summary = "x where positive, else alpha (e^x - 1)",
          .samples = {{"any", {any()}, [](const auto& x) { return elu(x[0], 0.7); }, {.kinks = {0}}}}},
         {.signature = "sigmoid(x)",
          .summary = "1 / (1 + e^-x)",
          .samples = {{"any", {any()}, [](const auto& x) { return sigmoid(x[0]); }}}},
         {.signature = "log_sigmoid(x)",
          .summary = "log(sigmoid(x)), exact far out",
          .samples = {{"any", {any()}, [](const auto& x) { return log_sigmoid(x[0]); }}}},
         {.signature = "tanh(x)",
          .summary = "hyperbolic tangent",
          .samples = {{"any", {any()}, [](const auto& x) { return tanh(x[0]); }}}},
         {.signature = "gelu(x, approximation = GeluApproximation::none)",
          .summary = "x times the normal distribution function of x, exact or by tanh",
          .samples = {{"exact", {any()}, [](const auto& x) { return gelu(x[0]); }},
                      {"tanh", {any()}, [](const auto& x) { return gelu(x[0], GeluApproximation::tanh); }}}},
         {.signature = "silu(x)",
          .summary = "x * sigmoid(x)",
          .samples = {{"any", {any()}, [](const auto& x) { return silu(x[0]); }}}},
         {.signature = "hard_sigmoid(x)",
          .summary = "relu6(x + 3) / 6",
          .samples = {{"any", {any()}, [](const auto& x) { return hard_sigmoid(x[0]); }, {.kinks = {-3, 3}}}}},
         {.signature = "hard_swish(x)",
          .summary = "x * relu6(x + 3) / 6",
          .samples = {{"any", {any()}, [](const auto& x) { return hard_swish(x[0]); }, {.kinks = {-3, 3}}}}},
         {.signature = "softplus(x, beta = 1, threshold = 20)",
          .summary = "log(1 + e^(beta x)) / beta; x where beta x is above the threshold",
          .samples = {{"any", {any()}, [](const auto& x) { return softplus(x[0]); }},
                      {"beta", {any()}, [](const auto& x) { return softplus(x[0], 2.5); }}},
          .errors =
              {{{{2}}, [](const auto& x) { return softplus(x[0], 0); }, "softplus: beta must be positive; got 0"}}},
     }});

template <class F>
double slope(F f, double at) {
  const auto x = parameter(Tensor<double>::scalar(at));
  return grad(f(x), x).item();
}

template <class F>
double value(F f, double at) {
  return f(Variable<double>(Tensor<double>::scalar(at))).item();
}

}  // namespace

TEST_CASE("derivatives at kinks are PyTorch's") {
  CHECK(slope([](const auto& x) { return relu(x); }, 0) == 0.0);
  CHECK(slope([](const auto& x) { return leaky_relu(x, 0.1); }, 0) == 0.1);
  CHECK(slope([](const auto& x) { return relu6(x); }, 0) == 0.0);
  CHECK(slope([](const auto& x) { return relu6(x); }, 6) == 0.0);
  CHECK(slope([](const auto& x) { return elu(x, 2); }, 0) == 2.0);
  CHECK(slope([](const auto& x) { return hard_sigmoid(x); }, 3) == 0.0);
}

TEST_CASE("activations far out neither overflow nor lose their sign") {
  for (const double far : {800.0, -800.0}) {
    CHECK(value([](const auto& x) { return sigmoid(x); }, far) == (far > 0 ? 1.0 : 0.0));
    CHECK(value([](const auto& x) { return silu(x); }, far) == (far > 0 ? far : 0.0));
    CHECK(value([](const auto& x) { return gelu(x); }, far) == (far > 0 ? far : 0.0));
    CHECK(value([](const auto& x) { return softplus(x); }, far) == (far > 0 ? far : 0.0));
    CHECK(value([](const auto& x) { return log_sigmoid(x); }, far) == (far > 0 ? 0.0 : far));
    CHECK(value([](const auto& x) { return elu(x); }, far) == (far > 0 ? far : -1.0));
    CHECK(std::isfinite(slope([](const auto& x) { return grad(sum(elu(x)), x, {.create_graph = true}); }, far)));
  }
}

TEST_CASE("NaN passes through activations") {
  const double nan = std::nan("");
  CHECK(std::isnan(value([](const auto& x) { return relu(x); }, nan)));
  CHECK(std::isnan(value([](const auto& x) { return relu6(x); }, nan)));
  CHECK(std::isnan(value([](const auto& x) { return hard_swish(x); }, nan)));
  CHECK(std::isnan(value([](const auto& x) { return gelu(x); }, nan)));
  // Its gradient goes on to where the NaN came from, as in PyTorch.
  CHECK(slope([](const auto& x) { return relu(x); }, nan) == 1.0);
}
