/// Attacks on linear models, where the smallest change is known, and the rules that every attack keeps.
#include <catch2/catch.hpp>

#include <kashi/explain/attack.hpp>
#include <kashi/nn/container.hpp>
#include <kashi/nn/linear.hpp>
#include <kashi/nn/shape.hpp>

using namespace kashi;
using explain::Norm;

namespace {

/// Logits (w.x + b, 0) of an image of six numbers: class 0 while w.x + b > 0.
struct LinearModel {
  Tensor<double> w{{6, 1}, {1, -2, 0.5, 3, -1, 0.25}};
  double b = 0.2;
  Variable<double> operator()(const Variable<double>& x) const {
    const Variable<double> score = matmul(reshape(x, Shape{x.size(0), 6}), Variable<double>(w)) + b;
    return concat({score, score * 0.0}, 1);
  }
  double margin(const Tensor<double>& x) const {
    double total = b;
    for (Index i = 0; i < 6; ++i) total += w.data()[i] * x.data()[i];
    return total;
  }
};

const Tensor<double> image({1, 2, 3, 1}, {0.5, 0.4, 0.6, 0.5, 0.45, 0.55});
const Tensor<Index> first({1}, {0});

double largest_change(const Tensor<double>& a, const Tensor<double>& b) {
  double largest = 0;
  for (Index i = 0; i < a.numel(); ++i) largest = std::max(largest, std::abs(a.data()[i] - b.data()[i]));
  return largest;
}

}  // namespace

TEST_CASE("On a linear model the smallest epsilon is the margin over the dual norm") {
  const LinearModel model;
  const double margin = model.margin(image);
  REQUIRE(margin > 0);
  double l1 = 0, l2 = 0;
  for (const double w : model.w.span()) l1 += std::abs(w), l2 += w * w;
  const auto linf =
      explain::smallest_epsilon<double>(model, image, first, {.step = 0.02, .largest = 0.5, .tolerance = 1e-7});
  CHECK(linf.found);
  CHECK(linf.epsilon == Approx(margin / l1).margin(2e-7));
  CHECK(linf.failed_below < margin / l1);
  const auto round = explain::smallest_epsilon<double>(
      model, image, first, {.norm = Norm::l2, .step = 0.1, .largest = 2, .tolerance = 1e-7});
  CHECK(round.epsilon == Approx(margin / std::sqrt(l2)).margin(2e-7));
  CHECK_FALSE(explain::smallest_epsilon<double>(model, image, first, {.step = 0.02, .largest = 0.04}).found);
  CHECK_FALSE(explain::is_classified<double>(
      model, explain::fgsm<double>(model, image, first, {.epsilon = linf.epsilon}), first)[0]);
}

TEST_CASE("A step of FGSM is exactly epsilon, against the label or towards it, and inside [0,1]") {
  const LinearModel model;
  const auto away = explain::fgsm<double>(model, image, first, {.epsilon = 0.1}),
             towards = explain::fgsm<double>(model, image, first, {.epsilon = 0.1, .targeted = true});
  for (Index i = 0; i < 6; ++i) {
    CHECK(away.data()[i] - image.data()[i] == Approx(model.w.data()[i] > 0 ? -0.1 : 0.1));
    CHECK(towards.data()[i] - image.data()[i] == Approx(model.w.data()[i] > 0 ? 0.1 : -0.1));
  }
  const auto far = explain::fgsm<double>(model, image, first, {.epsilon = 0.9});
  CHECK(min(far).item() == 0);
  CHECK(max(far).item() == 1);
  CHECK_THROWS_WITH(explain::fgsm<double>(model, image, Tensor<Index>({2}, {0, 0})),
                    Catch::Matchers::Contains("labels [N]"));
}

TEST_CASE("PGD with one step of epsilon and no random start is FGSM") {
  const LinearModel model;
  const auto norm = GENERATE(Norm::linf, Norm::l2);
  const auto one = explain::pgd<double>(
      model, image, first, {.epsilon = 0.05, .norm = norm, .steps = 1, .step_size = 0.05, .random_start = false});
  CHECK(largest_change(one, explain::fgsm<double>(model, image, first, {.epsilon = 0.05, .norm = norm})) < 1e-12);
}

