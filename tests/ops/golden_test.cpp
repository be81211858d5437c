/// Operations against the values of PyTorch, forward and backward; tests/golden/make_golden_ops.py made them.
#include "records.hpp"

#include "golden/golden.hpp"

#include <kashi/ops/conv.hpp>
#include <kashi/ops/dropout.hpp>
#include <kashi/ops/index.hpp>
#include <kashi/ops/linear.hpp>
#include <kashi/ops/loss.hpp>
#include <kashi/ops/norm.hpp>
#include <kashi/ops/pool.hpp>
#include <kashi/ops/resize.hpp>

using records::Call;
using records::labels;
using namespace kashi;

namespace {

/// The script's inputs; the gradient of the output has k = 49.
Tensor<double> numbers(const Shape& shape, Index k, double scale = 1.0) {
  return map(Tensor<double>::arange(shape.numel()), [=](double position) {
           const Index i = static_cast<Index>(position);
           return static_cast<double>((7 * i * i + 37 * i + 11 * (k + 1)) % 101 - 50) / 64.0 * scale;
         }).reshape(shape);
}

struct Case {
  std::string name;
  std::vector<Shape> inputs;
  Call call;
  double scale = 1.0;
};

/// The largest difference from a stored line, as a share of the line's largest number.
template <class T>
double error(const std::string& name, const Tensor<T>& found) {
  const std::vector<double>& expected = golden_line("ops.txt", name);
  INFO(name << ": shape " << found.shape());
  REQUIRE(static_cast<Index>(expected.size()) == found.numel());
  double largest = 1e-30, worst = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    worst = std::max(worst, std::abs(expected[i] - static_cast<double>(found.data()[i])));
  }
  return worst / largest;
}

template <class T>
void check(const Case& golden, const records::Forward<T>& forward, double tolerance) {
  std::vector<Variable<T>> inputs;
  for (std::size_t k = 0; k < golden.inputs.size(); ++k)
    inputs.push_back(parameter(numbers(golden.inputs[k], static_cast<Index>(k), golden.scale).template to<T>()));
  const Variable<T> y = forward(inputs);
  INFO(golden.name << ", tolerance " << tolerance);
  CHECK(error(golden.name + "/y", y.value()) <= tolerance);
  const auto gradients = grad<T>({y}, inputs, {.allow_unused = true}, {numbers(y.shape(), 49).template to<T>()});
  for (std::size_t k = 0; k < inputs.size(); ++k) CHECK(error(text(golden.name, "/", k), gradients[k].value()) <= tolerance);
}

void check_all(const std::vector<Case>& cases) {
  for (const Case& golden : cases) {
    check<double>(golden, golden.call.as_double, 1e-9);
    check<float>(golden, golden.call.as_float, 1e-5);
  }
}

/// Zero gradients where the forward pass rounds.
template <class V>
V rounded(const V& x) {
  using T = typename V::Scalar;
  return elementwise<T>("round", x, [](T v) { return std::nearbyint(v); }, [](const V& v) { return Tensor<T>::zeros(v.shape()); });
}
template <class V>
V none(const V&) {
  return {};
}
template <class V>
auto constant(const V&, const Tensor<double>& x) {
  return x.to<typename V::Scalar>();
}

const std::vector<double> weight{0.5, 2.0, 1.0, 3.0};

Tensor<Index> with_ignored() {
  Tensor<Index> out = labels({6}, 4);
  out.at(2) = -100;
  return out;
}
Tensor<double> target() { return (numbers({5, 4}, 30) > 0.0).to<double>(); }

}  // namespace

