/// Records of normalisations, and the running statistics of batch norm.
#include "records.hpp"

#include <kashi/ops/norm.hpp>

using namespace records;

namespace {

Tensor<double> scale(Index channels) { return uniform({channels}, 0.5, 1.5, 7); }

/// The constant statistics of the evaluation samples, in either number type.
template <class V>
auto evaluated(const V& x) {
  using T = typename V::value_type::Scalar;
  const Tensor<T> mean({2}, {T(0.3), T(-0.2)}), variance({2}, {T(0.5), T(2)});
  return batch_norm(x[0], x[1], x[2], mean, variance);
}

/// batch_norm_relu, and batch_norm_add_relu with the residual as last input, with statistics of the batch or given
/// ones.
template <class V>
auto fused(const V& x, bool training) {
  using T = typename V::value_type::Scalar;
  const Index channels = x[0].size(-1);
  return batch_norm_relu(x[0], x[1], x[2], Tensor<T>::full({channels}, T(0.3)), Tensor<T>::full({channels}, T(2)),
                         {.training = training});
}
template <class V>
auto fused_sum(const V& x, bool training) {
  using T = typename V::value_type::Scalar;
  const Index channels = x[0].size(-1);
  return batch_norm_add_relu(x[0], x[3], x[1], x[2], Tensor<T>::full({channels}, T(0.3)),
                             Tensor<T>::full({channels}, T(2)), {.training = training});
}

const bool
    registered =
        add({.title = "Normalisation",
             .header = "norm.hpp",
             .operations =
                 {
                     {.signature = "batch_norm(x, weight, bias, running_mean, running_var, {.training = false, "
                                   ".momentum = 0.1, .eps = 1e-5})",
                      .summary = "one mean and variance for each channel of [N,C] or [N,...,C]; running statistics "
                                 "change in training",
                      .samples = {{"images, training",
                                   {normal({3, 2, 4, 2}), scale(2), normal({2}, 3)},
                                   [](const auto& x) { return batch_norm(x[0], x[1], x[2], {.training = true}); }},
                                  {"features, training",
                                   {normal({6, 3}), scale(3), normal({3}, 3)},
                                   [](const auto& x) {
                                     return batch_norm(x[0], x[1], x[2], {.training = true, .eps = 1e-3});
                                   }},
                                  {"no weight",
                                   {normal({6, 3})},
                                   [](const auto& x) {
                                     return batch_norm(x[0], std::decay_t<decltype(x[0])>(),
                                                       std::decay_t<decltype(x[0])>());
                                   }},
                                  {"evaluation",
                                   {normal({3, 2, 2, 2}), scale(2), normal({2}, 3)},
                                   [](const auto& x) { return evaluated(x); }},
                                  {"large",
                                   {normal({6, 30, 31, 13}), scale(13), normal({13}, 3)},
                                   [](const auto& x) { return batch_norm(x[0], x[1], x[2], {.training = true}); },
                                   {},
                                   false}},
                      .errors = {{{{1, 3}, {3}, {3}},
                                  [](const auto& x) { return batch_norm(x[0], x[1], x[2], {.training = true}); },
                                  "batch_norm: more than one value per channel is needed in training; input [1,3]"},
                                 {{{2, 3}, {2}, {3}},
                                  [](const auto& x) { return batch_norm(x[0], x[1], x[2], {.training = true}); },
                                  "batch_norm: the weight must have shape [3]; got [2], input [2,3]"},
                                 {{{2, 3}, {3}, {1}},
                                  [](const auto& x) { return batch_norm(x[0], x[1], x[2], {.training = true}); },
                                  "batch_norm: the bias must have shape [3]; got [1], input [2,3]"},
                                 {{{2, 3}, {3}, {3}},
                                  [](const auto& x) { return evaluated(x); },
                                  "batch_norm: the running mean must have shape [3]; got [2], input [2,3]"},
                                 {{{3}, {3}, {3}},
                                  [](const auto& x) { return batch_norm(x[0], x[1], x[2]); },
                                  "batch_norm: the input must be [N,C] or [N,...,C]; got [3]"}}},
                     {.signature = "batch_norm_relu(x, weight, bias, running_mean, running_var, {...})",
                      .summary = "relu(batch_norm(x, ...)), forward and backward in one pass",
                      .samples = {{"training",
                                   {normal({3, 2, 4, 2}), scale(2), normal({2}, 3)},
                                   [](const auto& x) { return fused(x, true); }},
                                  {"evaluation",
                                   {normal({3, 2, 2, 2}), scale(2), normal({2}, 3)},
                                   [](const auto& x) { return fused(x, false); }},
                                  {"large",
                                   {normal({6, 30, 31, 13}), scale(13), normal({13}, 3)},
                                   [](const auto& x) { return fused(x, true); },
                                   {},
                                   false}},
                      .errors = {{{{2, 3}, {2}, {3}},
                                  [](const auto& x) { return fused(x, true); },
                                  "batch_norm_relu: the weight must have shape [3]; got [2], input [2,3]"}}},
                     {.signature = "batch_norm_add_relu(x, residual, weight, bias, running_mean, running_var, {...})",
                      .summary = "relu(batch_norm(x, ...) + residual), the end of a residual block, in one pass",
                      .samples = {{"training",
                                   {normal({3, 2, 4, 2}), scale(2), normal({2}, 3), normal({3, 2, 4, 2}, 4)},
                                   [](const auto& x) { return fused_sum(x, true); }},
                                  {"evaluation",
                                   {normal({3, 2, 2, 2}), scale(2), normal({2}, 3), normal({3, 2, 2, 2}, 4)},
                                   [](const auto& x) { return fused_sum(x, false); }}},
                      .errors = {{{{2, 3}, {3}, {3}, {1, 3}},
                                  [](const auto& x) { return fused_sum(x, true); },
                                  "batch_norm_add_relu: the residual must have the input's shape; input [2,3], "
                                  "residual [1,3]"}}},
                     {.signature = "layer_norm(x, normalized_shape, weight, bias, eps = 1e-5)",
                      .summary = "one mean and variance over the last axes, whose sizes are given",
                      .samples = {{"last axis",
                                   {normal({3, 4, 9}), scale(9), normal({9}, 3)},
                                   [](const auto& x) { return layer_norm(x[0], {9}, x[1], x[2]); }},
                                  {"three axes",
                                   {normal({2, 2, 3, 2}), scale(12).reshape({2, 3, 2})},
                                   [](const auto& x) {
                                     return layer_norm(x[0], {2, 3, 2}, x[1], std::decay_t<decltype(x[0])>());
                                   }},
                                  {"large",
                                   {normal({300, 201}), scale(201), normal({201}, 3)},
                                   [](const auto& x) { return layer_norm(x[0], {201}, x[1], x[2]); },
                                   {},
                                   false}},
                      .errors = {{{{3, 4}, {3}, {3}},
                                  [](const auto& x) { return layer_norm(x[0], {3}, x[1], x[2]); },
                                  "layer_norm: the input's last axes must be [3]; input [3,4]"},
                                 {{{3, 4}, {1}, {4}},
                                  [](const auto& x) { return layer_norm(x[0], {4}, x[1], x[2]); },
                                  "layer_norm: the weight must have shape [4]; got [1]"}}},
                     {.signature = "group_norm(x, groups, weight, bias, eps = 1e-5)",
                      .summary = "one mean and variance for each image and group of channels",
                      .samples = {{"two groups",
                                   {normal({2, 3, 2, 6}), scale(6), normal({6}, 3)},
                                   [](const auto& x) { return group_norm(x[0], 2, x[1], x[2]); }},
                                  {"features",
                                   {normal({3, 8}), scale(8), normal({8}, 3)},
                                   [](const auto& x) { return group_norm(x[0], 2, x[1], x[2]); }},
                                  {"large",
                                   {normal({3, 40, 41, 24}), scale(24), normal({24}, 3)},
                                   [](const auto& x) { return group_norm(x[0], 4, x[1], x[2]); },
                                   {},
                                   false}},
                      .errors = {{{{2, 3, 3, 6}, {6}, {6}},
                                  [](const auto& x) { return group_norm(x[0], 4, x[1], x[2]); },
                                  "group_norm: channels 6 not divisible by groups 4; input [2,3,3,6]"}}},
                     {.signature = "instance_norm(x, weight, bias, eps = 1e-5)",
                      .summary = "one mean and variance for each image and channel",
                      .samples = {{"images",
                                   {normal({2, 3, 2, 3}), scale(3), normal({3}, 3)},
                                   [](const auto& x) { return instance_norm(x[0], x[1], x[2]); }}},
                      .errors = {{{{2, 1, 1, 6}, {6}, {6}},
                                  [](const auto& x) { return instance_norm(x[0], x[1], x[2]); },
                                  "instance_norm: more than one pixel is needed; input [2,1,1,6]"}}},
                 }});

}  // namespace

