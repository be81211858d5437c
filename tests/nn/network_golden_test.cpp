#include <catch2/catch.hpp>

#include <kashi/nn/activation.hpp>
#include <kashi/nn/container.hpp>
#include <kashi/nn/conv.hpp>
#include <kashi/nn/linear.hpp>
#include <kashi/nn/loss.hpp>
#include <kashi/nn/norm.hpp>
#include <kashi/nn/pool.hpp>
#include <kashi/optim/sgd.hpp>

#include "nn/support.hpp"
#include "thread_count.hpp"

using namespace kashi;

namespace {

/// The network of make_golden_nn.py with its first parameters.
template <class T>
nn::Sequential<T> small_network() {
  nn::Sequential<T> block{nn::Conv2d<T>({.in = 4, .out = 4, .kernel = 3, .padding = 1}), nn::BatchNorm2d<T>(4),
                          nn::ReLU<T>()};
  nn::Sequential<T> net{nn::Conv2d<T>({.in = 3, .out = 4, .kernel = 3, .padding = 1, .bias = false}),
                        nn::BatchNorm2d<T>(4),
                        nn::ReLU<T>(),
                        nn::MaxPool2d<T>(2),
                        nn::Residual<T>(block),
                        nn::GlobalAvgPool2d<T>(),
                        nn::Linear<T>({.in = 4, .out = 3})};
  Index k = 0;
  for (auto& [name, value] : net.named_parameters()) {
    const T shift = name == "1.weight" || name == "4.body.1.weight" ? T(1) : T(0);
    value.mutable_value().copy_from(formula_numbers<T>(value.shape(), 30 + k++) * T(0.5) + shift);
  }
  return net;
}

/// Ten steps of SGD with momentum; the losses, before each step.
template <class T>
std::vector<T> ten_steps(const nn::Sequential<T>& net) {
  optim::SGD<T> sgd(net.parameters(), {.lr = 0.1, .momentum = 0.9});
  const nn::CrossEntropyLoss cross_entropy;
  std::vector<T> losses;
  for (Index t = 0; t < 10; ++t) {
    const Tensor<Index> labels({4}, {t % 3, (t + 1) % 3, (t + 2) % 3, t % 3});
    sgd.zero_grad();
    const Variable<T> loss = cross_entropy(net(formula_numbers<T>({4, 6, 6, 3}, t)), labels);
    loss.backward();
    sgd.step();
    losses.push_back(loss.item());
  }
  return losses;
}

template <class T>
void check_gradients_and_state(const nn::Sequential<T>& net, Tolerance tolerance) {
  for (const auto& [name, value] : net.named_parameters()) check_golden("double/grad/" + name, value.grad(), tolerance);
  for (const auto& [name, value] : net.to_state_dict()) check_golden("double/final/" + name, value, tolerance);
}

}  // namespace

TEST_CASE("ten steps of a small network in double agree with PyTorch") {
  const auto net = small_network<double>();
  check_golden("double/losses", ten_steps(net), {1e-9, 0});
  check_gradients_and_state(net, {1e-9, 1e-12});
}

TEST_CASE("ten steps of a small network in float agree with PyTorch") {
  const auto net = small_network<float>();
  check_golden("float/losses", ten_steps(net), {1e-4, 0});
  check_gradients_and_state(net, {1e-3, 1e-5});
}

TEST_CASE("a network trained twice, and with other thread counts, is the same bits") {
  const auto bits = [](int threads) {
    const ThreadCount count(threads);
    const auto net = small_network<float>();
    ten_steps(net);
    return net.to_state_dict();
  };
  const nn::StateDict<float> first = bits(1);
  for (const int threads : {1, 2, 3})
    for (const auto& [name, value] : bits(threads)) CHECK(equal(value, first.at(name)));
}