TEST_CASE("convolutions agree with PyTorch") {
  check_all({
      {"conv", {{2, 5, 6, 3}, {4, 3, 3, 3}, {4}}, [](const auto& x) { return conv2d(x[0], x[1], x[2]); }},
      {"conv_stride", {{2, 7, 8, 3}, {2, 3, 2, 3}, {2}}, [](const auto& x) { return conv2d(x[0], x[1], x[2], {.stride = {2, 3}, .padding = {1, 2}}); }},
      {"conv_dilation", {{1, 7, 9, 2}, {3, 3, 3, 2}}, [](const auto& x) { return conv2d(x[0], x[1], {.padding = 2, .dilation = {2, 3}}); }},
      {"conv_groups", {{2, 5, 5, 4}, {6, 3, 3, 2}, {6}}, [](const auto& x) { return conv2d(x[0], x[1], x[2], {.padding = 1, .groups = 2}); }},
      {"conv_depthwise", {{1, 6, 7, 4}, {8, 5, 5, 1}}, [](const auto& x) { return conv2d(x[0], x[1], {.stride = 2, .padding = 2, .groups = 4}); }},
      {"conv_same", {{1, 5, 6, 2}, {2, 2, 4, 2}}, [](const auto& x) { return conv2d(x[0], x[1], {.padding = kernels::same, .dilation = {1, 2}}); }},
      {"conv_sides", {{1, 5, 6, 2}, {2, 3, 3, 2}}, [](const auto& x) { return conv2d(x[0], x[1], {.stride = 2, .padding = {1, 0, 3, 2}}); }},
      {"transpose", {{2, 3, 4, 3}, {3, 2, 2, 2}, {2}}, [](const auto& x) { return conv_transpose2d(x[0], x[1], x[2], {.stride = 2}); }},
      {"transpose_all", {{1, 3, 4, 4}, {4, 3, 2, 3}}, [](const auto& x) { return conv_transpose2d(x[0], x[1], {.stride = {3, 2}, .padding = {1, 0}, .output_padding = {2, 1}, .groups = 2, .dilation = {1, 2}}); }},
      {"linear", {{3, 5}, {4, 5}, {4}}, [](const auto& x) { return linear(x[0], x[1], x[2]); }},
  });
}

TEST_CASE("pooling agrees with PyTorch, with equal numbers in a window too") {
  check_all({
      {"max_pool", {{2, 4, 6, 3}}, [](const auto& x) { return max_pool2d(x[0]); }},
      {"max_pool_overlap", {{1, 7, 8, 2}}, [](const auto& x) { return max_pool2d(x[0], {.kernel = 3, .stride = 2, .padding = 1}); }},
      {"max_pool_ties", {{1, 5, 6, 2}}, [](const auto& x) { return max_pool2d(rounded(x[0]), {.kernel = 3, .stride = 1, .padding = 1}); }, 2.0},
      {"max_pool_ceil", {{1, 6, 8, 2}}, [](const auto& x) { return max_pool2d(x[0], {.kernel = {3, 2}, .stride = {2, 3}, .padding = {1, 0}, .ceil_mode = true}); }},
      {"max_pool_dilation", {{1, 7, 8, 1}}, [](const auto& x) { return max_pool2d(x[0], {.kernel = 3, .stride = 1, .padding = 1, .dilation = 2}); }},
      {"avg_pool", {{2, 4, 6, 3}}, [](const auto& x) { return avg_pool2d(x[0]); }},
      {"avg_pool_pad", {{1, 6, 7, 2}}, [](const auto& x) { return avg_pool2d(x[0], {.kernel = 3, .stride = 2, .padding = 1}); }},
      {"avg_pool_pad_ceil", {{1, 6, 8, 2}}, [](const auto& x) { return avg_pool2d(x[0], {.kernel = 3, .stride = 2, .padding = 1, .ceil_mode = true}); }},
      {"avg_pool_exclude_ceil", {{1, 6, 8, 2}}, [](const auto& x) { return avg_pool2d(x[0], {.kernel = 3, .stride = 2, .padding = 1, .ceil_mode = true, .count_include_pad = false}); }},
      {"avg_pool_divisor", {{1, 4, 7, 2}}, [](const auto& x) { return avg_pool2d(x[0], {.kernel = {2, 3}, .stride = {1, 2}, .padding = {1, 0}, .divisor_override = 5}); }},
      {"adaptive_avg", {{2, 7, 5, 2}}, [](const auto& x) { return adaptive_avg_pool2d(x[0], {3, 2}); }},
      {"adaptive_avg_larger", {{1, 3, 2, 2}}, [](const auto& x) { return adaptive_avg_pool2d(x[0], {4, 5}); }},
      {"adaptive_max", {{2, 7, 5, 2}}, [](const auto& x) { return adaptive_max_pool2d(x[0], {3, 4}); }},
      {"global_avg", {{2, 4, 3, 3}}, [](const auto& x) { return global_avg_pool2d(x[0]); }},
  });
}

