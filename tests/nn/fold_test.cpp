#include <random>

#include <kashi/core/random.hpp>
#include <kashi/nn/activation.hpp>
#include <kashi/nn/container.hpp>
#include <kashi/nn/fold.hpp>
#include <kashi/nn/pool.hpp>
#include <kashi/nn/shape.hpp>

using namespace kashi;
using Catch::Matchers::Contains;

namespace {

/// Statistics and factors that no norm starts with: negative factors too.
template <class T>
void randomize(nn::Module<T>& net, unsigned seed) {
  random::Generator g(seed);
  for (auto& [name, module] : net.named_modules()) {
    auto* norm = dynamic_cast<nn::detail::BatchNorm<T>*>(module);
    if (norm == nullptr) continue;
    const Shape shape{norm->channels()};
    norm->running_mean().copy_from(g.normal<T>(shape, 0, 1));
    norm->running_var().copy_from(g.uniform<T>(shape, 0.5, 2));
    if (!norm->weight().defined()) continue;
    norm->weight().mutable_value().copy_from(g.uniform<T>(shape, -2, 2));
    norm->bias().mutable_value().copy_from(g.normal<T>(shape, 0, 1));
  }
}

template <class T>
Tensor<T> output(nn::Module<T>& net, const Tensor<T>& x) {
  const NoGrad no_grad;
  return net(x).value();
}

/// The largest difference, relative to the largest number.
template <class T>
double difference(const Tensor<T>& a, const Tensor<T>& b) {
  double most = 0, largest = 0;
  for (Index i = 0; i < a.numel(); ++i) {
    most = std::max(most, std::abs(static_cast<double>(a.data()[i]) - static_cast<double>(b.data()[i])));
    largest = std::max(largest, std::abs(static_cast<double>(a.data()[i])));
  }
  return most / largest;
}

/// A random network: convolutions of all kinds with norms behind and in front, residual blocks, a linear head.
template <class T>
nn::Sequential<T> random_network(unsigned seed) {
  std::mt19937 random(seed);
  const auto pick = [&](Index low, Index high) { return std::uniform_int_distribution<Index>(low, high)(random); };
  const auto norm = [&] { return nn::BatchNorm2d<T>(8, {.eps = pick(0, 1) ? 1e-5 : 1e-3, .affine = pick(0, 3) > 0}); };
  const auto conv = [&](Index padding) {
    const Index groups[] = {1, 2, 8};
    return nn::Conv2d<T>(
        {.in = 8, .out = 8, .kernel = 3, .padding = padding, .groups = groups[pick(0, 2)], .bias = pick(0, 1) == 1});
  };
  nn::Sequential<T> net;
  net.add(nn::Conv2d<T>({.in = 3, .out = 8, .kernel = 3})).add(norm()).add(nn::ReLU<T>());
  const Index blocks = pick(2, 4);
  for (Index i = 0; i < blocks; ++i) {
    switch (pick(0, 3)) {
      case 0:
        net.add(conv(1)).add(norm()).add(nn::ReLU<T>());
        break;
      case 1:
        net.add(norm()).add(conv(0)).add(norm()).add(nn::ReLU<T>());
        break;
      case 2:
        net.add(nn::ConvTranspose2d<T>(
                    {.in = 8, .out = 8, .kernel = 3, .padding = 1, .groups = pick(1, 2), .bias = pick(0, 1) == 1}))
            .add(norm())
            .add(nn::ReLU<T>());
        break;
      default:
        net.add(nn::Residual<T>(nn::Sequential<T>{conv(1), norm(), nn::ReLU<T>(), conv(1), norm()},
                                nn::Sequential<T>{conv(1), norm()}))
            .add(nn::ReLU<T>());
    }
  }
  net.add(nn::GlobalAvgPool2d<T>())
      .add(nn::BatchNorm1d<T>(8))
      .add(nn::Linear<T>({.in = 8, .out = 6, .bias = pick(0, 1) == 1}))
      .add(nn::BatchNorm1d<T>(6));
  randomize<T>(net, seed);
  net.eval();
  return net;
}

template <class T>
void check_random_networks(double bar) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    manual_seed(seed);
    nn::Sequential<T> net = random_network<T>(seed);
    const Tensor<T> x = random::Generator(seed + 1000).normal<T>({2, 14, 14, 3}, 0, 1);
    const Tensor<T> before = output<T>(net, x);
    const nn::FoldReport report = nn::fold_batch_norm(net, {1, 14, 14, 3});
    INFO("network " << seed << "\n" << report.to_string());
    CHECK(report.refused.empty());
    CHECK(report.folded.size() >= 5);
    CHECK(net.named_buffers().empty());
    CHECK(difference(before, output<T>(net, x)) < bar);
  }
}

nn::FoldReport fold(nn::Module<float>& net, const Shape& input = {1, 8, 8, 3}) {
  return nn::fold_batch_norm(net, input);
}

/// The one norm that stays, and that nothing else changed.
std::string reason(nn::Module<float>& net, const Shape& input = {1, 8, 8, 3}) {
  randomize(net, 5);
  const auto before = net.to_state_dict();
  const nn::FoldReport report = fold(net, input);
  CHECK(report.folded.empty());
  REQUIRE(report.refused.size() == 1);
  for (const auto& [name, value] : net.to_state_dict()) CHECK(equal(value, before.at(name)));
  return report.refused[0].reason;
}

nn::Conv2d<float> conv(Index padding = 0) { return nn::Conv2d({.in = 3, .out = 3, .kernel = 3, .padding = padding}); }

