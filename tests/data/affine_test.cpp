#include <catch2/catch.hpp>

#include "transform_examples.hpp"

#include <kashi/data/affine.hpp>
#include <kashi/data/elastic.hpp>

using namespace kashi;
using kashi_tests::apply;
using kashi_tests::noise_image;
using kashi_tests::ramp;

namespace {

/// The largest difference of two images, leaving out a margin.
float difference(const Tensor<float>& a, const Tensor<float>& b, Index margin) {
  float worst = 0.0f;
  for (Index y = margin; y < a.size(0) - margin; ++y)
    for (Index x = margin; x < a.size(1) - margin; ++x) worst = std::max(worst, std::abs(a(y, x, 0) - b(y, x, 0)));
  return worst;
}

Tensor<float> smooth_image(Index size) {
  Tensor<float> image = Tensor<float>::empty({size, size, 1});
  for (Index y = 0; y < size; ++y)
    for (Index x = 0; x < size; ++x)
      image.at(y, x, 0) =
          static_cast<float>(std::sin(0.2 * static_cast<double>(x)) * std::cos(0.15 * static_cast<double>(y)));
  return image;
}

}  // namespace

TEST_CASE("the identity is exact", "[affine]") {
  for (const Index channels : {1, 2, 3})
    for (const data::Border border :
         {data::Border::constant, data::Border::colour, data::Border::edge, data::Border::reflect}) {
      const Tensor<float> image = noise_image(6, 7, channels);
      CHECK(data::transform_affine(image, {}, {border}).to_vector() == image.to_vector());
    }
}

TEST_CASE("turns by 90 degrees are exact", "[affine]") {
  for (const Index size : {5, 6}) {
    const Tensor<float> image = ramp(size, size, 2);
    const Tensor<float> turned = data::transform_affine(image, {.degrees = 90});
    for (Index y = 0; y < size; ++y)
      for (Index x = 0; x < size; ++x) CHECK(turned(y, x, 1) == image(size - 1 - x, y, 1));
    CHECK(data::transform_affine(turned, {.degrees = -90}).to_vector() == image.to_vector());
    CHECK(data::transform_affine(data::transform_affine(image, {.degrees = 180}), {.degrees = 180}).to_vector() ==
          image.to_vector());
  }
}

TEST_CASE("whole shifts are exact, and the border is as asked", "[affine]") {
  const Tensor<float> image({1, 4, 1}, {1, 2, 3, 4});
  const auto shifted = [&](double x, data::Fill fill) {
    return data::transform_affine(image, {.translate_x = x}, fill).to_vector();
  };
  CHECK(shifted(1, {.value = 9.0f}) == std::vector<float>{9, 1, 2, 3});
  CHECK(shifted(-2, {.value = 9.0f}) == std::vector<float>{3, 4, 9, 9});
  CHECK(shifted(2, {data::Border::edge}) == std::vector<float>{1, 1, 1, 2});
  CHECK(shifted(2, {data::Border::reflect}) == std::vector<float>{3, 2, 1, 2});
  CHECK(shifted(100, {.value = 9.0f}) == std::vector<float>{9, 9, 9, 9});
  CHECK(shifted(0.5, {data::Border::edge}) == std::vector<float>{1, 1.5f, 2.5f, 3.5f});
  CHECK(data::transform_affine(ramp(3, 1, 1), {.translate_y = 1}).to_vector() == std::vector<float>{0, 0, 1});
}

TEST_CASE("scale enlarges about the centre, shear moves lower rows to the right", "[affine]") {
  const Tensor<float> image({1, 5, 1}, {0, 1, 2, 3, 4});
  CHECK(data::transform_affine(image, {.scale = 2.0}).to_vector() == std::vector<float>{1, 1.5f, 2, 2.5f, 3});
  const Tensor<float> stripe({3, 3, 1}, {0, 1, 0, 0, 1, 0, 0, 1, 0});
  const Tensor<float> sheared = data::transform_affine(stripe, {.shear = 45});
  for (std::size_t i = 0; i < 9; ++i)
    CHECK(sheared.data()[i] == Approx(std::vector<float>{1, 0, 0, 0, 1, 0, 0, 0, 1}[i]).margin(1e-6));
  CHECK_THROWS_WITH(data::transform_affine(image, {.scale = 0.0}),
                    "transform_affine: the scale must be positive; got 0");
}