TEST_CASE("resizing and padding agree with PyTorch") {
  check_all({
      {"nearest_up", {{1, 3, 4, 2}}, [](const auto& x) { return resize(x[0], {7, 9}); }},
      {"nearest_down", {{1, 5, 7, 2}}, [](const auto& x) { return resize(x[0], {2, 3}); }},
      {"bilinear_up", {{1, 3, 4, 2}}, [](const auto& x) { return resize(x[0], {7, 9}, {.mode = ResizeMode::bilinear}); }},
      {"bilinear_down", {{1, 5, 7, 2}}, [](const auto& x) { return resize(x[0], {2, 3}, {.mode = ResizeMode::bilinear}); }},
      {"bilinear_corners", {{1, 3, 4, 2}}, [](const auto& x) { return resize(x[0], {7, 1}, {.mode = ResizeMode::bilinear, .align_corners = true}); }},
      {"upsample", {{2, 3, 2, 1}}, [](const auto& x) { return upsample(x[0], 2, {.mode = ResizeMode::bilinear}); }},
      {"pad", {{1, 2, 3, 2}}, [](const auto& x) { return pad(x[0], {1, 0, 3, 2}, -1.5); }},
  });
}

TEST_CASE("normalisations agree with PyTorch") {
  check_all({
      {"layer", {{2, 3, 4}, {3, 4}, {3, 4}}, [](const auto& x) { return layer_norm(x[0], {3, 4}, x[1], x[2]); }},
      {"layer_plain", {{5, 7}}, [](const auto& x) { return layer_norm(x[0], {7}, none(x[0]), none(x[0]), 0.1); }},
      {"group", {{2, 3, 2, 6}, {6}, {6}}, [](const auto& x) { return group_norm(x[0], 2, x[1], x[2]); }},
      {"group_features", {{3, 8}}, [](const auto& x) { return group_norm(x[0], 4, none(x[0]), none(x[0])); }},
      {"instance", {{2, 3, 4, 3}, {3}, {3}}, [](const auto& x) { return instance_norm(x[0], x[1], x[2]); }},
  });
}

TEST_CASE("batch norm and its running statistics agree with PyTorch") {
  struct Setting {
    std::string name;
    Shape shape;
    BatchNormOptions options;
  };
  for (const Setting& setting : {Setting{"batch", {3, 2, 3, 4}, {.training = true}}, Setting{"batch_momentum", {5, 4}, {.training = true, .momentum = 0.3, .eps = 1e-3}},
                                 Setting{"batch_eval", {3, 2, 3, 4}, {}}}) {
    const auto run = [&](auto number, double tolerance) {
      using T = decltype(number);
      Tensor<T> mean = numbers({4}, 20).to<T>(), variance = (map(numbers({4}, 21), [](double v) { return std::abs(v) + 0.5; })).template to<T>();
      check<T>({setting.name, {setting.shape, {4}, {4}}, Call()}, [&](const std::vector<Variable<T>>& x) { return batch_norm(x[0], x[1], x[2], mean, variance, setting.options); }, tolerance);
      CHECK(error(setting.name + "/mean", mean) <= tolerance);
      CHECK(error(setting.name + "/var", variance) <= tolerance);
    };
    run(0.0, 1e-9);
    run(0.0F, 1e-5);
  }
}