TEST_CASE("PGD stays in its ball, is repeatable, and finds the linear optimum") {
  const LinearModel model;
  const auto moved = explain::pgd<double>(model, image, first, {.epsilon = 0.05});
  CHECK(largest_change(moved, image) <= 0.05 + 1e-7);
  CHECK(largest_change(moved, explain::pgd<double>(model, image, first, {.epsilon = 0.05})) == 0);
  CHECK(largest_change(moved, explain::fgsm<double>(model, image, first, {.epsilon = 0.05})) < 1e-12);
  const auto round = explain::pgd<double>(model, image, first, {.epsilon = 0.05, .norm = Norm::l2});
  CHECK(std::sqrt(explain::detail::squared_norm((round - image).data(), 6)) <= 0.05 + 1e-7);
}

TEST_CASE("An image's gradient does not depend on the others in the batch") {
  manual_seed(2);
  nn::Sequential<double> net{nn::Flatten<double>(), nn::Linear<double>({.in = 6, .out = 4})};
  const auto images = random::Generator(3).uniform<double>({3, 2, 3, 1});
  const Tensor<Index> labels({3}, {2, 0, 1});
  const auto together = explain::loss_gradient<double>(net, images, labels);
  const auto alone = explain::loss_gradient<double>(net, images.slice(1, 2), labels.slice(1, 2));
  CHECK(largest_change(together.slice(1, 2), alone) < 1e-12);
}

TEST_CASE("The attack's direction is the cross-entropy's gradient, also where the model is certain") {
  manual_seed(2);
  const nn::Linear<double> layer({.in = 6, .out = 4});
  const auto model = [&](double scale) {
    return [&layer, scale](const Variable<double>& x) { return layer(reshape(x, Shape{x.size(0), 6})) * scale; };
  };
  const auto images = random::Generator(3).uniform<double>({2, 2, 3, 1});
  const Tensor<Index> labels({2}, {2, 0});
  const auto loss = explain::loss_gradient<double>(model(1), images, labels),
             direction = explain::attack_direction<double>(model(1), images, labels);
  for (Index n = 0; n < 2; ++n) {
    const double ratio = loss(n, 0, 0, 0) / direction(n, 0, 0, 0);  // 1 - p
    CHECK((ratio > 0 && ratio < 1));
    CHECK(largest_change(loss[n], direction[n] * ratio) < 1e-12);
  }
  const auto seen = argmax(model(1)(Variable<double>(images)).value(), 1);
  const auto certain = explain::attack_direction<double>(model(1e4), images, seen);
  double size = 0;
  for (const double slope : certain.span()) size = std::max(size, std::abs(slope));
  CHECK(size > 1);
  CHECK_THROWS_WITH(explain::attack_direction<double>(model(1), images, Tensor<Index>({2}, {2, 4})),
                    Catch::Matchers::Contains("there is no class 4"));
}

TEST_CASE("Rounding to bytes keeps to the ball") {
  const Tensor<double> original({1, 1, 4, 1}, {10.0 / 255, 100.0 / 255, 0, 1});
  for (const double levels : {0.4, 1.0, 1.7, 8.0}) {
    Tensor<double> moved = original.clone();
    for (double& value : moved.mutable_span())
      value = std::clamp(value + levels / 255 * (value > 0.2 ? -1 : 1), 0.0, 1.0);
    const auto bytes = explain::as_bytes(moved, original, levels / 255);
    CHECK(largest_change(bytes, original) <= levels / 255 + 1e-7);
    CHECK(largest_change(bytes, original) * 255 == Approx(std::floor(levels)).margin(1e-6));
    for (const double value : bytes.span()) CHECK(value * 255 == Approx(std::round(value * 255)).margin(1e-9));
  }
}
