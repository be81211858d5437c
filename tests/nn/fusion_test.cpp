#include <catch2/catch.hpp>

#include <atomic>
#include <cmath>
#include <limits>
#include <thread>

#include <kashi/autograd/grad_check.hpp>
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

/// While it lives, every module of a network has a hook, so that nothing is fused.
class Unfused {
 public:
  explicit Unfused(nn::Module<float>& net) {
    for (auto& [name, module] : net.named_modules())
      handles_.push_back(module->register_forward_hook(
          [this](const nn::Module<float>&, const Variable<float>&, const Variable<float>& y) { return ++calls, y; }));
  }
  ~Unfused() {
    for (auto& handle : handles_) handle.remove();
  }
  int calls = 0;

 private:
  std::vector<HookHandle> handles_;
};

/// Operations between the result and its leaves, along first inputs.
Index count_nodes(const Variable<float>& y) {
  Index count = 0;
  for (auto node = y.node(); node != nullptr && node->rule; node = node->inputs[0]) ++count;
  return count;
}

/// Equal, NaN to NaN.
bool same_bits(const Tensor<float>& a, const Tensor<float>& b) {
  return a.shape() == b.shape() && std::equal(a.span().begin(), a.span().end(), b.span().begin(), [](float u, float v) {
           return u == v || (std::isnan(u) && std::isnan(v));
         });
}

/// Equal up to `tolerance` of the larger of 1 and the value; NaN equals NaN.
bool is_close_or_nan(const Tensor<float>& a, const Tensor<float>& b, float tolerance) {
  return a.shape() == b.shape() &&
         std::equal(a.span().begin(), a.span().end(), b.span().begin(), [tolerance](float u, float v) {
           return std::abs(u - v) <= tolerance * std::max(1.0f, std::abs(v)) || (std::isnan(u) && std::isnan(v));
         });
}

Tensor<float> numbers(const Shape& shape, std::uint64_t seed = 1) {
  return random::Generator(seed).normal<float>(shape);
}

/// Statistics and affine numbers that are not those of a new layer.
void stir(nn::Module<float>& net, std::uint64_t seed) {
  random::Generator g(seed);
  for (auto& [name, module] : net.named_modules()) {
    auto* norm = dynamic_cast<nn::BatchNorm2d<float>*>(module);
    if (norm == nullptr) continue;
    norm->running_mean().copy_from(g.normal<float>({norm->channels()}, 0, 0.5));
    norm->running_var().copy_from(g.uniform<float>({norm->channels()}, 0.5, 2));
    if (!norm->weight().defined()) continue;
    norm->weight().mutable_value().copy_from(g.uniform<float>({norm->channels()}, 0.5, 1.5));
    norm->bias().mutable_value().copy_from(g.normal<float>({norm->channels()}, 0, 0.5));
  }
}

/// Every order of neighbours that the rule joins, and some that it must leave alone; drawn by the generator.
nn::Sequential<float> random_network(std::uint64_t seed) {
  random::Generator g(seed);
  const Tensor<Index> draws = g.permutation(64);
  Index at = 0, channels = 3;
  const auto draw = [&](Index count) { return draws.data()[at++ % 64] % count; };
  nn::Sequential<float> net;
  const auto follow = [&](nn::Sequential<float>& part, Index width) {
    for (Index i = 0, count = draw(4); i < count; ++i) {
      switch (draw(6)) {
        case 0:
          part.add(nn::ReLU<float>());
          break;
        case 1:
          part.add(nn::ReLU6<float>());
          break;
        case 2:
          part.add(nn::Dropout<float>(0.5));
          break;
        case 3:
          part.add(nn::Sigmoid<float>());
          break;
        default:
          part.add(nn::BatchNorm2d<float>(width, {.affine = draw(3) > 0}));
          break;
      }
    }
  };
  for (int stage = 0; stage < 4; ++stage) {
    const Index width = 4 * (1 + draw(5));
    const nn::Conv2d<float> conv(
        {.in = channels, .out = width, .kernel = 1 + 2 * draw(2), .padding = nn::same, .bias = draw(2) == 0});
    nn::Sequential<float> body{conv};
    follow(body, width);
    if (draw(2) == 0) {
      net.add(body);
      follow(net, width);
    } else {
      nn::Sequential<float> block{nn::Residual<float>(body, nn::Conv2d<float>({.in = channels, .out = width}))};
      follow(block, width);
      if (draw(2) == 0) {
        net.add(nn::Residual<float>(
            block, nn::Sequential<float>{nn::Conv2d<float>({.in = channels, .out = width}), nn::ReLU<float>()}));
      } else {
        net.add(block);
      }
    }
    channels = width;
  }
  return net.add(nn::GlobalAvgPool2d<float>())
      .add(nn::Linear<float>({.in = channels, .out = 5}))
      .add(nn::ReLU<float>());
}

}  // namespace

