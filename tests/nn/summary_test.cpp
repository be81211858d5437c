#include <kashi/nn/dropout.hpp>
#include <kashi/nn/linear.hpp>
#include <kashi/nn/norm.hpp>
#include <kashi/nn/summary.hpp>

#include "kernels/reference.hpp"
#include "nn/random_network.hpp"

using namespace kashi;

namespace {

nn::Summary count(nn::Module<float>& module, const Shape& input) { return nn::summary(module, input); }

/// The products that the slow reference computes, which skips the padding, and with it.
std::pair<Index, Index> counted_products(kernels::ConvGeometry g) {
  Index inside = 0, all = 0;
  reference::for_each_product(g, [&](Index, Index, Index) { ++inside; });
  g.in_height += g.pad_top + g.pad_bottom;
  g.in_width += g.pad_left + g.pad_right;
  g.pad_top = g.pad_bottom = g.pad_left = g.pad_right = 0;
  reference::for_each_product(g, [&](Index, Index, Index) { ++all; });
  return {inside, all};
}

/// A block that calls functions and shares a layer.
struct Block : nn::Module<float> {
  nn::Conv2d<float> conv{{.in = 4, .out = 4, .kernel = 3, .padding = 1, .bias = false}};
  Variable<float> scale = parameter(Tensor<float>::ones({4}));
  Variable<float> forward(const Variable<float>& x) const override { return relu(conv(conv(x)) * scale + x); }
  void members(nn::Members<float>& m) override {
    m("conv", conv);
    m("scale", scale);
  }
};

}  // namespace

TEST_CASE("summary: MACs are the products that the reference computes") {
  for (unsigned seed = 0; seed < 200; ++seed) {
    RandomNetwork random(seed);
    const nn::Summary summary = nn::summary(random.net(), random.input());
    const nn::Trace<double> traced = nn::trace<double>(random.net(), random.input());
    Index inside = 0, all = 0;
    for (const auto& operation : traced.operations)
      if (const auto* g = std::any_cast<kernels::ConvGeometry>(&operation.detail)) {
        const auto [some, every] = counted_products(*g);
        inside += some;
        // A transposed convolution multiplies every input by every tap, also where the result is cut off.
        all += every;
      }
    INFO("network " << seed);
    CHECK(summary.total.operations.macs == all);
    CHECK(summary.total.operations.macs_inside == inside);
  }
}

TEST_CASE("summary: layers, shapes and counts") {
  nn::Sequential net{nn::Conv2d({.in = 3, .out = 8, .kernel = 3, .padding = nn::same}),
                     nn::BatchNorm2d(8),
                     nn::ReLU(),
                     nn::AvgPool2d(2),
                     nn::Dropout(0.5),
                     nn::Flatten(),
                     nn::Linear({.in = 128, .out = 10})};
  net.find("6").set_requires_grad(false);
  const nn::Summary s = count(net, {2, 8, 8, 3});
  REQUIRE(s.layers.size() == 7);
  CHECK(s.layers[0].output == Shape{2, 8, 8, 8});
  CHECK(s.layers[0].parameters == 224);
  CHECK(
      s.layers[0].operations ==
      nn::OperationCount{.macs = 27648, .macs_inside = 2 * 22 * 22 * 24, .multiplications = 27648, .additions = 27648});
  CHECK(s.layers[1].parameters == 16);
  CHECK(s.layers[1].buffers == 17);
  CHECK(s.layers[1].operations == nn::OperationCount{.multiplications = 1024, .additions = 1024});
  CHECK(s.layers[3].operations == nn::OperationCount{.additions = 768, .divisions = 256});
  CHECK(s.layers[3].rows->size() == 4);
  CHECK(s.layers[3].rows->jump() == 2);
  CHECK(s.layers[4].output == Shape{2, 4, 4, 8});
  CHECK(s.layers[5].inputs == std::vector<int>{4});
  CHECK_FALSE(s.layers[5].has_positions);
  CHECK(s.layers[6].trainable == 0);
  CHECK(s.total.parameters == 224 + 16 + 1290);
  CHECK(s.total.trainable == 240);
  // The input, convolution, norm, ReLU, pool and linear layer; views and dropout make nothing.
  CHECK(s.total.training_activation_bytes == 4 * (384 + 1024 + 1024 + 1024 + 256 + 20));
  CHECK(s.total.inference_activation_bytes == 4 * 2048);
  CHECK(s.to_string().find("Conv2d(3, 8, kernel=3x3, padding=same)") != std::string::npos);
}

