/// Integrated gradients and SmoothGrad where the answer is known.
#include <catch2/catch.hpp>

#include <kashi/explain/explain.hpp>

using namespace kashi;
using explain::PathRule;

namespace {

/// y = sum of w_i x_i^power over an image of six numbers, as one class.
nn::Sequential<double> power_net(int power, const Tensor<double>& weights) {
  return nn::Sequential<double>{nn::Lambda<double>([=](const Variable<double>& x) {
    Variable<double> y = x;
    for (int i = 1; i < power; ++i) y = y * x;
    return reshape(sum(y * weights, {1, 2, 3}), Shape{x.size(0), 1});
  })};
}

const Tensor<double> weights({1, 2, 3, 1}, {1, -2, 3, 0.5, -1, 2});
const Tensor<double> image({2, 3, 1}, {0.5, 1, -1, 2, 0.25, -0.5});
const Tensor<double> baseline({2, 3, 1}, {0.1, 0, 0.2, -1, 0, 0.3});

}  // namespace

TEST_CASE("Integrated gradients are exact for as high a power as their nodes allow") {
  const auto [power, steps, rule] = GENERATE(table<int, Index, PathRule>({{1, 1, PathRule::midpoint},
                                                                          {2, 1, PathRule::midpoint},
                                                                          {4, 2, PathRule::gauss_legendre},
                                                                          {6, 3, PathRule::gauss_legendre}}));
  auto net = power_net(power, weights);
  const auto out = explain::integrated_gradients(net, image, 0, baseline, {.steps = steps, .rule = rule, .batch = 2});
  for (Index i = 0; i < 6; ++i)
    CHECK(out.values.data()[i] ==
          Approx(weights.data()[i] * (std::pow(image.data()[i], power) - std::pow(baseline.data()[i], power)))
              .margin(1e-12));
  CHECK(out.completeness_error() < 1e-12);
  CHECK(sum(out.signed_map().raw).item() == Approx(out.score - out.baseline_score));
}

TEST_CASE("Too few steps show in the completeness error") {
  auto net = power_net(4, weights);
  CHECK(
      explain::integrated_gradients(net, image, 0, {}, {.steps = 1, .rule = PathRule::midpoint}).completeness_error() >
      0.05);
  CHECK_THROWS_WITH(explain::integrated_gradients(net, image, 0, Tensor<double>::zeros({1, 3, 1})),
                    Catch::Matchers::Contains("baseline"));
}

TEST_CASE("The nodes sum to one and lie inside") {
  const auto count = GENERATE(Index{1}, Index{2}, Index{7}, Index{50});
  double total = 0;
  for (const auto& node : explain::detail::gauss_legendre(count)) {
    total += node.weight;
    CHECK(node.place > 0);
    CHECK(node.place < 1);
  }
  CHECK(total == Approx(1).epsilon(1e-13));
}

TEST_CASE("SmoothGrad of a linear function is its gradient, of a quadratic one with noise in pairs too") {
  auto linear = power_net(1, weights), quadratic = power_net(2, weights);
  const auto a = explain::smooth_grad(linear, image, 0, {.samples = 3, .batch = 2});
  const auto b = explain::smooth_grad(quadratic, image, 0, {.samples = 4, .antithetic = true, .batch = 3});
  const auto plain = explain::input_gradient(quadratic, image, 0);
  for (Index i = 0; i < 6; ++i) {
    CHECK(a.values.data()[i] == Approx(weights.data()[i]).margin(1e-12));
    CHECK(b.values.data()[i] == Approx(2 * weights.data()[i] * image.data()[i]).margin(1e-12));
    CHECK(plain.values.data()[i] == Approx(2 * weights.data()[i] * image.data()[i]).margin(1e-12));
    CHECK(a.magnitude_map().raw.data()[i] == Approx(std::abs(weights.data()[i])).margin(1e-12));
  }
}