TEST_CASE("functions of one argument agree with PyTorch, at every kink too") {
  std::vector<Case> cases{
      {"relu", {}, [](const auto& x) { return relu(x[0]); }},
      {"leaky_relu", {}, [](const auto& x) { return leaky_relu(x[0], 0.1); }},
      {"relu6", {}, [](const auto& x) { return relu6(x[0]); }},
      {"elu", {}, [](const auto& x) { return elu(x[0], 0.7); }},
      {"sigmoid", {}, [](const auto& x) { return sigmoid(x[0]); }},
      {"log_sigmoid", {}, [](const auto& x) { return log_sigmoid(x[0]); }},
      {"tanh", {}, [](const auto& x) { return tanh(x[0]); }},
      {"gelu", {}, [](const auto& x) { return gelu(x[0]); }},
      {"gelu_tanh", {}, [](const auto& x) { return gelu(x[0], GeluApproximation::tanh); }},
      {"silu", {}, [](const auto& x) { return silu(x[0]); }},
      {"hard_sigmoid", {}, [](const auto& x) { return hard_sigmoid(x[0]); }},
      {"hard_swish", {}, [](const auto& x) { return hard_swish(x[0]); }},
      {"softplus", {}, [](const auto& x) { return softplus(x[0]); }},
      {"softplus_beta", {}, [](const auto& x) { return softplus(x[0], 4, 10); }},
      {"clamp", {}, [](const auto& x) { return clamp(x[0], -2, 3); }},
      {"abs", {}, [](const auto& x) { return abs(x[0]); }},
      {"expm1", {}, [](const auto& x) { return expm1(x[0]); }},
      {"erf", {}, [](const auto& x) { return erf(x[0]); }},
      {"sign", {}, [](const auto& x) { return sign(x[0]); }},
      {"sin", {}, [](const auto& x) { return sin(x[0]); }},
      {"cos", {}, [](const auto& x) { return cos(x[0]); }},
      {"exp", {}, [](const auto& x) { return exp(x[0]); }},
      {"square", {}, [](const auto& x) { return square(x[0]); }},
      {"pow", {}, [](const auto& x) { return pow(x[0], 3); }},
  };
  for (Case& golden : cases) golden.inputs = {{101}}, golden.scale = 8.0;
  check_all(cases);
}

TEST_CASE("functions of positive numbers, arithmetic and reductions agree with PyTorch") {
  check_all({
      {"log", {{20}}, [](const auto& x) { return log(abs(x[0]) + 0.5); }},
      {"log1p", {{20}}, [](const auto& x) { return log1p(abs(x[0]) + 0.5); }},
      {"sqrt", {{20}}, [](const auto& x) { return sqrt(abs(x[0]) + 0.5); }},
      {"rsqrt", {{20}}, [](const auto& x) { return rsqrt(abs(x[0]) + 0.5); }},
      {"reciprocal", {{20}}, [](const auto& x) { return reciprocal(abs(x[0]) + 0.5); }},
      {"pow_half", {{20}}, [](const auto& x) { return pow(abs(x[0]) + 0.5, -1.5); }},
      {"softmax", {{3, 5}}, [](const auto& x) { return softmax(x[0]); }, 8.0},
      {"softmax_middle", {{2, 4, 3}}, [](const auto& x) { return softmax(x[0], 1); }, 8.0},
      {"log_softmax", {{3, 5}}, [](const auto& x) { return log_softmax(x[0]); }, 8.0},
      {"logsumexp", {{3, 5, 2}}, [](const auto& x) { return logsumexp(x[0], 1); }, 8.0},
      {"mul", {{2, 3, 4}, {3, 1}}, [](const auto& x) { return x[0] * x[1]; }},
      {"div", {{2, 3}, {3}}, [](const auto& x) { return x[0] / (x[1] * x[1] + 0.5); }},
      {"maximum", {{6, 7}, {7}}, [](const auto& x) { return maximum(rounded(x[0]), rounded(x[1])) + x[0] * x[1]; }, 2.0},
      {"minimum", {{6, 7}, {7}}, [](const auto& x) { return minimum(x[0], x[1]); }},
      {"matmul", {{3, 4}, {4, 5}}, [](const auto& x) { return matmul(x[0], x[1]); }},
      {"amax", {{7, 3, 9}}, [](const auto& x) { return max(x[0], {0, 2}); }},
      {"var", {{3, 5}}, [](const auto& x) { return var(x[0], {1}); }},
      {"var_biased", {{3, 5}}, [](const auto& x) { return var(x[0], {}, 0); }},
      {"gather", {{3, 5}}, [](const auto& x) { return gather(x[0], 1, labels({3, 4}, 5)); }},
  });
}

