/// Records of losses, with the values of the papers' formulas.
#include "records.hpp"

#include <kashi/ops/loss.hpp>

using namespace records;

namespace {

const Tensor<Index> four = labels({4}, 3), pixels = labels({2, 2, 3}, 4), with_ignored({4}, {2, -100, 0, 1});

/// Hard targets 0 and 1 of any shape, and soft ones.
template <class T>
Tensor<T> hard(const Shape& shape) {
  return random::Generator(9).bernoulli<T>(shape, 0.4);
}
template <class V>
auto hard_like(const V& x) {
  return hard<typename V::Scalar>(x.shape());
}

const bool registered = add(
    {.title = "Losses",
     .header = "loss.hpp",
     .operations = {
         {.signature = "cross_entropy(logits, labels, {.weight = {}, .ignore_index = -100, .reduction = Reduction::mean, .label_smoothing = 0})",
          .summary = "-log softmax(logits)[label] of logits [...,C] and labels [...]",
          .samples = {{"plain", {normal({4, 3})}, [](const auto& x) { return cross_entropy(x[0], four); }},
                      {"all options", {normal({4, 3})}, [](const auto& x) { return cross_entropy(x[0], with_ignored, {.weight = {0.5, 2, 1}, .label_smoothing = 0.1}); }},
                      {"pixels, no reduction", {normal({2, 2, 3, 4})}, [](const auto& x) { return cross_entropy(x[0], pixels, {.reduction = Reduction::none}); }},
                      {"sum", {normal({4, 3})}, [](const auto& x) { return cross_entropy(x[0], with_ignored, {.reduction = Reduction::sum}); }},
                      {"large", {normal({3000, 13})}, [](const auto& x) { return cross_entropy(x[0], labels({3000}, 13), {.label_smoothing = 0.1}); }, {}, false}},
          .errors = {{{{4, 2}}, [](const auto& x) { return cross_entropy(x[0], four); }, "cross_entropy: label 2 at position 2 is not in 0..1"},
                     {{{5, 3}}, [](const auto& x) { return cross_entropy(x[0], four); }, "cross_entropy: the labels must have shape [5]; got [4], scores [5,3]"},
                     {{{4, 3}}, [](const auto& x) { return cross_entropy(x[0], four, {.weight = {1, 2}}); }, "cross_entropy: 2 class weights for 3 classes"},
                     {{{4, 3}}, [](const auto& x) { return cross_entropy(x[0], four, {.label_smoothing = 1.5}); }, "cross_entropy: label smoothing must lie in [0, 1]; got 1.5"}}},
         {.signature = "cross_entropy(logits, probabilities, options)",
          .summary = "the same with class probabilities [...,C]",
          .samples = {{"both differentiable", {normal({4, 3}), uniform({4, 3}, 0, 1)}, [](const auto& x) { return cross_entropy(x[0], x[1], {.weight = {0.5, 2, 1}, .label_smoothing = 0.2}); }},
                      {"fixed targets", {normal({4, 3})}, [](const auto& x) { return cross_entropy(x[0], softmax(hard_like(x[0])).value(), {.weight = {0.5, 2, 1}, .reduction = Reduction::none, .label_smoothing = 0.2}); }}},
          .errors = {{{{4, 3}, {4, 2}}, [](const auto& x) { return cross_entropy(x[0], x[1]); }, "cross_entropy: the probabilities must have the scores' shape; scores [4,3], probabilities [4,2]"}}},
         {.signature = "nll_loss(log_probabilities, labels, {.weight = {}, .ignore_index = -100, .reduction = Reduction::mean})",
          .summary = "-x[label] of log-probabilities [...,C]",
          .samples = {{"weighted", {normal({4, 3})}, [](const auto& x) { return nll_loss(x[0], with_ignored, {.weight = {0.5, 2, 1}}); }}},
          .errors = {{{{4, 2}}, [](const auto& x) { return nll_loss(x[0], four); }, "nll_loss: label 2 at position 2 is not in 0..1"}}},
         {.signature = "binary_cross_entropy_with_logits(scores, targets, {.weight = {}, .reduction = Reduction::mean, .pos_weight = {}})",
          .summary = "-w [q y log p + (1 - y) log(1 - p)], p = sigmoid(score), weight w, pos_weight q",
          .samples = {{"hard targets", {normal({3, 4})}, [](const auto& x) { return binary_cross_entropy_with_logits(x[0], hard_like(x[0])); }},
                      {"pos_weight by channel", {normal({3, 4})}, [](const auto& x) { return binary_cross_entropy_with_logits(x[0], hard_like(x[0]), {.reduction = Reduction::none, .pos_weight = {1, 2, 3, 0.5}}); }},
                      {"weight, differentiable targets", {normal({3, 4}), uniform({3, 4}, 0, 1)}, [](const auto& x) { return binary_cross_entropy_with_logits(x[0], x[1], {.weight = hard_like(x[0]) + 0.5, .pos_weight = {3}}); }},
                      {"large", {normal({9000, 3})}, [](const auto& x) { return binary_cross_entropy_with_logits(x[0], hard_like(x[0])); }, {}, false}},
          .errors = {{{{4, 3}, {4}}, [](const auto& x) { return binary_cross_entropy_with_logits(x[0], x[1]); }, "binary_cross_entropy_with_logits: scores [4,3] and targets [4] must have one shape"},
                     {{{4, 3}, {4, 3}}, [](const auto& x) { return binary_cross_entropy_with_logits(x[0], x[1], {.pos_weight = {1, 2}}); }, "binary_cross_entropy_with_logits: pos_weight needs one number or 3; got 2"}}},
         {.signature = "focal_loss(scores, targets, {.alpha = 0.25, .gamma = 2, .reduction = Reduction::mean})",
          .summary = "-a_t (1 - p_t)^gamma log p_t (Lin et al. 2017)",
          .samples = {{"default", {normal({3, 4})}, [](const auto& x) { return focal_loss(x[0], hard_like(x[0])); }},
                      {"no alpha, gamma 0.5", {normal({3, 4})}, [](const auto& x) { return focal_loss(x[0], hard_like(x[0]), {.alpha = -1, .gamma = 0.5, .reduction = Reduction::sum}); }}},
          .errors = {{{{4}, {3}}, [](const auto& x) { return focal_loss(x[0], x[1]); }, "focal_loss: scores [4] and targets [3] must have one shape"},
                     {{{4}, {4}}, [](const auto& x) { return focal_loss(x[0], x[1], {.gamma = -1}); }, "focal_loss: gamma can't be negative; got -1"}}},
         {.signature = "dice_loss(scores, targets, {.smooth = 1, .squared = false, .per_image = false, .per_channel = false, .reduction = Reduction::mean})",
          .summary = "1 - (2 sum(p y) + smooth) / (sum(p) + sum(y) + smooth)",
          .samples = {{"pooled", {normal({2, 3, 4, 2})}, [](const auto& x) { return dice_loss(x[0], hard_like(x[0])); }},
                      {"squared, by image and channel", {normal({2, 3, 4, 2})}, [](const auto& x) { return dice_loss(x[0], hard_like(x[0]), {.squared = true, .per_image = true, .per_channel = true}); }}},
          .errors = {{{{4}, {3}}, [](const auto& x) { return dice_loss(x[0], x[1]); }, "dice_loss: scores [4] and targets [3] must have one shape"}}},
         {.signature = "tversky_loss(scores, targets, {.fp_weight = 0.3, .fn_weight = 0.7, .smooth = 1, .power = 1, .per_image = false, .per_channel = false, .reduction = Reduction::mean})",
          .summary = "(1 - (TP + smooth) / (TP + fp_weight FP + fn_weight FN + smooth))^power",
          .samples = {{"pooled", {normal({2, 3, 4, 2})}, [](const auto& x) { return tversky_loss(x[0], hard_like(x[0])); }},
                      {"focal, by image", {normal({2, 3, 4, 2})}, [](const auto& x) { return tversky_loss(x[0], hard_like(x[0]), {.power = 0.75, .per_image = true}); }}},
          .errors = {{{{4}, {4}}, [](const auto& x) { return tversky_loss(x[0], x[1], {.fp_weight = -1}); }, "tversky_loss: weights can't be negative; got -1 and 0.7"}}},
         {.signature = "mse_loss(x, target, reduction = Reduction::mean)",
          .summary = "(x - target)^2",
          .samples = {{"mean", {normal({3, 4}), normal({3, 4}, 2)}, [](const auto& x) { return mse_loss(x[0], x[1]); }}},
          .errors = {{{{4, 1}, {4}}, [](const auto& x) { return mse_loss(x[0], x[1]); }, "mse_loss: input [4,1] and target [4] must have one shape"}}},
         {.signature = "l1_loss(x, target, reduction = Reduction::mean)",
          .summary = "|x - target|",
          .samples = {{"sum", {normal({3, 4}), normal({3, 4}, 2)}, [](const auto& x) { return l1_loss(x[0], x[1], Reduction::sum); }}},
          .errors = {{{{4, 1}, {4}}, [](const auto& x) { return l1_loss(x[0], x[1]); }, "l1_loss: input [4,1] and target [4] must have one shape"}}},
         {.signature = "huber_loss(x, target, reduction = Reduction::mean, delta = 1)",
          .summary = "d^2 / 2 for |d| < delta, else delta (|d| - delta / 2)",
          .samples = {{"none", {normal({3, 4}) * 2.0, normal({3, 4}, 2)}, [](const auto& x) { return huber_loss(x[0], x[1], Reduction::none, 1.3); }}},
          .errors = {{{{4}, {4}}, [](const auto& x) { return huber_loss(x[0], x[1], Reduction::mean, 0); }, "huber_loss: delta must be positive; got 0"}}},
         {.signature = "smooth_l1_loss(x, target, reduction = Reduction::mean, beta = 1)",
          .summary = "the Huber loss divided by beta",
          .samples = {{"mean", {normal({3, 4}) * 2.0, normal({3, 4}, 2)}, [](const auto& x) { return smooth_l1_loss(x[0], x[1], Reduction::mean, 0.6); }},
                      {"beta 0", {normal({3, 4}), normal({3, 4}, 2)}, [](const auto& x) { return smooth_l1_loss(x[0], x[1], Reduction::mean, 0); }}},
          .errors = {{{{4}, {4}}, [](const auto& x) { return smooth_l1_loss(x[0], x[1], Reduction::mean, -1); }, "smooth_l1_loss: beta can't be negative; got -1"}}},
     }});

}  // namespace

