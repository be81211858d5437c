#include <catch2/catch.hpp>

#include <kashi/nn/norm.hpp>

#include "nn/support.hpp"

using namespace kashi;

namespace {

template <class T>
constexpr Tolerance tolerance() {
  return sizeof(T) == 8 ? Tolerance{1e-9, 1e-11} : Tolerance{1e-5, 2e-6};
}

const Shape images{3, 2, 3, 4}, features{5, 4};

/// Output and gradient of the input for the input of a seed.
template <class T>
std::pair<Tensor<T>, Tensor<T>> run(const nn::Module<T>& layer, const Shape& shape, Index seed) {
  const Variable<T> x = parameter(formula_numbers<T>(shape, seed));
  layer.zero_grad();
  const Variable<T> y = layer(x);
  y.backward(formula_numbers<T>(shape, seed + 10));
  return {y.value(), x.grad()};
}

/// Four training steps and one in eval mode, as make_golden_nn.py describes them.
template <class T>
void check_norm(const std::string& name, nn::Module<T>& layer, const Shape& shape) {
  const auto parameters = layer.named_parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    Variable<T> value = parameters[i].second;
    value.mutable_value().copy_from(formula_numbers<T>(value.shape(), static_cast<Index>(20 + i)));
  }
  std::vector<T> running;
  std::pair<Tensor<T>, Tensor<T>> found;
  for (Index seed = 0; seed < 4; ++seed) {
    found = run(layer, shape, seed);
    for (const auto& [key, buffer] : layer.named_buffers())
      if (key.starts_with("running")) running.insert(running.end(), buffer.span().begin(), buffer.span().end());
  }
  if (!running.empty()) check_golden(name + "/running", running, tolerance<T>());
  check_golden(name + "/y", found.first, tolerance<T>());
  check_golden(name + "/dx", found.second, tolerance<T>());
  for (const auto& [key, value] : parameters) check_golden(name + "/d" + key, value.grad(), tolerance<T>());
  layer.eval();
  found = run(layer, shape, 4);
  check_golden(name + "/eval_y", found.first, tolerance<T>());
  check_golden(name + "/eval_dx", found.second, tolerance<T>());
}

template <class T, class Layer>
void check_norm(const std::string& name, Layer layer, const Shape& shape) {
  check_norm<T>(name, static_cast<nn::Module<T>&>(layer), shape);
}

}  // namespace

TEMPLATE_TEST_CASE("batch norm's statistics, outputs and gradients agree with PyTorch", "", float, double) {
  using T = TestType;
  check_norm<T>("batch2d", nn::BatchNorm2d<T>(4), images);
  check_norm<T>("batch2d_momentum", nn::BatchNorm2d<T>(4, {.eps = 1e-3, .momentum = 0.3}), images);
  check_norm<T>("batch2d_plain", nn::BatchNorm2d<T>(4, {.affine = false}), images);
  check_norm<T>("batch2d_untracked", nn::BatchNorm2d<T>(4, {.track_running_stats = false}), images);
  check_norm<T>("batch1d", nn::BatchNorm1d<T>(4), features);
  check_norm<T>("batch1d_momentum", nn::BatchNorm1d<T>(4, {.momentum = 1.0}), features);
}

TEMPLATE_TEST_CASE("layer, group and instance norm agree with PyTorch", "", float, double) {
  using T = TestType;
  check_norm<T>("layer", nn::LayerNorm<T>(4), features);
  check_norm<T>("layer_eps", nn::LayerNorm<T>(4, {.eps = 0.1}), features);
  check_norm<T>("group", nn::GroupNorm<T>(2, 4), images);
  check_norm<T>("group_one", nn::GroupNorm<T>(1, 4, {.affine = false}), images);
  check_norm<T>("instance", nn::InstanceNorm2d<T>(4), images);
  check_norm<T>("instance_affine", nn::InstanceNorm2d<T>(4, {.affine = true}), images);
}

TEST_CASE("batch norm counts its batches, in training only") {
  nn::BatchNorm2d<float> norm(4);
  const auto count = [&] { return norm.to_state_dict().at("num_batches_tracked").item(); };
  const Tensor<float> x = formula_numbers<float>(images, 1);
  norm(x);
  norm(x);
  CHECK(count() == 2);
  norm.eval();
  const nn::StateDict<float> before = norm.to_state_dict();
  norm(x);
  CHECK(count() == 2);
  CHECK(equal(norm.running_mean(), before.at("running_mean")));
  CHECK(equal(norm.running_var(), before.at("running_var")));
}

TEST_CASE("a batch that batch norm refuses leaves its state as it was") {
  const nn::BatchNorm1d<float> norm(4);
  CHECK_THROWS_AS(norm(Tensor<float>::ones({1, 4})), ShapeError);
  CHECK(norm.to_state_dict().at("num_batches_tracked").item() == 0);
  CHECK(sum(norm.running_mean()).item() == 0);
}

TEST_CASE("options of norms shape their state dict") {
  CHECK(nn::BatchNorm2d<float>(2).to_state_dict().size() == 5);
  CHECK(nn::BatchNorm2d<float>(2, {.affine = false}).parameters().empty());
  CHECK(nn::BatchNorm2d<float>(2, {.track_running_stats = false}).named_buffers().empty());
  CHECK(nn::InstanceNorm2d<float>(2).to_state_dict().size() == 0);
  CHECK(nn::GroupNorm<float>(1, 2, {.affine = false}).to_state_dict().size() == 0);
}
