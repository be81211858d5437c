#include <catch2/catch.hpp>

#include <thread>

#include <kashi/core/random.hpp>
#include <kashi/nn/activation.hpp>
#include <kashi/nn/container.hpp>
#include <kashi/nn/conv.hpp>
#include <kashi/nn/dropout.hpp>
#include <kashi/nn/linear.hpp>
#include <kashi/nn/norm.hpp>
#include <kashi/nn/pool.hpp>

using namespace kashi;

namespace {

/// One of every kind of layer that has a state or draws random numbers.
nn::Sequential<float> network() {
  return nn::Sequential{
      nn::Conv2d({.in = 3, .out = 16, .kernel = 3, .padding = nn::same}),
      nn::BatchNorm2d(16),
      nn::ReLU(),
      nn::Residual(nn::Sequential{nn::Conv2d({.in = 16, .out = 16, .kernel = 3, .padding = 1}), nn::GroupNorm(4, 16)}),
      nn::MaxPool2d(2),
      nn::Dropout2d(0.5),
      nn::ConvTranspose2d({.in = 16, .out = 8, .kernel = 2, .stride = 2}),
      nn::GlobalAvgPool2d(),
      nn::Dropout(0.5),
      nn::LayerNorm(8),
      nn::Linear({.in = 8, .out = 5}),
      nn::Softmax()};
}

}  // namespace

TEST_CASE("one model in eval mode serves several threads with the same bits") {
  nn::Sequential<float> net = network();
  net(random::Generator(1).normal<float>({4, 12, 12, 3}));
  net.eval();
  std::vector<Tensor<float>> inputs, expected;
  for (std::uint64_t i = 0; i < 4; ++i) {
    inputs.push_back(random::Generator(10 + i).normal<float>({2, 12, 12, 3}));
    const NoGrad no_grad;
    expected.push_back(net(inputs.back()).value());
  }
  const nn::StateDict<float> before = net.to_state_dict();
  std::vector<int> wrong(inputs.size(), -1);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < inputs.size(); ++t) {
    threads.emplace_back([&, t] {
      const NoGrad no_grad;
      const ThreadLimit limit(t % 2 == 0 ? 1 : 2);
      int found = 0;
      for (std::size_t round = 0; round < 8; ++round) {
        const std::size_t i = (t + round) % inputs.size();
        found += !equal(net(inputs[i]).value(), expected[i]);
      }
      wrong[t] = found;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(inputs.size(), 0));
  for (const auto& [name, value] : net.to_state_dict()) CHECK(equal(value, before.at(name)));
}

TEST_CASE("several threads may differentiate through one frozen model") {
  nn::Sequential<float> net = network();
  net.eval();
  net.set_requires_grad(false);
  const Tensor<float> input = random::Generator(3).normal<float>({1, 12, 12, 3});
  const auto gradient = [&] {
    const ThreadLimit one(1);
    const Variable<float> x = parameter(input.clone());
    sum(square(net(x))).backward();
    return x.grad();
  };
  const Tensor<float> expected = gradient();
  std::vector<Tensor<float>> found(3);
  std::vector<std::thread> threads;
  for (auto& out : found) threads.emplace_back([&] { out = gradient(); });
  for (auto& thread : threads) thread.join();
  for (const auto& one : found) CHECK(equal(one, expected));
}
