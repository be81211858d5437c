#include <catch2/catch.hpp>

#include <kashi/core/broadcast.hpp>
#include <kashi/explain/channel_dropout.hpp>
#include <kashi/nn/activation.hpp>
#include <kashi/nn/container.hpp>

using namespace kashi;

namespace {

nn::Sequential<float> relus() {
  nn::Sequential<float> net{nn::ReLU(), nn::Identity()};
  net.eval();
  return net;
}

}  // namespace

TEST_CASE("whole channels are lost, what is left is made larger, and the mean stays") {
  auto net = relus();
  const Tensor<float> ones = Tensor<float>::ones({2, 3, 4, 500});
  explain::ChannelDropout<float> dropout(net, 0.25);
  CHECK(dropout.layers() == 1);
  const Tensor<float> out = net(ones).value();
  Index lost = 0;
  for (Index n = 0; n < 2; ++n)
    for (Index c = 0; c < 500; ++c) {
      const float first = out(n, 0, 0, c);
      REQUIRE((first == 0 || first == Approx(4.0 / 3)));
      lost += first == 0 ? 1 : 0;
      for (Index y = 0; y < 3; ++y)
        for (Index x = 0; x < 4; ++x) REQUIRE(out(n, y, x, c) == first);
    }
  CHECK(lost > 200);  // 250 on average, with a standard deviation of 14
  CHECK(lost < 300);
  CHECK_FALSE(equal(net(ones).value(), out));
}

TEST_CASE("channels come back with a share of 0, and when the dropout is gone") {
  auto net = relus();
  const Tensor<float> ones = Tensor<float>::ones({1, 2, 2, 64});
  {
    explain::ChannelDropout<float> dropout(net, 0.5);
    CHECK_FALSE(equal(net(ones).value(), ones));
    dropout.set_probability(0);
    CHECK(equal(net(ones).value(), ones));
    dropout.set_probability(0.5);
  }
  CHECK(equal(net(ones).value(), ones));
}

TEST_CASE("only layers of the listed kinds lose channels, for shares below 1") {
  auto net = relus();
  CHECK(explain::ChannelDropout<float>(net, 0.5, 1, {"Conv2d"}).layers() == 0);
  CHECK_THROWS_WITH(explain::ChannelDropout<float>(net, 1.0), "ChannelDropout: p must lie in [0,1); got 1");
  CHECK(equal(net(Tensor<float>::ones({1, 1, 1, 8})).value(), Tensor<float>::ones({1, 1, 1, 8})));
}