TEST_CASE("summary: functions between layers, shared layers once") {
  Block block;
  const nn::Summary s = count(block, {1, 5, 5, 4});
  std::vector<std::string> kinds;
  for (const auto& layer : s.layers) kinds.push_back(layer.kind);
  CHECK(kinds == std::vector<std::string>{"Conv2d", "Conv2d", "mul", "add", "relu"});
  CHECK(s.layers[0].parameters == 144);
  CHECK(s.layers[1].parameters == 0);
  CHECK(s.layers[1].shared);
  CHECK(s.layers[1].operations.macs == 100 * 36);
  CHECK(s.layers[2].parameters == 4);
  CHECK(s.layers[3].inputs == std::vector<int>{2, -1});
  CHECK(s.layers[3].operations.additions == 100);
  CHECK(s.total.parameters == 148);
  CHECK(s.layers[4].rows->size() == 5);
}

TEST_CASE("summary: transposed, grouped, resized and adaptive layers") {
  nn::Sequential net{nn::ConvTranspose2d({.in = 4, .out = 6, .kernel = 3, .stride = 2, .groups = 2}),
                     nn::Upsample(2, ResizeMode::bilinear), nn::AdaptiveAvgPool2d(4), nn::GlobalAvgPool2d()};
  const nn::Summary s = count(net, {1, 5, 5, 4});
  CHECK(s.layers[0].output == Shape{1, 11, 11, 6});
  CHECK(s.layers[0].operations.macs == 5 * 5 * 4 * 3 * 9);
  CHECK(s.layers[0].operations.additions == 5 * 5 * 4 * 3 * 9 + 11 * 11 * 6);
  CHECK(s.layers[0].rows->jump() == 0.5);
  CHECK(s.layers[1].rows->jump() == 0.25);
  CHECK(s.layers[2].operations.divisions == 16 * 6);
  CHECK(s.layers[3].output == Shape{1, 6});
  CHECK(s.layers[3].rows->covered() == nn::Interval{0, 4});
}

TEST_CASE("summary: norms that look at the whole image see it") {
  nn::Sequential net{nn::GroupNorm(2, 4), nn::Conv2d({.in = 4, .out = 4, .kernel = 3})};
  CHECK(count(net, {1, 9, 9, 4}).layers.back().rows->inside(3) == nn::Interval{0, 8});
  nn::Sequential pointwise{nn::LayerNorm(4), nn::Conv2d({.in = 4, .out = 4, .kernel = 3})};
  CHECK(count(pointwise, {1, 9, 9, 4}).layers.back().rows->inside(3) == nn::Interval{3, 5});
}

TEST_CASE("summary: the module is left as it was") {
  nn::Sequential net{nn::Conv2d({.in = 3, .out = 4, .kernel = 3}), nn::BatchNorm2d(4), nn::Dropout(0.5)};
  net.find("1").eval();
  const auto before = net.to_state_dict();
  const auto generator = default_generator().state();
  count(net, {1, 6, 6, 3});
  CHECK(net.is_training());
  CHECK_FALSE(net.find("1").is_training());
  CHECK(net.find("2").is_training());
  for (const auto& [name, value] : before) CHECK(equal(value, net.to_state_dict().at(name)));
  CHECK(default_generator().state().stream == generator.stream);
  CHECK_THROWS_AS(count(net, {1, 6, 6, 4}), ShapeError);
  CHECK(net.is_training());
  CHECK(count(net, {1, 6, 6, 3}).layers.size() == 3);
}