TEST_CASE("fused inference equals layer by layer on random networks") {
  const NoGrad no_grad;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    nn::Sequential<float> net = random_network(seed);
    stir(net, seed);
    net.eval();
    const Tensor<float> x = numbers({seed % 3 == 0 ? 12 : 2, 7, 6, 3}, seed + 100);
    Tensor<float> expected;
    {
      Unfused hooks(net);
      expected = net(x).value();
      CHECK(hooks.calls == static_cast<int>(net.named_modules().size()));
    }
    INFO("network " << seed);
    for (int round = 0; round < 2; ++round) CHECK(allclose(net(x).value(), expected, 1e-4, 1e-4));
  }
}

TEST_CASE("fused training equals layer by layer: results, gradients, running statistics") {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    nn::Sequential<float> net = random_network(seed);
    stir(net, seed);
    for (auto& [name, module] : net.named_modules())
      if (dynamic_cast<nn::Dropout<float>*>(module) != nullptr) module->eval();
    const nn::StateDict<float> before = net.to_state_dict();
    const auto step = [&] {
      net.load_state_dict(before);
      net.zero_grad();
      Variable<float> x = parameter(numbers({4, 6, 5, 3}, seed + 100));
      const Variable<float> y = net(x);
      sum(square(y)).backward();
      std::vector<Tensor<float>> out{y.value(), x.grad()};
      for (const auto& p : net.parameters())
        if (p.has_grad()) out.push_back(p.grad());
      for (const auto& [name, buffer] : net.named_buffers()) out.push_back(buffer.clone());
      return out;
    };
    const auto fused = step();
    const Unfused hooks(net);
    const auto expected = step();
    REQUIRE(fused.size() == expected.size());
    INFO("network " << seed);
    for (std::size_t i = 0; i < fused.size(); ++i) {
      INFO("number " << i);
      CHECK(allclose(fused[i], expected[i], 1e-4, 1e-4));
    }
  }
}

