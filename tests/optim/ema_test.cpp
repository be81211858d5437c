/// Averages of weights, and groups with and without weight decay.
#include <algorithm>

#include "support.hpp"

#include <kashi/nn/linear.hpp>
#include <kashi/nn/norm.hpp>
#include <kashi/optim/adam.hpp>
#include <kashi/optim/ema.hpp>
#include <kashi/optim/weight_decay.hpp>

using namespace kashi;

namespace {

struct Net : nn::Module<double> {
  nn::Linear<double> layer{{.in = 2, .out = 3}};
  nn::BatchNorm1d<double> norm{3};
  Variable<double> forward(const Variable<double>& x) const override { return norm(layer(x)); }
  void members(nn::Members<double>& m) override {
    m("layer", layer);
    m("norm", norm);
  }
};

Tensor<double> buffer_of(const Net& net, const std::string& name) {
  for (const auto& [key, value] : net.named_buffers())
    if (key == name) return value;
  throw ValueError("no buffer " + name);
}

}  // namespace

TEST_CASE("the average follows the weights, quickly at first") {
  Net net;
  Tensor<double> weight = net.layer.weight().value();
  weight.fill(1);
  optim::EMA ema(net, {.decay = 0.5});
  CHECK(ema.decay_at(1) == 2.0 / 11);
  CHECK(ema.decay_at(100) == 0.5);
  double expected = 1;
  for (int t = 1; t <= 12; ++t) {
    weight.fill(t);
    ema.update();
    const double d = std::min(0.5, (1.0 + t) / (10.0 + t));
    expected = d * expected + (1 - d) * t;
    CHECK(ema.state().tensors.at("layer.weight")(0, 0) == Approx(expected).epsilon(1e-14));
  }
  CHECK(ema.updates() == 12);
}

TEST_CASE("without warm-up the decay is the same from the start") {
  Net net;
  const optim::EMA ema(net, {.decay = 0.9, .warm_up = false});
  CHECK(ema.decay_at(1) == 0.9);
}

TEST_CASE("running statistics are averaged, their count is copied") {
  Net net;
  optim::EMA ema(net, {.decay = 0.5, .warm_up = false});
  buffer_of(net, "norm.running_mean").fill(4);
  buffer_of(net, "norm.num_batches_tracked").fill(7);
  ema.update();
  const auto state = ema.state();
  CHECK(state.tensors.at("norm.running_mean")(0) == 2);
  CHECK(state.tensors.at("norm.num_batches_tracked").item() == 7);
  const optim::EMA weights_only(net, {.buffers = false});
  CHECK(weights_only.state().tensors.size() == net.named_parameters().size());
}

TEST_CASE("a scope puts the average into the network and takes it out again") {
  Net net;
  Tensor<double> weight = net.layer.weight().value();
  const Tensor<double> input = Tensor<double>::ones({2, 2});
  weight.fill(1);
  net.eval();
  optim::EMA ema(net, {.decay = 0.5, .warm_up = false});
  weight.fill(3);
  ema.update();
  const Tensor<double> before = net(input).value().clone();
  {
    const auto scope = ema.swap();
    CHECK(weight(0, 0) == 2);
    CHECK_FALSE(same_bits(net(input).value(), before));
    const std::string rest = ": the network holds the average; end the scope of swap() first";
    CHECK(error_of([&] { ema.update(); }) == "EMA: update" + rest);
    CHECK(error_of([&] { const auto second = ema.swap(); }) == "EMA: swap" + rest);
    CHECK(error_of([&] { ema.state(); }) == "EMA: state" + rest);
  }
  CHECK(weight(0, 0) == 3);
  CHECK(same_bits(net(input).value(), before));
  CHECK(ema.state().tensors.at("layer.weight")(0, 0) == 2);
}

TEST_CASE("a saved average goes on bit for bit") {
  Net net;
  Tensor<double> weight = net.layer.weight().value();
  optim::EMA straight(net);
  optim::EMA resumed(net);
  weight.fill(1.5);
  straight.update();
  resumed.load_state(straight.state());
  weight.fill(-0.7);
  straight.update();
  resumed.update();
  CHECK(resumed.updates() == 2);
  for (const auto& [name, value] : straight.state().tensors) CHECK(same_bits(value, resumed.state().tensors.at(name)));
}

TEST_CASE("an average refuses what does not fit") {
  Net net;
  optim::EMA ema(net);
  const nn::Linear<double> other({.in = 2, .out = 3});
  CHECK(error_of([&] { ema.load_state(optim::EMA(other).state()); }) ==
        "EMA: load_state: the state has no tensor \"layer.weight\"");
  auto state = ema.state();
  state.tensors.set("layer.bias", Tensor<double>::ones({4}));
  CHECK(error_of([&] { ema.load_state(state); }) == "EMA: load_state: \"layer.bias\" has shape [4], the network's [3]");
  CHECK(error_of([&] { optim::EMA(net, {.decay = 1}); }) == "EMA: .decay must lie in [0, 1); got 1");
}

TEST_CASE("weights decay, biases and norms don't") {
  const Net net;
  const optim::AdamW adam(optim::split_weight_decay(net, optim::AdamWOptions{.lr = 0.5, .weight_decay = 0.05}));
  REQUIRE(adam.groups() == 2);
  CHECK(adam.options(0).weight_decay == 0.05);
  CHECK(adam.options(1).weight_decay == 0);
  CHECK(adam.options(1).lr == 0.5);
  const auto parameters = adam.parameters();
  REQUIRE(parameters.size() == 4);
  CHECK(parameters[0].node() == net.layer.weight().node());
  for (std::size_t i = 1; i < 4; ++i) CHECK(parameters[i].rank() == 1);
}

TEST_CASE("who decays can be chosen by name") {
  const Net net;
  const auto groups =
      optim::split_weight_decay(net.named_parameters(), optim::AdamOptions{.weight_decay = 0.1},
                                [](const std::string& name, const auto&) { return name.starts_with("layer."); });
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].parameters.size() == 2);
  const auto all = optim::split_weight_decay(net.named_parameters(), optim::AdamOptions{},
                                             [](const std::string&, const auto&) { return true; });
  CHECK(all.size() == 1);
}
