/// Self-tests that weights files carry.
#include <catch2/catch.hpp>

#include <kashi/nn/container.hpp>
#include <kashi/nn/conv.hpp>
#include <kashi/nn/pool.hpp>
#include <kashi/train/self_test.hpp>

using namespace kashi;

TEST_CASE("A self-test passes with the weights that made it, and fails with others") {
  nn::Sequential<float> net{nn::Conv2d<float>({.in = 3, .out = 4, .kernel = 3}), nn::GlobalAvgPool2d<float>()};
  io::TensorFile file;
  train::add_state(file, "", net.to_state_dict().to_layout(nn::WeightLayout::channels_first));
  train::add_self_test(file, net, default_generator().normal<float>({2, 5, 6, 3}, 0, 1));
  REQUIRE(train::has_self_test(file));
  CHECK(net.is_training());
  CHECK_THROWS_AS(train::verify(net, file), ValueError);

  net.eval();
  CHECK(train::verify(net, file).passes);
  CHECK(net.load_state_dict(train::weights_of(file)).is_complete());
  CHECK(train::verify(net, file).passes);

  net.parameters().front().mutable_value().mutable_data()[0] += 0.5f;
  const train::Verification found = train::verify(net, file);
  CHECK_FALSE(found.passes);
  CHECK(found.largest_difference > 1e-3);
  CHECK_THROWS_AS(train::verify(net, io::TensorFile{}), ValueError);
}

TEST_CASE("A network that answers with NaN fails its self-test") {
  nn::Sequential<float> net{nn::Conv2d<float>({.in = 3, .out = 4, .kernel = 3}), nn::GlobalAvgPool2d<float>()};
  net.eval();
  io::TensorFile file;
  train::add_self_test(file, net, Tensor<float>::ones({1, 3, 3, 3}));
  net.parameters().back().mutable_value().mutable_data()[0] = std::numeric_limits<float>::quiet_NaN();
  CHECK_FALSE(train::verify(net, file).passes);
}
