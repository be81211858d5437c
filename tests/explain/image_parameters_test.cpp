/// Images as spectra of decorrelated colours: against the plain inverse transform, and as a linear map with its
/// adjoint.
#include <catch2/catch.hpp>

#include <complex>

#include <kashi/autograd/grad_check.hpp>
#include <kashi/explain/image_parameters.hpp>

using namespace kashi;

namespace {

/// irfft2 by its sum, orthonormal: the half that is not stored is the conjugate of the one that is.
double plain_inverse(const Tensor<double>& spectrum, Index height, Index width, Index y, Index x) {
  std::complex<double> total = 0;
  for (Index ky = 0; ky < height; ++ky)
    for (Index kx = 0; kx <= width / 2; ++kx) {
      const double fy = std::min(static_cast<double>(ky), static_cast<double>(height - ky)) /
                        static_cast<double>(height),
                   fx = static_cast<double>(kx) / static_cast<double>(width);
      const double scale = 1 / std::max(std::hypot(fx, fy), 1 / static_cast<double>(std::max(height, width)));
      const std::complex<double> number(spectrum(0, ky, kx, 0), spectrum(1, ky, kx, 0));
      const double angle = 2 * std::numbers::pi *
                           (static_cast<double>(ky * y) / static_cast<double>(height) +
                            static_cast<double>(kx * x) / static_cast<double>(width));
      const double twice = kx == 0 || 2 * kx == width ? 1 : 2;
      total += twice * scale * number * std::polar(1.0, angle);
    }
  return total.real() / std::sqrt(static_cast<double>(height * width)) / 4;
}

double inner(const Tensor<double>& a, const Tensor<double>& b) { return sum(a * b).item(); }

}  // namespace

TEST_CASE("A spectrum's image is the scaled inverse transform, at even and odd sizes") {
  const auto [height, width] = GENERATE(table<Index, Index>({{4, 6}, {5, 4}, {6, 5}, {3, 3}, {1, 2}, {2, 1}}));
  CAPTURE(height, width);
  const explain::ImageSpectrum<double> map(height, width);
  const auto spectrum = random::Generator(1).normal<double>(map.shape(1), 0, 1);
  const auto image = map.to_image(spectrum);
  REQUIRE(image.shape() == Shape{1, height, width, 1});
  for (Index y = 0; y < height; ++y)
    for (Index x = 0; x < width; ++x)
      CHECK(image(0, y, x, 0) == Approx(plain_inverse(spectrum, height, width, y, x)).margin(1e-12));
}

TEST_CASE("to_spectrum is the adjoint of to_image") {
  const auto [height, width] = GENERATE(table<Index, Index>({{4, 6}, {5, 3}}));
  const explain::ImageSpectrum<double> map(height, width, 1.5);
  random::Generator generator(2);
  const auto spectrum = generator.normal<double>(map.shape(3), 0, 1),
             image = generator.normal<double>({1, height, width, 3}, 0, 1);
  CHECK(inner(map.to_image(spectrum), image) == Approx(inner(spectrum, map.to_spectrum(image))).epsilon(1e-12));
  CHECK_THROWS_WITH(map.to_image(image), Catch::Matchers::Contains("ImageSpectrum: a spectrum"));
  CHECK_THROWS_WITH(map.to_spectrum(spectrum), Catch::Matchers::Contains("ImageSpectrum: an image"));
}

TEST_CASE("The image of a spectrum has the gradient that differences show") {
  const auto map = std::make_shared<const explain::ImageSpectrum<double>>(4, 5);
  const auto result = grad_check(
      [&](const auto& s) { return sigmoid(explain::correlate_colors(explain::image_of_spectrum<double>(map, s))); },
      {random::Generator(3).normal<double>(map->shape(3), 0, 1)}, {.order = 2});
  CHECK(result);
}

TEST_CASE("The brightness component is grey, the others are not") {
  const auto colors = [](std::vector<double> components) {
    return explain::correlate_colors(Variable<double>(Tensor<double>({1, 1, 1, 3}, std::move(components)))).value();
  };
  const auto grey = colors({1, 0, 0});
  CHECK(grey(0, 0, 0, 0) == Approx(0.56283).epsilon(1e-4));
  CHECK(grey(0, 0, 0, 1) == Approx(0.58448).epsilon(1e-4));
  CHECK(grey(0, 0, 0, 2) == Approx(0.58448).epsilon(1e-4));
  const auto warm = colors({0, 1, 0});
  CHECK(warm(0, 0, 0, 0) == Approx(-warm(0, 0, 0, 2)));
  CHECK(warm(0, 0, 0, 1) == 0);
}

TEST_CASE("Energy by frequency adds up to the variance, and a wave lies in its ring") {
  const Index height = 16, width = 15;
  const auto noise = random::Generator(4).uniform<double>({height, width, 1}, 0, 1);
  double squares = 0;
  const double middle = mean(noise).item();
  for (const double value : noise.span()) squares += (value - middle) * (value - middle);
  double total = 0;
  for (const double ring : explain::energy_by_frequency(noise, 8).total) total += ring;
  CHECK(total == Approx(squares));

  auto wave = Tensor<double>::empty({32, 32, 3});
  for (Index y = 0; y < 32; ++y)
    for (Index x = 0; x < 32; ++x)
      for (Index c = 0; c < 3; ++c)
        wave.at(y, x, c) = 0.5 + 0.25 * std::cos(2 * std::numbers::pi * static_cast<double>(5 * x) / 32);
  const auto energy = explain::energy_by_frequency(wave, 16);  // 5 of 16 cycles up to Nyquist
  CHECK(energy.total[5] == Approx(32 * 32 * 0.25 * 0.25 / 2));
  CHECK(energy.high_share() == Approx(0).margin(1e-12));
}