TEST_CASE("batch norm, ReLU and max pooling in one pass give what single layers give") {
  struct Case {
    Shape input;
    kernels::Pair window;
  };
  const Case cases[] = {{{3, 8, 6, 32}, 2}, {{2, 7, 9, 5}, 2}, {{1, 5, 7, 70}, {2, 3}}, {{2, 4, 4, 20}, 4}};
  for (const auto& [shape, window] : cases) {
    const nn::BatchNorm2d<float> norm(shape[3]);
    nn::Sequential<float> net{norm, nn::ReLU<float>(), nn::MaxPool2d<float>({.kernel = window})};
    stir(net, 3);
    const nn::StateDict<float> before = net.to_state_dict();
    Tensor<float> numbers_in = map(numbers(shape), [](float v) { return std::round(2 * v) / 2; });  // with equal maxima
    numbers_in.at(0, 1, 1, 2) = std::numeric_limits<float>::quiet_NaN();  // its channel is NaN throughout
    Index operations = 0;
    const auto step = [&] {
      net.load_state_dict(before);
      net.zero_grad();
      Variable<float> x = parameter(numbers_in);
      const Variable<float> y = net(x);
      operations = count_nodes(y);
      sum(mul(y, numbers(y.shape(), 7))).backward();
      return std::vector<Tensor<float>>{y.value(),
                                        x.grad(),
                                        norm.weight().grad(),
                                        norm.bias().grad(),
                                        norm.running_mean().clone(),
                                        norm.running_var().clone()};
    };
    const auto fused = step();
    CHECK(operations == 1);
    const Unfused hooks(net);
    const auto expected = step();
    CHECK(operations == 3);
    for (std::size_t i = 0; i < fused.size(); ++i) {
      INFO("input " << shape.to_string() << ", number " << i);
      // The input's gradient is (dy - offset - (x - mean) slope) scale in two loops, and the compiler may round the
      // product in one of them and not in the other (a fused multiply-add).
      if (i == 1)
        CHECK(is_close_or_nan(fused[i], expected[i], 1e-6f));
      else
        CHECK(same_bits(fused[i], expected[i]));
    }
  }
}

TEST_CASE("gradients of batch norm with ReLU and pooling, of both orders") {
  nn::BatchNorm2d<double> norm(3, {.track_running_stats = false});
  const nn::Sequential<double> net{norm, nn::ReLU<double>(), nn::MaxPool2d<double>(2)};
  const Tensor<double> order = random::Generator(4).permutation(2 * 5 * 4 * 3).to<double>();  // no two are near
  const Tensor<double> x = map(order, [](double v) { return std::sqrt(v + 0.3); }).reshape({2, 5, 4, 3});
  const auto result = grad_check([&](const Variable<double>& v) { return net(v); }, {x}, {.order = 2});
  INFO(result.to_string());
  CHECK(result.passed);
}

TEST_CASE("what was packed ends with the numbers it was packed from") {
  const NoGrad no_grad;
  nn::Conv2d conv({.in = 3, .out = 8, .kernel = 3, .padding = 1});
  nn::BatchNorm2d norm(8);
  nn::Sequential net{
      conv, norm, nn::ReLU(), nn::Conv2d({.in = 8, .out = 4}), nn::GlobalAvgPool2d(), nn::Linear({.in = 4, .out = 3})};
  net.eval();
  const Tensor<float> x = numbers({16, 6, 6, 3});
  const auto follows = [&](const char* what) {
    const Tensor<float> fused = net(x).value();
    const Unfused hooks(net);
    INFO(what);
    CHECK(allclose(fused, net(x).value(), 1e-5, 1e-5));
  };
  net(x);
  conv.weight().mutable_value().fill(0.25F);
  follows("weight written in place");
  dynamic_cast<nn::Conv2d<float>&>(net[0]).bias().mutable_value() = Tensor<float>::full({8}, 3);
  follows("another tensor as bias");
  norm.running_var().fill(9);
  follows("running variance");
  norm.bias().mutable_value().fill(-0.5F);
  follows("shift of the norm");
  nn::StateDict<float> other = net.to_state_dict();
  other.set("3.weight", numbers({4, 1, 1, 8}, 5));
  other.set("5.weight", numbers({3, 4}, 6));
  net.load_state_dict(other);
  follows("state dict");
  net.train();
  net(x);
  net.eval();
  follows("statistics of a training batch");
  kernels::force_conv_algorithm(kernels::ConvAlgorithm::direct);
  follows("another algorithm");
  kernels::force_conv_algorithm(kernels::ConvAlgorithm::automatic);
  if (kernels::isa() != kernels::Isa::baseline) {
    const kernels::Isa before = kernels::isa();
    kernels::force_isa(kernels::Isa::baseline);
    follows("another instruction set");
    kernels::force_isa(before);
  }
}

