#include <catch2/catch.hpp>

#include "transform_examples.hpp"

#include <kashi/data/transforms.hpp>

using namespace kashi;
using kashi_tests::apply;
using kashi_tests::noise_image;
using kashi_tests::ramp;

namespace {

double mean_of(const Tensor<float>& image) {
  double sum = 0.0;
  for (const float value : image.span()) sum += static_cast<double>(value);
  return sum / static_cast<double>(image.numel());
}

}  // namespace

TEST_CASE("normalise", "[colour]") {
  const Tensor<float> image({1, 2, 2}, {0.5f, 0.25f, 1.0f, 0.75f});
  CHECK(apply(data::Normalize({.mean = {0.5f, 0.25f}, .std = {0.5f, 0.25f}}), image).to_vector() ==
        std::vector<float>{0, 0, 1, 2});
  CHECK(image(0, 0, 0) == 0.5f);
  CHECK_THROWS_WITH(apply(data::Normalize({.mean = {0}, .std = {1}}), image),
                    "Normalize: mean has 1 channels; the image is [1,2,2]");
  CHECK_THROWS_WITH(data::Normalize({.mean = {0, 0}, .std = {1}}),
                    "Normalize: mean and std must have one number for each channel; got 2 and 1");
  CHECK_THROWS_WITH(data::Normalize({.mean = {0}, .std = {0}}),
                    "Normalize: a standard deviation must be positive; got 0");
}

TEST_CASE("brightness scales by one factor and clips", "[colour]") {
  const Tensor<float> image({1, 1, 3}, {0.2f, 0.4f, 0.8f});
  bool clipped = false, darker = false;
  for (Index i = 0; i < 60; ++i) {
    const Tensor<float> out = apply(data::ColorJitter({.brightness = 0.5}), image, i);
    const float factor = out(0, 0, 0) / 0.2f;
    CHECK(factor >= 0.5f);
    CHECK(factor <= 1.5f);
    CHECK(out(0, 0, 2) == Approx(std::min(1.0f, 0.8f * factor)));
    clipped |= out(0, 0, 2) == 1.0f;
    darker |= factor < 0.7f;
  }
  CHECK(clipped);
  CHECK(darker);
}

TEST_CASE("contrast keeps the mean grey, saturation every pixel's grey, hue the value", "[colour]") {
  Tensor<float> image = noise_image(4, 5, 3);
  for (float& value : image.mutable_span()) value = 0.3f + 0.4f * value;  // away from the clip
  const auto grey = [](const Tensor<float>& of, Index i) { return data::detail::grey_of(of.data() + 3 * i); };
  double before = 0.0;
  for (Index i = 0; i < 20; ++i) before += static_cast<double>(grey(image, i));
  for (Index k = 0; k < 20; ++k) {
    const Tensor<float> contrast = apply(data::ColorJitter({.contrast = 0.4}), image, k);
    const Tensor<float> saturation = apply(data::ColorJitter({.saturation = 0.3}), image, k);
    const Tensor<float> hue = apply(data::ColorJitter({.hue = 0.5}), image, k);
    CHECK(hue.to_vector() != image.to_vector());
    double after = 0.0;
    for (Index i = 0; i < 20; ++i) {
      after += static_cast<double>(grey(contrast, i));
      CHECK(grey(saturation, i) == Approx(grey(image, i)).epsilon(1e-4));
      const auto extremes = [i](const Tensor<float>& of) {
        return std::minmax({of.data()[3 * i], of.data()[3 * i + 1], of.data()[3 * i + 2]});
      };
      CHECK(extremes(hue).first == Approx(extremes(image).first).epsilon(1e-4));
      CHECK(extremes(hue).second == Approx(extremes(image).second).epsilon(1e-4));
    }
    CHECK(after == Approx(before).epsilon(1e-4));
  }
}

TEST_CASE("a turn of the hue by a third moves the channels on", "[colour]") {
  std::array<float, 3> pixel{0.9f, 0.5f, 0.1f};
  data::detail::turn_hue(pixel.data(), 1.0f / 3.0f);
  CHECK(pixel[0] == Approx(0.1f));
  CHECK(pixel[1] == Approx(0.9f));
  CHECK(pixel[2] == Approx(0.5f));
  data::detail::turn_hue(pixel.data(), -1.0f / 3.0f);
  CHECK(pixel[0] == Approx(0.9f));
  CHECK(pixel[2] == Approx(0.1f));
  std::array<float, 3> grey{0.4f, 0.4f, 0.4f};
  data::detail::turn_hue(grey.data(), 0.25f);
  CHECK(grey == std::array<float, 3>{0.4f, 0.4f, 0.4f});
}

TEST_CASE("jitter of grey images, and what it refuses", "[colour]") {
  const Tensor<float> image = noise_image(3, 3, 1);
  CHECK(apply(data::ColorJitter({.brightness = 0.2, .contrast = 0.2, .saturation = 0.9, .hue = 0.5}), image).shape() ==
        image.shape());
  CHECK(apply(data::ColorJitter({.saturation = 0.9, .hue = 0.5}), image).to_vector() == image.to_vector());
  CHECK_THROWS_AS(apply(data::ColorJitter({.hue = 0.1}), noise_image(2, 2, 4)), ShapeError);
  CHECK_THROWS_WITH(data::ColorJitter({.hue = 0.6}), "ColorJitter: hue must lie in [0, 0.5]; got 0.6");
  CHECK_THROWS_AS(data::ColorJitter({.contrast = -1}), ValueError);
}

