/// State dicts on their way into a network: layouts, renaming, what is missing.
#include <catch2/catch.hpp>

#include <kashi/nn/activation.hpp>
#include <kashi/nn/container.hpp>
#include <kashi/nn/conv.hpp>
#include <kashi/nn/linear.hpp>
#include <kashi/nn/norm.hpp>
#include <kashi/nn/shape.hpp>

using namespace kashi;
using Catch::Matchers::Contains;
using Names = std::vector<std::string>;

namespace {

/// Sees images of 2x3 pixels; the linear layer sees them flattened.
nn::Sequential<float> small_network() {
  nn::Sequential<float> net;
  net.add("conv", nn::Conv2d<float>({.in = 2, .out = 4, .kernel = {1, 3}, .padding = nn::same}));
  return net.add("norm", nn::BatchNorm2d<float>(4))
      .add("flat", nn::Flatten<float>())
      .add("head", nn::Linear<float>({.in = 24, .out = 5, .image = {2, 3}}));
}

nn::StateDict<float> with_names(const nn::StateDict<float>& state,
                                const std::function<std::string(std::string)>& change) {
  nn::StateDict<float> out;
  for (const auto& [name, value] : state) out.set(change(name), value);
  return out;
}

void check_same(const nn::StateDict<float>& a, const nn::StateDict<float>& b) {
  for (const auto& [name, value] : a) {
    CAPTURE(name);
    CHECK(equal(value, b.at(name)));
  }
}

}  // namespace

TEST_CASE("PyTorch's order of axes: channels come first, in flattened images too") {
  const auto net = small_network();
  const auto ours = net.to_state_dict(), theirs = ours.to_layout(nn::WeightLayout::channels_first);
  REQUIRE(theirs.at("conv.weight").shape() == Shape{4, 2, 1, 3});
  CHECK(theirs.at("conv.weight")(3, 1, 0, 2) == ours.at("conv.weight")(3, 0, 2, 1));
  REQUIRE(theirs.at("head.weight").shape() == Shape{5, 24});
  const Index channel = 3, row = 1, column = 2;
  CHECK(theirs.at("head.weight")(4, (channel * 2 + row) * 3 + column) ==
        ours.at("head.weight")(4, (row * 3 + column) * 4 + channel));
  CHECK(equal(theirs.at("conv.bias"), ours.at("conv.bias")));

  auto other = small_network();
  CHECK(other.load_state_dict(theirs).is_complete());
  check_same(other.to_state_dict(), ours);
  check_same(theirs.to_layout(nn::WeightLayout::channels_last), ours);
}

TEST_CASE("Rules of renaming") {
  const auto [from, to, name, result] = GENERATE(table<std::string, std::string, std::string, std::string>(
      {{"net.*", "*", "net.conv.weight", "conv.weight"},
       {"*.gamma", "*.weight", "a.b.gamma", "a.b.weight"},
       {"b.*.bn.*", "f.*.1.*", "b.12.bn.bias", "f.12.1.bias"},
       {"b.*.bn.*", "f.*.1.*", "b.12.cn.bias", "b.12.cn.bias"},
       {"a", "b", "a", "b"},
       {"a", "b", "aa", "aa"},
       {"*", "x.*", "", "x."}}));
  CHECK(nn::rename(name, {{from, to}}) == result);
}

TEST_CASE("Rules apply one after the other and are reported") {
  const auto source = small_network();
  auto net = small_network();
  const auto state = with_names(source.to_state_dict(), [](const std::string& name) {
    return name.starts_with("head") ? "top" + name.substr(4) : name;
  });
  const nn::LoadReport report = net.load_state_dict(state, {.rename = {{"top.*", "fc.*"}, {"fc.*", "head.*"}}});
  CHECK(report.renamed == Names{"top.weight -> head.weight", "top.bias -> head.bias"});
  check_same(net.to_state_dict(), source.to_state_dict());
}

TEST_CASE("A beginning that all names share is taken off") {
  const std::string beginning = GENERATE("module.", "state_dict.", "state_dict.module.");
  const auto source = small_network();
  auto net = small_network();
  const nn::LoadReport report = net.load_state_dict(
      with_names(source.to_state_dict(), [&](const std::string& name) { return beginning + name; }));
  CHECK(report.is_complete());
  CHECK(report.renamed == Names{beginning + "* -> *"});
  check_same(net.to_state_dict(), source.to_state_dict());
}

TEST_CASE("What does not fit is told, and nothing is changed") {
  auto net = small_network();
  const auto before = net.to_state_dict();
  nn::StateDict<float> state;
  state.set("conv.weight", Tensor<float>::ones({4, 1, 3, 2}));
  state.set("conv.bias", Tensor<float>::ones({3}));
  state.set("extra", Tensor<float>::ones({1}));
  CHECK_THROWS_AS(net.load_state_dict(state), ShapeError);
  CHECK_THROWS_WITH(net.load_state_dict(state), Contains("conv.bias (file [3], network [4])"));
  check_same(net.to_state_dict(), before);

  const nn::LoadReport report = net.load_state_dict(state, {.strict = false});
  CHECK(report.loaded == Names{"conv.weight"});
  CHECK(report.mismatched.size() == 1);
  CHECK(report.unexpected == Names{"extra"});
  CHECK(report.missing ==
        Names{"norm.weight", "norm.bias", "norm.running_mean", "norm.running_var", "head.weight", "head.bias"});
  CHECK_FALSE(report.is_complete());
  CHECK_THAT(report.to_string(), Contains("1 loaded, 6 missing (norm.weight, "));
  CHECK(net.to_state_dict().at("conv.weight")(0, 0, 0, 0) == 1.0f);
}

TEST_CASE("A misshapen weight of a file is told in the file's order of axes") {
  auto net = small_network();
  auto state = net.to_state_dict().to_layout(nn::WeightLayout::channels_first);
  state.set("conv.weight", Tensor<float>::ones({4, 1, 3, 2}));
  CHECK_THROWS_WITH(net.load_state_dict(state), Contains("conv.weight (file [4,1,3,2], network [4,2,1,3])"));
}

TEST_CASE("Two entries can't become one") {
  auto net = small_network();
  CHECK_THROWS_WITH(net.load_state_dict(net.to_state_dict(), {.rename = {{"conv.bias", "norm.bias"}}}),
                    Contains("two entries are called \"norm.bias\" after renaming"));
}

TEST_CASE("A linear layer's image must fit its inputs") {
  CHECK_THROWS_AS(nn::Linear<float>({.in = 10, .out = 1, .image = {2, 3}}), ValueError);
}