TEST_CASE("losses of class scores agree with PyTorch") {
  std::vector<Case> cases{
      {"cross_entropy", {{6, 4}}, [](const auto& x) { return cross_entropy(x[0], labels({6}, 4)); }, 8.0},
      {"cross_entropy_pixels", {{2, 3, 2, 4}}, [](const auto& x) { return cross_entropy(x[0], labels({2, 3, 2}, 4)); }, 8.0},
      {"cross_entropy_ignore", {{6, 4}}, [](const auto& x) { return cross_entropy(x[0], labels({6}, 4), {.ignore_index = 1}); }},
      {"nll", {{6, 4}}, [](const auto& x) { return nll_loss(x[0], with_ignored(), {.weight = weight}); }},
  };
  for (const auto& [name, reduction] : {std::pair{"mean", Reduction::mean}, {"sum", Reduction::sum}, {"none", Reduction::none}}) {
    cases.push_back({text("cross_entropy_all_", name), {{6, 4}}, [r = reduction](const auto& x) {
                       return cross_entropy(x[0], with_ignored(), {.weight = weight, .reduction = r, .label_smoothing = 0.1});
                     }, 8.0});
    cases.push_back({text("cross_entropy_soft_", name), {{6, 4}}, [r = reduction](const auto& x) {
                       const auto probabilities = constant(x[0], map(numbers({6, 4}, 30), [](double v) { return std::abs(v); }));
                       return cross_entropy(x[0], probabilities, {.weight = weight, .reduction = r, .label_smoothing = 0.2});
                     }, 8.0});
  }
  check_all(cases);
}

TEST_CASE("losses of binary scores and numbers agree with PyTorch") {
  check_all({
      {"bce", {{5, 4}}, [](const auto& x) { return binary_cross_entropy_with_logits(x[0], constant(x[0], target())); }, 8.0},
      {"bce_weights", {{5, 4}}, [](const auto& x) {
         const auto factors = constant(x[0], map(numbers({5, 1}, 31), [](double v) { return std::abs(v); }));
         return binary_cross_entropy_with_logits(x[0], constant(x[0], target()), {.weight = factors, .reduction = Reduction::sum, .pos_weight = weight});
       }, 8.0},
      {"mse", {{5, 4}, {5, 4}}, [](const auto& x) { return mse_loss(x[0], x[1]); }},
      {"l1", {{5, 4}, {5, 4}}, [](const auto& x) { return l1_loss(x[0], x[1], Reduction::sum); }},
      {"huber", {{5, 4}, {5, 4}}, [](const auto& x) { return huber_loss(x[0], x[1], Reduction::mean, 0.5); }},
      {"smooth_l1", {{5, 4}, {5, 4}}, [](const auto& x) { return smooth_l1_loss(x[0], x[1], Reduction::none, 0.25); }},
      {"focal", {{5, 4}}, [](const auto& x) { return focal_loss(x[0], constant(x[0], target())); }, 8.0},
      {"focal_gamma", {{5, 4}}, [](const auto& x) { return focal_loss(x[0], constant(x[0], target()), {.alpha = 0.75, .gamma = 0.5}); }, 8.0},
      {"dice", {{5, 4}}, [](const auto& x) { return dice_loss(x[0], constant(x[0], target())); }, 8.0},
      {"dice_squared", {{5, 4}}, [](const auto& x) { return dice_loss(x[0], constant(x[0], target()), {.smooth = 0.5, .squared = true, .per_image = true}); }, 8.0},
      {"tversky", {{5, 4}}, [](const auto& x) { return tversky_loss(x[0], constant(x[0], target())); }, 8.0},
      {"tversky_focal", {{5, 4}}, [](const auto& x) { return tversky_loss(x[0], constant(x[0], target()), {.fp_weight = 0.2, .fn_weight = 0.8, .smooth = 0.5, .power = 0.75}); }, 8.0},
  });
}