TEST_CASE("gamma keeps black and white", "[colour]") {
  const Tensor<float> image({1, 3, 1}, {0, 0.25f, 1});
  const Tensor<float> out = apply(data::RandomGamma({.gamma = {0.5, 0.5}}), image);
  CHECK(out(0, 0, 0) == 0.0f);
  CHECK(out(0, 1, 0) == Approx(0.5f));
  CHECK(out(0, 2, 0) == 1.0f);
  CHECK_THROWS_AS(data::RandomGamma({.gamma = {0.0, 1.0}}), ValueError);
}

TEST_CASE("blur keeps constants and spreads a point as a Gaussian", "[colour]") {
  const Tensor<float> grey = Tensor<float>::full({9, 20, 3}, 0.6f);
  for (const float value : apply(data::GaussianBlur({.sigma = {1.5, 1.5}}), grey).span()) CHECK(value == Approx(0.6f));
  Tensor<float> point = Tensor<float>::zeros({21, 33, 1});
  point.at(10, 16, 0) = 1.0f;
  const Tensor<float> out = apply(data::GaussianBlur({.sigma = {2.0, 2.0}}), point);
  CHECK(mean_of(out) == Approx(mean_of(point)));
  CHECK(out(10, 18, 0) / out(10, 16, 0) == Approx(std::exp(-0.5)));
  CHECK(out(12, 16, 0) / out(10, 16, 0) == Approx(std::exp(-0.5)));
  CHECK(out(8, 13, 0) == Approx(out(12, 19, 0)));
  CHECK(apply(data::GaussianBlur({.sigma = {5.0, 5.0}}), Tensor<float>::full({1, 2, 1}, 1.0f))(0, 1, 0) ==
        Approx(1.0f));
  CHECK(apply(data::GaussianBlur({.sigma = {0.0, 0.05}}), point).to_vector() == point.to_vector());
  CHECK(apply(data::GaussianBlur({.p = 0.0}), point).to_vector() == point.to_vector());
  CHECK_THROWS_AS(data::GaussianBlur({.sigma = {-1.0, 1.0}}), ValueError);
}

TEST_CASE("noise has the asked deviation", "[colour]") {
  const Tensor<float> grey = Tensor<float>::full({50, 50, 3}, 0.5f);
  const Tensor<float> out = apply(data::GaussianNoise({.sigma = {0.1, 0.1}}), grey);
  double squares = 0.0;
  for (const float value : out.span())
    squares += (static_cast<double>(value) - 0.5) * (static_cast<double>(value) - 0.5);
  CHECK(mean_of(out) == Approx(0.5).margin(0.005));
  CHECK(std::sqrt(squares / 7500.0) == Approx(0.1).epsilon(0.04));
  for (const float value : apply(data::GaussianNoise({.sigma = {2.0, 2.0}}), grey).span())
    CHECK((value >= 0.0f && value <= 1.0f));
  CHECK(mean_of(grey) == Approx(0.5));
}

TEST_CASE("erasing fills one rectangle of the asked area", "[colour]") {
  const Tensor<float> white = Tensor<float>::ones({40, 60, 2});
  for (Index i = 0; i < 40; ++i) {
    const Tensor<float> out =
        apply(data::RandomErasing({.p = 1.0, .scale = {0.1, 0.2}, .fill = {.value = 0.25f}}), white, i);
    Index top = 40, bottom = -1, left = 60, right = -1, erased = 0;
    for (Index y = 0; y < 40; ++y)
      for (Index x = 0; x < 60; ++x) {
        if (out(y, x, 1) != 0.25f) continue;
        top = std::min(top, y), bottom = std::max(bottom, y), left = std::min(left, x), right = std::max(right, x);
        ++erased;
      }
    CHECK(erased == (bottom - top + 1) * (right - left + 1));
    CHECK(static_cast<double>(erased) / 2400.0 == Approx(0.15).margin(0.06));
  }
  int count = 0;
  for (Index i = 0; i < 400; ++i) count += mean_of(apply(data::RandomErasing({.p = 0.25}), white, i)) < 1.0;
  CHECK(count > 70);
  CHECK(count < 130);
  CHECK(mean_of(apply(data::RandomErasing({.p = 1.0, .fill = {data::Border::colour}}), white)) == 1.0);
  CHECK(apply(data::RandomErasing({.p = 1.0, .noise = true}), white).to_vector() != white.to_vector());
  CHECK_THROWS_AS(data::RandomErasing({.scale = {0.5, 1.5}}), ValueError);
  CHECK_THROWS_AS(data::RandomErasing({.fill = {data::Border::edge}}), ValueError);
}

TEST_CASE("an image that others share is never written into", "[colour]") {
  const Tensor<float> image = noise_image(8, 8, 3);
  const std::vector<float> before = image.to_vector();
  const data::Compose all(
      {data::RandomAffine({.degrees = 10}), data::Elastic(),
       data::ColorJitter({.brightness = 0.3, .contrast = 0.3, .saturation = 0.3, .hue = 0.1}), data::RandomGamma(),
       data::GaussianBlur(), data::GaussianNoise(), data::RandomErasing({.p = 1.0}), data::RandomHorizontalFlip(),
       data::RandomCrop({.size = {8, 8}, .padding = 2}), data::Normalize({.mean = {0, 0, 0}, .std = {1, 1, 1}})});
  CHECK(apply(all, image).to_vector() != before);
  for (const data::Transform& one :
       {data::Transform(data::GaussianNoise()), data::Transform(data::RandomErasing({.p = 1.0}))})
    apply(one, image);
  CHECK(image.to_vector() == before);
}
