#include <catch2/catch.hpp>

#include "transform_examples.hpp"

#include <kashi/data/resize.hpp>

using namespace kashi;
using kashi_tests::apply;
using kashi_tests::noise_image;
using kashi_tests::ramp;

namespace {

void check_close(const Tensor<float>& actual, const std::vector<double>& expected) {
  REQUIRE(actual.numel() == static_cast<Index>(expected.size()));
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(actual.data()[i] == Approx(expected[i]).margin(1e-6));
}

}  // namespace

TEST_CASE("bilinear weights by hand", "[resize]") {
  const Tensor<float> row({1, 4, 1}, {1, 2, 4, 8});
  // Triangles of half-width 2 about 1 and 3: weights 3 3 1 0 and 0 1 3 3, over 7.
  check_close(apply(data::Resize({.size = {1, 2}}), row), {13.0 / 7, 38.0 / 7});
  check_close(apply(data::Resize({.size = {1, 2}, .antialias = false}), row), {1.5, 6.0});
  check_close(apply(data::Resize({.size = {1, 8}}), row), {1, 1.25, 1.75, 2.5, 3.5, 5, 7, 8});
  check_close(apply(data::Resize({.size = {1, 1}, .antialias = false}), row), {3.0});
  check_close(apply(data::Resize({.size = {4, 1}, .antialias = false}), row.reshape({4, 1, 1})), {1, 2, 4, 8});
}

TEST_CASE("the same size is exact and a constant stays constant", "[resize]") {
  const Tensor<float> image = noise_image(7, 9, 3);
  CHECK(apply(data::Resize({.size = {7, 9}}), image).to_vector() == image.to_vector());
  const Tensor<float> grey = Tensor<float>::full({13, 5, 2}, 0.3f);
  for (const float value : apply(data::Resize({.size = {4, 11}}), grey).span()) CHECK(value == Approx(0.3f));
  CHECK(apply(data::Resize({.size = {3, 2}}), Tensor<float>::full({1, 1, 3}, 0.5f)).to_vector() ==
        std::vector<float>(18, 0.5f));
}

TEST_CASE("height and width are not mixed up, for any number of channels", "[resize]") {
  for (const Index channels : {1, 2, 3, 4}) {
    const Tensor<float> image = noise_image(6, 10, channels);
    const Tensor<float> out = apply(data::Resize({.size = {9, 4}}), image);
    REQUIRE(out.shape() == Shape{9, 4, channels});
    const data::detail::Taps across = data::detail::triangle_taps(10, 4, true),
                             down = data::detail::triangle_taps(6, 9, true);
    for (Index y = 0; y < 9; ++y)
      for (Index x = 0; x < 4; ++x)
        for (Index c = 0; c < channels; ++c) {
          double sum = 0.0;
          for (Index i = 0; i < down.count; ++i)
            for (Index j = 0; j < across.count; ++j)
              sum += static_cast<double>(down.of(y)[static_cast<std::size_t>(i)]) *
                     static_cast<double>(across.of(x)[static_cast<std::size_t>(j)]) *
                     static_cast<double>(image(down.first[static_cast<std::size_t>(y)] + i,
                                               across.first[static_cast<std::size_t>(x)] + j, c));
          CHECK(out(y, x, c) == Approx(sum).epsilon(1e-5));
        }
  }
}

TEST_CASE("masks are resized without mixing", "[resize]") {
  const data::Example out =
      apply(data::Resize({.size = {2, 4}}), {.image = ramp(1, 2, 1), .target = Tensor<float>({1, 2, 1}, {0, 1})});
  CHECK(out.target.to_vector() == std::vector<float>{0, 0, 1, 1, 0, 0, 1, 1});
  const data::Example small = apply(data::Resize({.size = {1, 2}}), {.image = ramp(1, 6, 1), .target = ramp(1, 6, 1)});
  CHECK(small.target.to_vector() == std::vector<float>{1, 4});
  CHECK_THROWS_WITH(data::Resize({}), "Resize: the size must be at least 1 x 1; got 0 x 0");
}