TEST_CASE("losses of binary scores have the values of their formulas") {
  const Variable<double> z(Tensor<double>({4}, {2, -1, 0.5, -3}));
  const Tensor<double> y({4}, {1, 0, 0, 1});
  const auto is = [](const Variable<double>& loss, double expected) { return std::abs(loss.item() - expected) < 1e-9; };
  CHECK(is(binary_cross_entropy_with_logits(z, y), 1.115713509));
  CHECK(is(binary_cross_entropy_with_logits(z, y, {.pos_weight = {3}}), 2.703471190));
  CHECK(is(focal_loss(z, y), 0.248018311));
  CHECK(is(focal_loss(z, y, {.alpha = 0.5, .gamma = 0}), 1.115713509 / 2));
  CHECK(is(dice_loss(z, y), 0.407330099));
  CHECK(is(dice_loss(z, y, {.squared = true}), 0.325966205));
  CHECK(is(tversky_loss(z, y), 0.345452532));
  CHECK(is(tversky_loss(z, y, {.fp_weight = 0.5, .fn_weight = 0.5, .smooth = 0.5}),
           1 - (1 - dice_loss(z, y, {.smooth = 1}).item())));
  CHECK(is(tversky_loss(z, y, {.power = 0.75}), 0.450600101));
}

TEST_CASE("losses of scores far out are finite or exact") {
  const auto z = parameter(Tensor<float>({2}, {200, -200}));
  const Tensor<float> right({2}, {1, 0}), wrong({2}, {0, 1});
  CHECK(binary_cross_entropy_with_logits(z, right).item() == 0.0F);
  CHECK(binary_cross_entropy_with_logits(z, wrong).item() == 200.0F);
  const auto loss = focal_loss(z, right, {.gamma = 0.5});
  loss.backward();
  CHECK(equal(z.grad(), Tensor<float>::zeros({2})));
}

TEST_CASE("the mean of cross entropy divides by the weights of the labels, over no rows at all by zero") {
  const auto x = parameter(Tensor<double>::zeros({2, 3}));
  const Tensor<Index> y({2}, {0, 2});
  CHECK(cross_entropy(x, y, {.weight = {1, 1, 3}}).item() == Approx(std::log(3.0)).epsilon(1e-14));
  CHECK(std::isnan(cross_entropy(x, Tensor<Index>({2}, {-100, -100})).item()));
  CHECK(cross_entropy(x, Tensor<Index>({2}, {-100, -100}), {.reduction = Reduction::sum}).item() == 0.0);
}

TEST_CASE("an ignored row gets no gradient even where its scores are infinite") {
  const double infinity = std::numeric_limits<double>::infinity();
  const auto x = parameter(Tensor<double>({2, 2}, {0, 0, infinity, -infinity}));
  cross_entropy(x, Tensor<Index>({2}, {0, -100})).backward();
  CHECK(equal(x.grad(), Tensor<double>({2, 2}, {-0.5, 0.5, 0, 0})));
}
