/// Randomising a network: what changes, and that everything is restored.
#include <catch2/catch.hpp>

#include <kashi/explain/explain.hpp>
#include <kashi/explain/sanity.hpp>

using namespace kashi;

namespace {

nn::Sequential<double> small_net() {
  manual_seed(5);
  nn::Sequential<double> net;
  net.add("conv", nn::Conv2d<double>({.in = 2, .out = 4, .kernel = 3, .padding = 1}))
      .add("bn", nn::BatchNorm2d<double>(4))
      .add("act", nn::ReLU<double>());
  net.add("pool", nn::GlobalAvgPool2d<double>()).add("fc", nn::Linear<double>({.in = 4, .out = 3}));
  net.eval();
  return net;
}

}  // namespace

TEST_CASE("Layers are randomised from the output down and restored at the end") {
  auto net = small_net();
  const auto before = net.to_state_dict();
  REQUIRE(explain::layers_with_numbers(before) == std::vector<std::string>{"conv", "bn", "fc"});
  const auto image = random::Generator(1).uniform<double>({6, 5, 2}, -1, 1);
  std::vector<nn::StateDict<double>> seen;
  const auto steps = explain::randomization_check<double>(net, [&] {
    seen.push_back(net.to_state_dict());
    return explain::explain(explain::Method::grad_cam, net, "act", image, 1).raw;
  });
  REQUIRE(steps.size() == 3);
  CHECK(steps[0].layer == "fc");
  CHECK(steps[2].layer == "conv");
  CHECK(steps[2].layers == 3);
  REQUIRE(seen.size() == 4);
  CHECK_FALSE(equal(seen[1].at("fc.weight"), before.at("fc.weight")));
  CHECK(equal(seen[1].at("conv.weight"), before.at("conv.weight")));
  CHECK(max(seen[1].at("fc.bias")).item() == 0);
  CHECK(equal(seen[2].at("bn.running_var"), Tensor<double>::ones({4})));
  CHECK(equal(seen[2].at("fc.weight"), seen[1].at("fc.weight")));
  CHECK_FALSE(equal(seen[3].at("conv.weight"), before.at("conv.weight")));
  for (const auto& [name, value] : net.to_state_dict()) CHECK(equal(value, before.at(name)));
}

TEST_CASE("A map of the image alone passes no sanity check") {
  auto net = small_net();
  const auto image = random::Generator(2).uniform<double>({6, 5});
  for (const auto& step : explain::randomization_check<double>(net, [&] { return image; }, {.depths = {1, 3}})) {
    CHECK(step.rank_correlation == Approx(1));
    CHECK(step.rank_correlation_magnitudes == Approx(1));
  }
}

TEST_CASE("Random weights have the variance that keeps signals alive, and depths must rise") {
  nn::StateDict<double> state;
  state.set("a.weight", Tensor<double>::zeros({64, 3, 3, 16}));
  random::Generator generator(3);
  explain::randomize_layer(state, "a", generator);
  double squares = 0;
  for (const double value : state.at("a.weight").span()) squares += value * value;
  CHECK(squares / static_cast<double>(state.at("a.weight").numel()) == Approx(2.0 / 144).epsilon(0.05));
  auto net = small_net();
  const auto map_of = [] { return Tensor<double>::ones({2, 2}); };
  CHECK_THROWS_WITH(explain::randomization_check<double>(net, map_of, {.depths = {2, 1}}),
                    Catch::Matchers::Contains("must rise"));
  CHECK_THROWS_WITH(explain::randomization_check<double>(net, map_of, {.depths = {4}}),
                    Catch::Matchers::Contains("at most 3"));
}
