#include <catch2/catch.hpp>

#include <cmath>

#include <kashi/core/random.hpp>
#include <kashi/nn/activation.hpp>
#include <kashi/nn/container.hpp>
#include <kashi/nn/conv.hpp>
#include <kashi/nn/linear.hpp>
#include <kashi/ops/activation.hpp>

using namespace kashi;
using Catch::Matchers::Equals;
using Catch::Matchers::StartsWith;

namespace {

struct Block : nn::Module<float> {
  nn::Conv2d<float> conv{{.in = 4, .out = 4, .kernel = 3, .padding = nn::same}};
  Tensor<float> scale = Tensor<float>::full({1}, 2);

  Variable<float> forward(const Variable<float>& x) const override { return relu(conv(x) * scale + x); }
  void members(nn::Members<float>& m) override {
    m("conv", conv);
    m("scale", scale);
  }
};

Tensor<float> numbers(const Shape& shape, std::uint64_t seed = 1) {
  return random::Generator(seed).normal<float>(shape);
}

std::vector<std::string> names(const nn::Module<float>& module) {
  std::vector<std::string> out;
  for (const auto& [name, value] : module.named_parameters()) out.push_back(name);
  return out;
}

}  // namespace

TEST_CASE("parameters and buffers have dotted names in order") {
  const nn::Sequential net{nn::Conv2d({.in = 3, .out = 4, .kernel = 1, .bias = false}), Block(),
                           nn::Residual(nn::Sequential{Block()})};
  CHECK(names(net) == std::vector<std::string>{"0.weight", "1.conv.weight", "1.conv.bias", "2.body.0.conv.weight",
                                               "2.body.0.conv.bias"});
  REQUIRE(net.named_buffers().size() == 2);
  CHECK(net.named_buffers()[1].first == "2.body.0.scale");
}

TEST_CASE("copies share parameters, and a shared module counts once") {
  const Block block;
  const Block copy = block;
  CHECK(copy.conv.weight().value().shares_storage_with(block.conv.weight().value()));
  const nn::Sequential twice{block, copy};
  CHECK(twice.parameters().size() == 2);
}

TEST_CASE("a state dict brings back the same outputs") {
  nn::Sequential net{nn::Conv2d({.in = 3, .out = 4, .kernel = 3}), Block()};
  nn::Sequential other{nn::Conv2d({.in = 3, .out = 4, .kernel = 3}), Block()};
  const Tensor<float> x = numbers({2, 6, 6, 3});
  CHECK_FALSE(equal(net(x).value(), other(x).value()));
  const auto report = other.load_state_dict(net.to_state_dict());
  CHECK(report.loaded.size() == 5);
  CHECK(equal(net(x).value(), other(x).value()));
}

TEST_CASE("a state dict that does not fit changes nothing and is told in one line") {
  nn::Sequential net{nn::Linear({.in = 2, .out = 3})};
  const nn::StateDict<float> before = net.to_state_dict();
  nn::StateDict<float> wrong_shape;
  wrong_shape.set("0.weight", Tensor<float>::zeros({2, 3}));
  wrong_shape.set("0.bias", Tensor<float>::zeros({3}));
  CHECK_THROWS_WITH(net.load_state_dict(wrong_shape),
                    Equals("load_state_dict: shapes differ: 0.weight (file [2,3], network [3,2])"));
  nn::StateDict<float> other_names;
  other_names.set("0.weight", Tensor<float>::zeros({3, 2}));
  other_names.set("1.bias", Tensor<float>::zeros({3}));
  CHECK_THROWS_WITH(net.load_state_dict(other_names),
                    Equals("load_state_dict: missing: 0.bias; unexpected: 1.bias ({.strict = false} loads what fits)"));
  CHECK(equal(net.to_state_dict().at("0.bias"), before.at("0.bias")));
  const auto report = net.load_state_dict(other_names, {.strict = false});
  CHECK(report.loaded == std::vector<std::string>{"0.weight"});
  CHECK(report.missing == std::vector<std::string>{"0.bias"});
  CHECK(sum(net.to_state_dict().at("0.weight")).item() == 0);
}

TEST_CASE("an error names the layer in which it arose") {
  nn::Sequential net;
  net.add("stem", nn::Conv2d({.in = 3, .out = 4, .kernel = 3}))
      .add("stage", nn::Sequential{Block(), nn::Conv2d({.in = 5, .out = 4})});
  CHECK_THROWS_WITH(net(numbers({1, 8, 8, 3})), Equals("conv2d: input channels 4 differ from the weight's 5; input "
                                                       "[1,6,6,4], weight [4,1,1,5] (layer \"stage.1\")"));
  CHECK_THROWS_WITH(net(numbers({1, 8, 8, 4})), StartsWith("conv2d: input channels 4 differ from the weight's 3") &&
                                                    Catch::Matchers::EndsWith("(layer \"stem\")"));
  CHECK_THROWS_AS(net(numbers({8, 8, 3})), ShapeError);
}

TEST_CASE("layers are found by name") {
  nn::Sequential net;
  net.add("stem", nn::Conv2d({.in = 3, .out = 4, .kernel = 3})).add("block", Block());
  CHECK(net.find("block.conv").kind() == "Conv2d");
  CHECK_THROWS_WITH(net.find("head"), Equals("find: there is no layer \"head\"; there are: stem, block, block.conv"));
}