TEST_CASE("running statistics move by the momentum, the variance unbiased") {
  const Variable<double> x(Tensor<double>({4, 1}, {1, 2, 3, 6})), none;
  Tensor<double> mean({1}, {10}), variance({1}, {1});
  batch_norm(x, none, none, mean, variance, {.training = true, .momentum = 0.25});
  CHECK(mean(0) == Approx(0.75 * 10 + 0.25 * 3).epsilon(1e-14));
  CHECK(variance(0) == Approx(0.75 + 0.25 * 14.0 / 3.0).epsilon(1e-14));
  const Tensor<double> before = mean.clone();
  batch_norm(x, none, none, mean, variance);
  CHECK(equal(mean, before));
}

TEST_CASE("an error leaves the running statistics as they were") {
  Tensor<double> mean = Tensor<double>::zeros({3}), variance = Tensor<double>::ones({3});
  const Variable<double> x(normal({2, 3})), wrong(Tensor<double>::ones({2})), none;
  CHECK_THROWS_AS(batch_norm(x, wrong, none, mean, variance, {.training = true}), ShapeError);
  CHECK(equal(mean, Tensor<double>::zeros({3})));
}

TEST_CASE("a batch far from zero is normalised without losing digits") {
  const Variable<float> x((normal({64, 3}) + 10000.0).to<float>()), none;
  const Tensor<float> y = batch_norm(x, none, none).value();
  CHECK(allclose(mean(y, {0}), Tensor<float>::zeros({3}), 0, 1e-3));
  CHECK(allclose(mean(y * y, {0}), Tensor<float>::ones({3}), 1e-3, 0));
}