/// Calls the same layers in ways of its own.
struct Custom : nn::Module<float> {
  nn::Conv2d<float> layer = conv(1), other = conv(1);
  nn::BatchNorm2d<float> norm{3};
  std::function<Variable<float>(const Custom&, const Variable<float>&)> way;
  Variable<float> forward(const Variable<float>& x) const override { return way(*this, x); }
  void members(nn::Members<float>& m) override {
    m("layer", layer);
    m("other", other);
    m("norm", norm);
  }
};

std::string reason_of(std::function<Variable<float>(const Custom&, const Variable<float>&)> way) {
  Custom net;
  net.way = std::move(way);
  net.eval();
  return reason(net);
}

}  // namespace

TEST_CASE("fold: 100 random networks give the same in float") { check_random_networks<float>(1e-5); }
TEST_CASE("fold: 100 random networks give the same in double") { check_random_networks<double>(1e-12); }

TEST_CASE("fold: numbers by hand") {
  nn::Sequential<double> net{nn::Conv2d<double>({.in = 1, .out = 1, .kernel = 1}), nn::BatchNorm2d<double>(1)};
  net.eval();
  auto& layer = dynamic_cast<nn::Conv2d<double>&>(net[0]);
  auto& norm = dynamic_cast<nn::BatchNorm2d<double>&>(net[1]);
  layer.weight().mutable_value().fill(3);
  layer.bias().mutable_value().fill(1);
  norm.weight().mutable_value().fill(2);
  norm.bias().mutable_value().fill(-1);
  norm.running_mean().fill(0.5);
  norm.running_var().fill(3.99999);
  const nn::FoldReport report = nn::fold_batch_norm(net, {1, 2, 2, 1});
  CHECK(report.to_string() == "1: folded into 0\n");
  CHECK(layer.weight().value().item() == Approx(3).epsilon(1e-12));
  CHECK(layer.bias().value().item() == Approx(-0.5).epsilon(1e-12));
  CHECK(norm.is_identity());
  CHECK(nn::fold_batch_norm(net, {1, 2, 2, 1}).folded.empty());
}

TEST_CASE("fold: a norm behind a flattened image, and two in a row") {
  nn::Sequential net{nn::BatchNorm2d(3), nn::BatchNorm2d(3), nn::Flatten(), nn::Linear({.in = 48, .out = 5})};
  net.eval();
  randomize(net, 3);
  const auto x = random::Generator(1).normal<float>({2, 4, 4, 3}, 0, 1);
  const auto before = output(net, x);
  const nn::FoldReport report = fold(net, {1, 4, 4, 3});
  CHECK(report.folded.size() == 2);
  CHECK(report.folded[0].in_front);
  CHECK(difference(before, output(net, x)) < 1e-5);
}

TEST_CASE("fold: a block's functions and a copy that keeps its numbers") {
  Custom net;
  net.way = [](const Custom& c, const Variable<float>& x) { return relu(c.norm(c.layer(x)) + c.other(x)); };
  net.eval();
  randomize(net, 4);
  Custom copy = net;
  const auto x = random::Generator(2).normal<float>({1, 6, 6, 3}, 0, 1);
  const auto before = output(net, x);
  CHECK(fold(net).to_string() == "norm: folded into layer\n");
  CHECK(difference(before, output(net, x)) < 1e-5);
  CHECK(equal(before, output(copy, x)));
}

TEST_CASE("fold: what is not sound is refused, and why") {
  nn::Sequential padded{nn::BatchNorm2d(3), conv(1)};
  padded.eval();
  CHECK_THAT(reason(padded), Contains("pads with zeros"));

  nn::Sequential training{conv(), nn::BatchNorm2d(3)};
  CHECK_THAT(reason(training), Contains("in training mode"));

  nn::Sequential untracked{conv(), nn::BatchNorm2d(3, {.track_running_stats = false})};
  untracked.eval();
  const nn::FoldReport report = fold(untracked);
  REQUIRE(report.refused.size() == 1);
  CHECK_THAT(report.refused[0].reason, Contains("keeps no running statistics"));

  nn::Sequential between{conv(), nn::ReLU(), nn::BatchNorm2d(3), nn::ReLU(), conv()};
  between.eval();
  CHECK_THAT(reason(between), Contains("no convolution or linear layer stands next to it"));

  nn::Sequential transposed{nn::BatchNorm2d(3), nn::ConvTranspose2d({.in = 3, .out = 3, .kernel = 3})};
  transposed.eval();
  CHECK_THAT(reason(transposed), Contains("is transposed"));

  const nn::Conv2d<float> twin = conv(1);
  nn::Sequential shared{twin, nn::BatchNorm2d(3), nn::ReLU(), twin};
  shared.eval();
  CHECK_THAT(reason(shared), Contains("0 shares its weights with another layer"));

  CHECK_THAT(reason_of([](const Custom& c, const Variable<float>& x) { return c.layer(relu(c.norm(c.layer(x)))); }),
             Contains("layer runs 2 times with the same weights"));
  CHECK_THAT(reason_of([](const Custom& c, const Variable<float>& x) {
               const Variable<float> y = c.layer(x);
               return c.norm(y) + y;
             }),
             Contains("the output of layer is used elsewhere too"));
  CHECK_THAT(
      reason_of([](const Custom& c, const Variable<float>& x) { return c.norm(c.other(relu(c.norm(c.layer(x))))); }),
      Contains("it runs 2 times"));
  CHECK_THAT(reason_of([](const Custom& c, const Variable<float>& x) { return c.layer(x); }),
             Contains("it does not run"));

  nn::Sequential strict{nn::BatchNorm2d(3), conv(1)};
  strict.eval();
  CHECK_THROWS_WITH(nn::fold_batch_norm(strict, {1, 8, 8, 3}, {.strict = true}),
                    Contains("fold_batch_norm: 0 can't be folded, because"));
}