TEST_CASE("hooks see inside a network and can be taken out") {
  nn::Sequential net{nn::Conv2d({.in = 3, .out = 4, .kernel = 1}), Block()};
  const Tensor<float> x = numbers({1, 4, 4, 3});
  const Tensor<float> plain = net(x).value();
  Tensor<float> seen;
  int before = 0;
  HookHandle look = net.find("1.conv").register_forward_hook(
      [&](const nn::Module<float>&, const Variable<float>&, const Variable<float>& y) {
        seen = y.value();
        return y;
      });
  HookHandle count =
      net.find("1").register_forward_pre_hook([&](const nn::Module<float>&, const Variable<float>& input) {
        ++before;
        return input;
      });
  HookHandle silence = net.find("0").register_forward_hook(
      [](const nn::Module<float>&, const Variable<float>&, const Variable<float>& y) { return y * 0; });
  CHECK_FALSE(equal(net(x).value(), plain));
  CHECK(seen.shape() == Shape{1, 4, 4, 4});
  silence.remove();
  CHECK(equal(net(x).value(), plain));
  look.remove();
  count.remove();
  seen = Tensor<float>();
  net(x);
  CHECK(seen.numel() == 0);
  CHECK(before == 2);
}

TEST_CASE("training mode and freezing reach all modules") {
  nn::Sequential net{Block(), nn::Sequential{Block()}};
  net.eval();
  for (const auto& [name, module] : net.named_modules()) CHECK_FALSE(module->is_training());
  net.train();
  CHECK(net.find("1.0.conv").is_training());
  net.find("0").set_requires_grad(false);
  sum(net(numbers({1, 3, 3, 4}))).backward();
  CHECK_FALSE(net.named_parameters()[0].second.has_grad());
  CHECK(net.named_parameters()[2].second.has_grad());
  net.zero_grad();
  CHECK_FALSE(net.named_parameters()[2].second.has_grad());
}

TEST_CASE("first weights are PyTorch's: uniform within 1/sqrt(fan_in)") {
  manual_seed(3);
  const nn::Conv2d conv({.in = 16, .out = 64, .kernel = 3, .groups = 2});
  const double bound = 1.0 / std::sqrt(8.0 * 9.0);
  double largest = 0, square = 0;
  for (const float w : conv.weight().value().span()) {
    largest = std::max(largest, std::abs(static_cast<double>(w)));
    square += static_cast<double>(w) * static_cast<double>(w);
  }
  CHECK(largest <= bound);
  CHECK(largest > 0.99 * bound);
  CHECK(square / static_cast<double>(conv.weight().numel()) == Approx(bound * bound / 3).epsilon(0.05));
  manual_seed(3);
  const nn::Conv2d again({.in = 16, .out = 64, .kernel = 3, .groups = 2});
  CHECK(equal(conv.weight().value(), again.weight().value()));
}

TEST_CASE("options that can't be are refused when a layer is made") {
  CHECK_THROWS_WITH(nn::Conv2d({.in = 3, .out = 8, .groups = 2}),
                    Equals("Conv2d: channels 3 and 8 must be divisible by the number of groups, 2"));
  CHECK_THROWS_WITH(nn::Conv2d({.out = 8}), Equals("Conv2d: .in and .out must be positive; got 0 and 8"));
  CHECK_THROWS_WITH(nn::Linear({.in = 4}), Equals("Linear: .in and .out must be positive; got 4 and 0"));
  nn::Sequential net{nn::Linear({.in = 4, .out = 4})};
  CHECK_THROWS_WITH(net.add("0", nn::Linear({.in = 4, .out = 4})),
                    Equals("Sequential: there is already a module \"0\""));
  CHECK_THROWS_AS(net.add("a.b", nn::Identity()), ValueError);
  CHECK_THROWS_WITH(nn::Residual(nn::Linear({.in = 4, .out = 2}))(numbers({1, 4})),
                    Equals("Residual: the body gives [1,2], the shortcut [1,4] (give it a shortcut that changes the "
                           "shape, such as a 1x1 convolution)"));
}

TEST_CASE("a head can be replaced") {
  nn::Sequential net;
  net.add("body", nn::Linear({.in = 4, .out = 8})).add("head", nn::Linear({.in = 8, .out = 10}));
  net.replace("head", nn::Linear({.in = 8, .out = 3}));
  CHECK(net(numbers({2, 4})).shape() == Shape{2, 3});
  CHECK_THROWS_AS(net.replace("tail", nn::Identity()), ValueError);
}

TEST_CASE("Members of a module without a name count as its parent's") {
  nn::Sequential<float> body, block;
  body.add("conv", nn::Conv2d<float>({.in = 2, .out = 2}));
  block.add_inline(nn::Residual<float>(body, nn::Sequential<float>{nn::Conv2d<float>({.in = 2, .out = 2})},
                                       {.body = "", .shortcut = "down"}));
  block.add("act", nn::ReLU<float>());
  std::vector<std::string> names;
  for (const auto& [name, value] : block.named_parameters()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"conv.weight", "conv.bias", "down.0.weight", "down.0.bias"});
  CHECK(block.find("conv").kind() == "Conv2d");
  CHECK_THROWS_AS(block.add_inline(nn::ReLU<float>()), ValueError);
}