TEST_CASE("evaluation gradients do not change when the running statistics do later") {
  const auto x = parameter(normal({4, 2}));
  const Variable<double> none;
  Tensor<double> mean = Tensor<double>::zeros({2}), variance = Tensor<double>::full({2}, 4.0);
  const auto y = batch_norm(x, none, none, mean, variance);
  variance.fill(100.0);
  sum(y).backward();
  CHECK(allclose(x.grad(), Tensor<double>::full({4, 2}, 0.5), 1e-5));
}

TEST_CASE("fused norms give what single operations give, and the same gradients") {
  const auto x = parameter(records::normal({4, 5, 3, 6})), residual = parameter(records::normal({4, 5, 3, 6}, 2));
  const auto weight = parameter(records::normal({6}, 3)), bias = parameter(records::normal({6}, 4));
  const std::vector<Variable<double>> inputs{x, residual, weight, bias};
  const auto result = [&](bool fuses) {
    Tensor<double> mean = Tensor<double>::zeros({6}), variance = Tensor<double>::ones({6});
    const BatchNormOptions options{.training = true};
    const auto y = fuses ? batch_norm_add_relu(x, residual, weight, bias, mean, variance, options)
                         : relu(batch_norm(x, weight, bias, mean, variance, options) + residual);
    std::vector<Tensor<double>> out{y.value(), mean, variance};
    for (const auto& gradient : grad({sum(square(y))}, inputs)) out.push_back(gradient.value());
    return out;
  };
  const auto fused_results = result(true), expected = result(false);
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(allclose(fused_results[i], expected[i], 1e-12, 1e-12));
}

TEST_CASE("gradients are written over gradients only where nobody else holds them") {
  const auto x = parameter(records::normal({3, 4})), weight = parameter(records::normal({4}, 2));
  const Tensor<double> given = records::normal({3, 4}, 3), copy = given.clone();
  Tensor<double> seen;
  const auto y = batch_norm_relu(x, weight, weight, Tensor<double>(), Tensor<double>());
  y.register_hook([&](const Variable<double>& gradient) { return seen = gradient.value(), gradient; });
  const auto z = add_relu(y, y);
  z.backward(given, {.retain_graph = true});
  const Tensor<double> first = x.grad().clone();
  CHECK(equal(given, copy));
  const Tensor<double> hooked = seen.clone();
  Variable<double>(x).zero_grad();
  z.backward(given);
  CHECK(equal(x.grad(), first));
  CHECK(equal(seen, hooked));
}
