#include <catch2/catch.hpp>

#include <kashi/models/resnext.hpp>

using namespace kashi;
using models::ResNeXtBlockOptions;
using models::ResNeXtForm;

namespace {

Index count_parameters(const nn::Module<float>& net) {
  Index count = 0;
  for (const auto& parameter : net.parameters()) count += parameter.numel();
  return count;
}

/// Other numbers than zero and one in every norm, so that a wrong group shows.
void randomise(nn::Module<double>& net, random::Generator& generator) {
  for (auto& [name, value] : net.named_parameters())
    value.mutable_value().copy_from(generator.normal<double>(value.shape(), 0.3, 0.5));
  for (auto& [name, value] : net.named_buffers())
    if (name.ends_with("running_var"))
      Tensor<double>(value).copy_from(generator.uniform<double>(value.shape(), 0.5, 2.0));
    else if (name.ends_with("running_mean"))
      Tensor<double>(value).copy_from(generator.normal<double>(value.shape(), 0.0, 1.0));
}

/// The gradients of a block's parameters as a state dict.
nn::StateDict<double> gradients(const nn::Module<double>& net) {
  nn::StateDict<double> out;
  for (const auto& [name, value] : net.named_parameters()) out.set(name, value.grad());
  return out;
}

}  // namespace

TEST_CASE("a ResNeXt block is one function in its three forms, with one gradient") {
  const ResNeXtBlockOptions o = GENERATE(
      ResNeXtBlockOptions{.in = 12, .out = 12, .cardinality = 3, .width = 2},
      ResNeXtBlockOptions{.in = 6, .out = 10, .cardinality = 2, .width = 5, .stride = 2},
      ResNeXtBlockOptions{.in = 6, .out = 8, .cardinality = 4, .width = 1, .stride = 2, .pooled_shortcut = true});
  const bool training = GENERATE(true, false);
  random::Generator generator(7);
  nn::Sequential<double> grouped = models::resnext_block<double>(o);
  randomise(grouped, generator);
  grouped.train(training);
  const auto state = grouped.to_state_dict();
  const Tensor<double> x = generator.normal<double>({2, 7, 6, o.in}, 0.0, 1.0);
  const Variable<double> expected_input = parameter(x);
  const Variable<double> expected = grouped(expected_input);
  const Tensor<double> direction = generator.normal<double>(expected.shape(), 0.0, 1.0);
  expected.backward(direction);
  CHECK(max(expected.value()).item() > 0);

  for (const ResNeXtForm form : {ResNeXtForm::branches, ResNeXtForm::concatenation}) {
    nn::Sequential<double> other = models::resnext_block<double>(o, form);
    other.load_state_dict(models::resnext_block_state(state, o, form));
    other.train(training);
    const Variable<double> input = parameter(x);
    const Variable<double> output = other(input);
    output.backward(direction);
    CHECK(allclose(output.value(), expected.value(), 1e-10, 1e-10));
    CHECK(allclose(input.grad(), expected_input.grad(), 1e-9, 1e-9));
    const auto expected_gradients = models::resnext_block_state(gradients(grouped), o, form);
    const auto found = gradients(other);
    REQUIRE(found.size() == expected_gradients.size());
    for (const auto& [name, value] : found) {
      INFO(name);
      CHECK(allclose(value, expected_gradients.at(name), 1e-9, 1e-9));
    }
  }
}

TEST_CASE("ResNeXt-29 has the paper's numbers of parameters") {
  CHECK(count_parameters(models::resnext29(8)) == 34426698);
  CHECK(count_parameters(models::resnext29(8, {.classes = 100})) == 34518948);
  CHECK(count_parameters(models::resnext29(16)) == 68155210);
}

TEST_CASE("a bottleneck block has the paper's number of weights") {
  const auto weights = [](Index cardinality, Index width) {
    Index count = 0;
    for (const auto& [name, value] :
         models::resnext_block({.in = 256, .out = 256, .cardinality = cardinality, .width = width}).named_parameters())
      if (value.rank() == 4) count += value.numel();
    return count;
  };
  CHECK(weights(1, 64) == 69632);
  CHECK(weights(32, 4) == 70144);
}

TEST_CASE("the compact ResNeXt halves images three times and learns in every parameter") {
  nn::Sequential net = models::resnext_compact({.classes = 7});
  random::Generator generator(3);
  const Variable<float> scores = net(generator.normal<float>({2, 32, 32, 3}, 0.0, 1.0));
  CHECK(scores.shape() == Shape{2, 7});
  CHECK(net(Tensor<float>::zeros({1, 19, 33, 3})).shape() == Shape{1, 7});
  scores.backward(generator.normal<float>({2, 7}, 0.0, 1.0));
  for (const auto& [name, value] : net.named_parameters()) {
    INFO(name);
    CHECK(value.has_grad());
  }
}

TEST_CASE("a ResNeXt block of no channels is refused") {
  CHECK_THROWS_WITH(models::resnext_block({.in = 0, .out = 8}),
                    Catch::Contains("resnext_block: channels, cardinality, width and stride must be positive"));
}
