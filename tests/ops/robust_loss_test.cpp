/// Records of the losses for wrong targets and of the Lovasz hinge, with the values of the papers' formulas.
#include "records.hpp"

#include <kashi/ops/loss.hpp>

using namespace records;

namespace {

/// Hard targets 0 and 1 in the shape of x.
template <class V>
auto hard_like(const V& x) {
  return random::Generator(9).bernoulli<typename V::Scalar>(x.shape(), 0.4);
}

const bool registered = add(
    {.title = "Losses for wrong targets",
     .header = "loss.hpp",
     .operations = {
         {.signature = "generalized_cross_entropy(scores, targets, {.q = 0.7, .reduction = Reduction::mean})",
          .summary = "(1 - p_t^q) / q (Zhang and Sabuncu 2018)",
          .samples = {{"default",
                       {normal({3, 4})},
                       [](const auto& x) { return generalized_cross_entropy(x[0], hard_like(x[0])); }},
                      {"q 1, sum",
                       {normal({3, 4})},
                       [](const auto& x) {
                         return generalized_cross_entropy(x[0], hard_like(x[0]), {.q = 1, .reduction = Reduction::sum});
                       }}},
          .errors = {{{{4}, {3}},
                      [](const auto& x) { return generalized_cross_entropy(x[0], x[1]); },
                      "generalized_cross_entropy: scores [4] and targets [3] must have one shape"},
                     {{{4}, {4}},
                      [](const auto& x) { return generalized_cross_entropy(x[0], x[1], {.q = 0}); },
                      "generalized_cross_entropy: q must lie in (0, 1]; got 0"}}},
         {.signature = "symmetric_cross_entropy(scores, targets, {.alpha = 0.1, .beta = 1, .log_zero = -4, .reduction "
                       "= Reduction::mean})",
          .summary = "alpha (-log p_t) + beta (-log_zero) (1 - p_t) (Wang et al. 2019)",
          .samples = {{"default",
                       {normal({3, 4})},
                       [](const auto& x) { return symmetric_cross_entropy(x[0], hard_like(x[0])); }}},
          .errors = {{{{4}, {4}},
                      [](const auto& x) { return symmetric_cross_entropy(x[0], x[1], {.log_zero = 0}); },
                      "symmetric_cross_entropy: alpha and beta can't be negative, log_zero must be below 0; got 0.1, 1 "
                      "and 0"}}},
         {.signature = "bootstrap_loss(scores, targets, {.beta = 0.95, .hard = false, .reduction = Reduction::mean})",
          .summary =
              "cross entropy with the targets beta y + (1 - beta) p, or [p > 1/2] for p if hard (Reed et al. 2015)",
          .samples = {{"soft", {normal({3, 4})}, [](const auto& x) { return bootstrap_loss(x[0], hard_like(x[0])); }},
                      {"hard",
                       {normal({3, 4})},
                       [](const auto& x) {
                         return bootstrap_loss(x[0], hard_like(x[0]),
                                               {.beta = 0.8, .hard = true, .reduction = Reduction::none});
                       }}},
          .errors = {{{{4}, {4}},
                      [](const auto& x) { return bootstrap_loss(x[0], x[1], {.beta = 2}); },
                      "bootstrap_loss: beta must lie in [0, 1]; got 2"}}},
         {.signature = "lovasz_hinge(scores, targets, {.per_image = true, .reduction = Reduction::mean})",
          .summary = "sum relu(1 - z (2 y - 1)) dJ, a convex surrogate of 1 - IoU (Berman et al. 2018)",
          .samples =
              {{"by image", {normal({2, 3, 4, 1})}, [](const auto& x) { return lovasz_hinge(x[0], hard_like(x[0])); }},
               {"pooled",
                {normal({2, 3, 4, 1})},
                [](const auto& x) { return lovasz_hinge(x[0], hard_like(x[0]), {.per_image = false}); }}},
          .errors = {{{{4}, {3}},
                      [](const auto& x) { return lovasz_hinge(x[0], x[1].value()); },
                      "lovasz_hinge: scores [4] and targets [3] must have one shape"}}},
     }});

const Tensor<double> y({4}, {1, 0, 0, 1});

bool is(const Variable<double>& loss, double expected) { return std::abs(loss.item() - expected) < 1e-9; }

}  // namespace

TEST_CASE("losses for wrong targets have the values of their formulas") {
  const Variable<double> z(Tensor<double>({4}, {2, -1, 0.5, -3}));
  CHECK(is(generalized_cross_entropy(z, y), 0.592100836));
  CHECK(is(symmetric_cross_entropy(z, y), 2.074749152));
  CHECK(is(bootstrap_loss(z, y, {.beta = 0.8, .hard = true}), 0.940713509));
  CHECK(is(bootstrap_loss(z, y, {.beta = 0.8}), 0.982633270));
  CHECK(is(lovasz_hinge(z, y, {.per_image = false}), 2.25));
  CHECK(is(lovasz_hinge(reshape(z, {1, 4}), y.reshape({1, 4})), 2.25));
}

TEST_CASE("the Lovasz hinge of a sure right answer is 0, and of a sure wrong one the whole error") {
  const Tensor<double> mask({1, 4}, {1, 1, 0, 0});
  const Variable<double> right(Tensor<double>({1, 4}, {3, 5, -2, -9})), wrong(Tensor<double>({1, 4}, {-1, -1, 1, 1}));
  CHECK(lovasz_hinge(right, mask).item() == 0.0);
  // All errors are 2, and the weights add up to 1 - IoU = 1.
  CHECK(lovasz_hinge(wrong, mask).item() == Approx(2.0));
  CHECK(lovasz_hinge(Variable<double>(Tensor<double>({1, 2}, {-2, -3})), Tensor<double>::zeros({1, 2})).item() == 0.0);
}

TEST_CASE("losses for wrong targets are finite far out, and pull less there than cross entropy") {
  const auto slope = [](auto loss, float score) {
    const auto z = parameter(Tensor<float>({1}, {score}));
    loss(z, Tensor<float>({1}, {0})).backward();
    return z.grad()(0);
  };
  const auto gce = [](const auto& z, const auto& t) { return generalized_cross_entropy(z, t); };
  const auto sce = [](const auto& z, const auto& t) { return symmetric_cross_entropy(z, t); };
  const auto entropy = [](const auto& z, const auto& t) { return binary_cross_entropy_with_logits(z, t); };
  for (const float score : {6.0F, 200.0F}) {
    CHECK(slope(gce, score) >= 0.0F);
    CHECK(slope(gce, score) < 0.1F * slope(entropy, score));
    CHECK(slope(sce, score) < 0.2F * slope(entropy, score));
  }
}