TEST_CASE("hooks on one layer of a group see what they would see without fusion") {
  const NoGrad no_grad;
  nn::Sequential net{nn::Conv2d({.in = 3, .out = 8, .kernel = 3}), nn::BatchNorm2d(8), nn::ReLU()};
  stir(net, 3);
  net.eval();
  const Tensor<float> x = numbers({1, 6, 6, 3});
  Tensor<float> expected[3];
  {
    const Unfused hooks(net);
    Variable<float> value = x;
    for (Index i = 0; i < 3; ++i) expected[i] = (value = net[i](value)).value();
  }
  for (Index i = 0; i < 3; ++i) {
    Tensor<float> input, output;
    HookHandle handle = net[i].register_forward_hook(
        [&](const nn::Module<float>&, const Variable<float>& in, const Variable<float>& out) {
          input = in.value();
          output = out.value();
          return out * 2;
        });
    const Tensor<float> y = net(x).value();
    handle.remove();
    CHECK(allclose(input, i == 0 ? x : expected[i - 1], 1e-5, 1e-5));
    CHECK(allclose(output, expected[i], 1e-5, 1e-5));
    CHECK_FALSE(allclose(y, expected[2], 1e-5, 1e-5));
  }
}

TEST_CASE("a layer of one's own derived from one of the library is computed by its own forward") {
  struct Negative : nn::Conv2d<float> {
    using Conv2d::Conv2d;
    Variable<float> forward(const Variable<float>& x) const override { return Conv2d::forward(x) * -1; }
  };
  struct Halved : nn::ReLU<float> {
    Variable<float> forward(const Variable<float>& x) const override { return relu(x) * 0.5; }
  };
  struct Pair : nn::Sequential<float> {
    using Sequential::Sequential;
    Variable<float> forward(const Variable<float>& x) const override { return Sequential::forward(x) + 1; }
  };
  nn::Sequential net{Negative({.in = 3, .out = 4}), Halved(), Pair(nn::Conv2d({.in = 4, .out = 4}), nn::ReLU()),
                     nn::ReLU()};
  net.eval();
  const Tensor<float> x = numbers({1, 4, 4, 3});
  const Tensor<float> with_gradients = net(x).value();
  const NoGrad no_grad;
  CHECK(allclose(net(x).value(), with_gradients, 1e-5, 1e-5));
}

TEST_CASE("errors in a fused group name the layer that they would name without fusion") {
  const NoGrad no_grad;
  nn::Sequential net;
  net.add("conv", nn::Conv2d({.in = 3, .out = 4})).add("norm", nn::BatchNorm2d(5)).add("relu", nn::ReLU());
  nn::Sequential block{nn::Residual(nn::Sequential{nn::Conv2d({.in = 3, .out = 4}), nn::ReLU()})};
  for (const bool training : {true, false}) {
    net.train(training);
    block.train(training);
    CHECK_THROWS_WITH(net(numbers({1, 4, 4, 3})),
                      "BatchNorm2d: the input must be [N,H,W,5]; got [1,4,4,4] (layer \"norm\")");
    CHECK_THROWS_WITH(
        block(numbers({1, 4, 4, 3})),
        "Residual: the body gives [1,4,4,4], the shortcut [1,4,4,3] (give it a shortcut that changes the shape, such "
        "as a 1x1 convolution) (layer \"0\")");
  }
}

TEST_CASE("threads that find nothing packed pack at the same time, with the same bits") {
  const NoGrad no_grad;
  nn::Sequential<float> net = random_network(7);
  stir(net, 7);
  net.eval();
  const Tensor<float> x = numbers({12, 7, 6, 3});
  const Tensor<float> expected = net(x).value();
  for (int round = 0; round < 4; ++round) {
    net.train();
    net.eval();
    std::atomic<int> wrong = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        const NoGrad none;
        const ThreadLimit limit(1 + t % 2);
        wrong += !equal(net(x).value(), expected);
      });
    }
    for (auto& thread : threads) thread.join();
    CHECK(wrong == 0);
  }
}