TEST_CASE("a move and its inverse compose", "[affine]") {
  const Tensor<float> image = smooth_image(64);
  const Tensor<float> there = data::transform_affine(image, {.degrees = 20, .scale = 1.25});
  CHECK(difference(there, image, 16) > 0.2f);
  CHECK(difference(data::transform_affine(there, {.degrees = -20, .scale = 0.8}), image, 16) < 0.02f);
}

TEST_CASE("image and mask make the same move", "[affine]") {
  Tensor<float> image = Tensor<float>::zeros({33, 41, 1});
  for (Index y = 10; y < 22; ++y)
    for (Index x = 12; x < 30; ++x) image.at(y, x, 0) = 1.0f;
  const data::RandomAffine affine({.degrees = 30, .translate = {0.1, 0.1}, .scale = {0.8, 1.2}, .shear = 10});
  const data::Elastic elastic({.alpha = 30, .sigma = 4});
  for (const data::Transform& transform : {data::Transform(affine), data::Transform(elastic)}) {
    for (Index i = 0; i < 10; ++i) {
      const data::Example out = apply(transform, {.image = image, .target = image}, i);
      int moved = 0, wrong = 0;
      for (Index k = 0; k < out.image.numel(); ++k) {
        const float pixel = out.image.data()[k], mask = out.target.data()[k];
        CHECK((mask == 0.0f || mask == 1.0f));
        wrong += (pixel > 0.8f && mask == 0.0f) || (pixel < 0.2f && mask == 1.0f);
        moved += mask != image.data()[k];
      }
      CHECK(wrong == 0);
      CHECK(moved > 0);
    }
  }
}

TEST_CASE("random moves depend on the stream and keep to their ranges", "[affine]") {
  const data::RandomAffine affine({.translate = {0.25, 0.0}});
  const Tensor<float> image = ramp(1, 16, 1);
  CHECK(apply(affine, image, 3).to_vector() == apply(affine, image, 3).to_vector());
  CHECK(apply(affine, image, 3).to_vector() != apply(affine, image, 4).to_vector());
  double widest = 0.0;
  for (Index i = 0; i < 300; ++i)
    widest = std::max(widest, std::abs(8.0 - static_cast<double>(apply(affine, image, i)(0, 8, 0))));
  CHECK(widest <= 4.0);
  CHECK(widest > 3.7);
}

TEST_CASE("elastic moves are smooth and have the promised size", "[affine]") {
  const Index size = 96;
  Tensor<float> columns = Tensor<float>::empty({size, size, 1});
  for (Index i = 0; i < columns.numel(); ++i) columns.mutable_data()[i] = static_cast<float>(i % size);
  double squares = 0.0, roughness = 0.0;
  Index count = 0;
  for (Index i = 0; i < 8; ++i) {
    const Tensor<float> out = apply(data::Elastic({.alpha = 34, .sigma = 4, .fill = {data::Border::edge}}), columns, i);
    for (Index y = 16; y < size - 16; ++y)
      for (Index x = 16; x < size - 16; ++x, ++count) {
        const double shift = static_cast<double>(out(y, x, 0)) - static_cast<double>(x);
        const double next = static_cast<double>(out(y, x + 1, 0)) - static_cast<double>(x + 1);
        squares += shift * shift;
        roughness = std::max(roughness, std::abs(shift - next));
      }
  }
  CHECK(std::sqrt(squares / static_cast<double>(count)) == Approx(0.163 * 34 / 4).epsilon(0.15));
  CHECK(roughness < 1.6);
  CHECK(apply(data::Elastic({.alpha = 0}), columns).to_vector() == columns.to_vector());
  CHECK(apply(data::Elastic({.p = 0.0}), columns).to_vector() == columns.to_vector());
}

TEST_CASE("options of geometry out of range", "[affine]") {
  CHECK_THROWS_WITH(data::RandomAffine({.degrees = -1}), "RandomAffine: degrees must lie in [0, 360]; got -1");
  CHECK_THROWS_WITH(data::RandomAffine({.translate = {6, 6}}),
                    "RandomAffine: translate holds shares of width and height in [0, 1]; got 6 and 6");
  CHECK_THROWS_WITH(data::RandomAffine({.scale = {1.2, 0.8}}),
                    "RandomAffine: scale must be a range from low to high, not below 0.001; got 1.2 to 0.8");
  CHECK_THROWS_AS(data::RandomAffine({.shear = 90}), ValueError);
  CHECK_THROWS_AS(data::Elastic({.sigma = 0}), ValueError);
  CHECK_THROWS_AS(data::Elastic({.alpha = std::nan("")}), ValueError);
}
