#include <catch2/catch.hpp>

#include <kashi/core/memory.hpp>
#include <kashi/nn/activation.hpp>
#include <kashi/nn/checkpoint.hpp>
#include <kashi/nn/conv.hpp>
#include <kashi/nn/dropout.hpp>
#include <kashi/nn/norm.hpp>
#include <kashi/ops/reduce.hpp>

using namespace kashi;

namespace {

nn::Sequential<float> stage(Index in, Index out) {
  return nn::Sequential<float>{nn::Conv2d<float>({.in = in, .out = out, .kernel = 3, .padding = 1}),
                               nn::BatchNorm2d<float>(out), nn::ReLU<float>(), nn::Dropout<float>(0.3)};
}

struct Step {
  std::vector<Tensor<float>> gradients;
  Tensor<float> input_gradient;
  nn::StateDict<float> state;
  Tensor<float> output, next_random;
};

/// One step of training from fixed weights; the stages are checkpointed or not.
Step step(bool is_checkpointed, bool wants_input) {
  manual_seed(5);
  auto first = stage(2, 4), second = stage(4, 3);
  nn::Sequential<float> net;
  if (is_checkpointed)
    net.add("a", nn::ActivationCheckpoint(first)).add("b", nn::ActivationCheckpoint(second));
  else
    net.add("a", first).add("b", second);
  random::Generator g(3);
  Variable<float> x =
      wants_input ? parameter(g.normal<float>({2, 6, 5, 2})) : Variable<float>(g.normal<float>({2, 6, 5, 2}));
  const Variable<float> y = net(x);
  sum(y * y).backward();
  Step out;
  out.state = net.to_state_dict();
  out.output = y.value();
  out.next_random = default_generator().uniform<float>({4}, 0, 1);
  for (const auto& p : net.parameters()) out.gradients.push_back(p.grad());
  if (wants_input) out.input_gradient = x.grad();
  return out;
}

}  // namespace

TEST_CASE("activation checkpoints give the same bits: output, gradients, running statistics, random numbers") {
  for (const bool wants_input : {false, true}) {
    const Step plain = step(false, wants_input), saved = step(true, wants_input);
    CHECK(equal(plain.output, saved.output));
    CHECK(equal(plain.next_random, saved.next_random));
    REQUIRE(plain.gradients.size() == saved.gradients.size());
    for (std::size_t i = 0; i < plain.gradients.size(); ++i) CHECK(equal(plain.gradients[i], saved.gradients[i]));
    if (wants_input) CHECK(equal(plain.input_gradient, saved.input_gradient));
    for (const auto& [name, value] : plain.state) {
      INFO(name);
      CHECK(equal(value, saved.state.at(name)));
    }
  }
}

TEST_CASE("activation checkpoints hold less memory between forward and backward") {
  const auto held = [](bool is_checkpointed) {
    nn::Sequential<float> deep;
    for (int i = 0; i < 6; ++i) deep.add(stage(4, 4));
    nn::Sequential<float> net;
    if (is_checkpointed)
      net.add(nn::ActivationCheckpoint(deep));
    else
      net.add(deep);
    const Variable<float> x(Tensor<float>::ones({2, 32, 32, 4}));
    const auto before = memory::stats().live;
    const Variable<float> y = net(x);
    return memory::stats().live - before;
  };
  CHECK(held(true) * 4 < held(false));
}

TEST_CASE("activation checkpoints in eval mode and their refusals") {
  manual_seed(5);
  auto inner = stage(2, 2);
  nn::ActivationCheckpoint net(inner);
  CHECK(net.named_parameters().front().first == "0.weight");
  net.eval();
  inner.eval();
  const Variable<float> image(Tensor<float>::ones({1, 4, 4, 2}));
  CHECK(equal(net(image).value(), inner(image).value()));
  net.train();
  Variable<float> x = parameter(Tensor<float>::ones({1, 4, 4, 2}));
  CHECK_THROWS_AS(grad(sum(net(x)), x, {.create_graph = true}), GradError);
}
