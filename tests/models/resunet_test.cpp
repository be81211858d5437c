#include <catch2/catch.hpp>

#include <kashi/models/resunet.hpp>
#include <kashi/ops/loss.hpp>
#include <kashi/optim/adam.hpp>

using namespace kashi;

namespace {

models::ResUNetOptions small(Index in = 1, Index out = 1) { return {.in = in, .out = out, .widths = {4, 6, 8}}; }

}  // namespace

TEST_CASE("a ResUNet gives a map for every pixel of any image") {
  manual_seed(1);
  const models::ResUNet net(small(2, 3));
  for (const auto& [height, width] : {std::pair<Index, Index>{8, 12}, {7, 9}, {1, 1}, {13, 4}, {5, 30}}) {
    const Variable<float> maps = net(Tensor<float>::ones({2, height, width, 2}));
    CHECK(maps.shape() == Shape{2, height, width, 3});
  }
}

TEST_CASE("the part of an image that is whole stages does not see how the rest is made") {
  manual_seed(1);
  models::ResUNet net(small());
  net.eval();
  random::Generator generator(4);
  const Tensor<float> image = generator.normal<float>({1, 16, 16, 1}, 0.0, 1.0);
  CHECK(allclose(net(image).value(), net(reflect_pad(image, {0, 0, 0, 0})).value()));
  // An image of 14 x 15 pixels is its mirrored continuation to 16 x 16.
  const Tensor<float> cut = narrow(narrow(image, 1, 0, 14), 2, 0, 15);
  const Tensor<float> whole = net(reflect_pad(cut, {0, 2, 0, 1})).value();
  CHECK(allclose(net(cut).value(), narrow(narrow(whole, 1, 0, 14), 2, 0, 15)));
}

TEST_CASE("a new ResUNet answers with the prior on the whole") {
  manual_seed(2);
  models::ResUNetOptions options = small();
  options.prior = 0.02;
  const models::ResUNet net(options);
  const auto& bias = net.named_parameters().back();
  CHECK(bias.first == "head.conv.bias");
  CHECK(bias.second.value()(0) == Approx(std::log(0.02 / 0.98)));
}

TEST_CASE("every parameter of a ResUNet gets a gradient, with every encoder") {
  manual_seed(3);
  models::ResUNet residual(small(3)), plain(small(3), models::plain_encoder<float>(small(3)));
  models::ResUNet pretrained(small(3), models::resnet_encoder<float>(models::resnet18<float>()));
  random::Generator generator(5);
  for (models::ResUNet<float>* net : {&residual, &plain, &pretrained}) {
    const Tensor<float> image = generator.normal<float>({1, 35, 40, 3}, 0.0, 1.0);
    const Variable<float> maps = (*net)(image);
    REQUIRE(maps.shape() == Shape{1, 35, 40, 1});
    maps.backward(generator.normal<float>(maps.shape(), 0.0, 1.0));
    for (const auto& [name, value] : net->named_parameters()) {
      INFO(name);
      CHECK(value.has_grad());
    }
  }
  CHECK_NOTHROW(pretrained.find("encoder.2.layer2.0.conv1"));
}

TEST_CASE("a ResUNet learns where a bright square is") {
  manual_seed(4);
  models::ResUNet net(small());
  optim::AdamW adam(net.parameters(), {.lr = 1e-2});
  random::Generator generator(6);
  double dice = 0;
  for (int step = 0; step < 60; ++step) {
    Tensor<float> images = generator.normal<float>({4, 16, 16, 1}, 0.0, 0.3),
                  masks = Tensor<float>::zeros({4, 16, 16, 1});
    const Tensor<float> places = generator.uniform<float>({4, 2}, 0.0, 10.99);
    for (Index i = 0; i < 4; ++i)
      for (Index y = 0; y < 5; ++y)
        for (Index x = 0; x < 5; ++x) {
          const Index row = static_cast<Index>(places(i, 0)) + y, column = static_cast<Index>(places(i, 1)) + x;
          images.at(i, row, column, 0) += 1;
          masks.at(i, row, column, 0) = 1;
        }
    adam.zero_grad();
    const Variable<float> logits = net(images);
    (binary_cross_entropy_with_logits(logits, masks) + dice_loss(logits, masks)).backward();
    adam.step();
    dice = 1 - dice_loss(logits, masks, {.smooth = 0}).item();
  }
  CHECK(dice > 0.9);
}

TEST_CASE("wrong inputs and options of a ResUNet are named") {
  CHECK_THROWS_WITH(models::ResUNet(small())(Tensor<float>::zeros({1, 8, 8, 3})),
                    "ResUNet: the input must be [N,H,W,1]; got [1,8,8,3]");
  CHECK_THROWS_WITH(models::ResUNet({.widths = {8}}),
                    "ResUNet: an encoder needs at least two stages, and channels for each; got 1 and 1");
  CHECK_THROWS_WITH(models::ResUNet({.prior = 1}),
                    "ResUNet: .out must be positive and .prior lie between 0 and 1; got 1 and 1");
}
