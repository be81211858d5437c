// Kernels by channel against plain loops in double, at every instruction set.
#include <catch2/catch.hpp>

#include <kashi/kernels/channels.hpp>

#include "guards.hpp"
#include "reference.hpp"

using namespace kashi;
using kernels::Isa;
using reference::at;

namespace {

struct Size {
  Index rows, channels;
};
const Size sizes[] = {{1, 1}, {7, 3}, {100, 16}, {33, 70}, {5000, 5}, {260, 64}, {3, 300}};

template <class T>
void check_statistics(const Size& s, double tolerance, std::mt19937& random) {
  auto x = reference::normal<T>(s.rows * s.channels, random);
  for (T& value : x) value += T(1000);  // a large mean must not cost digits of the variance
  std::vector<T> mean(at(s.channels)), variance(at(s.channels));
  std::vector<T> scratch(at(kernels::channel_sums_workspace(s.rows, s.channels)));
  kernels::channel_statistics(s.rows, s.channels, x.data(), mean.data(), variance.data(), scratch.data());
  for (Index c = 0; c < s.channels; ++c) {
    double sum = 0;
    double squares = 0;
    for (Index r = 0; r < s.rows; ++r) sum += static_cast<double>(x[at(r * s.channels + c)]);
    const double centre = sum / static_cast<double>(s.rows);
    for (Index r = 0; r < s.rows; ++r) {
      squares += std::pow(static_cast<double>(x[at(r * s.channels + c)]) - centre, 2);
    }
    REQUIRE(std::abs(static_cast<double>(mean[at(c)]) - centre) <= tolerance * 1000);
    REQUIRE(std::abs(static_cast<double>(variance[at(c)]) - squares / static_cast<double>(s.rows)) <= tolerance * 1000);
  }
}

template <class T>
void check_normalize(const Size& s, std::mt19937& random) {
  const Index n = s.rows * s.channels;
  const auto x = reference::integers<T>(n, random), residual = reference::integers<T>(n, random),
             dy = reference::integers<T>(n, random), mean = reference::integers<T>(s.channels, random),
             scale = reference::integers<T>(s.channels, random), shift = reference::integers<T>(s.channels, random);
  std::vector<T> y(at(n)), dx(at(n)), sums(at(s.channels)), products(at(s.channels));
  std::vector<T> scratch(at(kernels::channel_sums_workspace(s.rows, s.channels)));
  kernels::normalize_channels<T>(
      {s.rows, s.channels, x.data(), mean.data(), scale.data(), shift.data(), residual.data(), true, y.data()});
  kernels::NormalizeGradientJob<T> job{s.rows,       s.channels,   x.data(),     dy.data(),
                                       y.data(),     mean.data(),  sums.data(),  products.data(),
                                       scale.data(), shift.data(), scale.data(), dx.data()};
  kernels::normalize_gradient_sums(job, scratch.data());
  kernels::normalize_gradient(job);
  std::vector<T> expected_sums(at(s.channels)), expected_products(at(s.channels));
  for (Index i = 0; i < n; ++i) {
    const std::size_t e = at(i);
    const std::size_t c = at(i % s.channels);
    REQUIRE(y[e] == std::max(T(0), (x[e] - mean[c]) * scale[c] + shift[c] + residual[e]));
    const T g = y[e] > 0 ? dy[e] : T(0);
    expected_sums[c] += g;
    expected_products[c] += g * (x[e] - mean[c]);
    REQUIRE(dx[e] == (g - shift[c] - (x[e] - mean[c]) * scale[c]) * scale[c]);
  }
  REQUIRE(sums == expected_sums);
  REQUIRE(products == expected_products);
  kernels::sum_rows(s.rows, s.channels, dy.data(), sums.data(), scratch.data());
  std::fill(expected_sums.begin(), expected_sums.end(), T(0));
  for (Index i = 0; i < n; ++i) expected_sums[at(i % s.channels)] += dy[at(i)];
  REQUIRE(sums == expected_sums);
}

template <class T>
void check_windows(Index channels, std::mt19937& random) {
  auto x = reference::integers<T>(5 * channels, random);
  if (channels > 2) x[at(2 * channels + 1)] = std::numeric_limits<T>::quiet_NaN();
  const T* pixels[5];
  std::int32_t positions[5];
  for (int i = 0; i < 5; ++i) {
    pixels[i] = x.data() + i * channels;
    positions[i] = 10 + 3 * i;
  }
  std::vector<T> y(at(channels)), sum(at(channels));
  std::vector<std::int32_t> where(at(channels));
  kernels::max_window<T>(channels, 5, pixels, positions, y.data(), where.data());
  kernels::sum_window<T>(channels, 2, pixels, T(0.5), sum.data());
  for (std::size_t c = 0; c < at(channels); ++c) {
    int best = 0;
    for (int i = 1; i < 5; ++i) {
      const T value = pixels[i][c];
      if (!(pixels[best][c] >= value) && !std::isnan(pixels[best][c])) best = i;
    }
    REQUIRE((y[c] == pixels[best][c] || std::isnan(y[c])));
    REQUIRE(where[c] == positions[best]);
    REQUIRE(sum[c] == T(0.5) * (pixels[0][c] + pixels[1][c]));
  }
  std::vector<T> dx(at(3 * channels), T(1));
  T* targets[2] = {dx.data(), dx.data() + 2 * channels};
  const auto dy = reference::integers<T>(channels, random);
  kernels::add_to_window<T>(channels, 2, targets, T(2), dy.data());
  for (std::size_t c = 0; c < at(channels); ++c) {
    REQUIRE(dx[c] == T(1) + T(2) * dy[c]);
    REQUIRE(dx[at(channels) + c] == T(1));
    REQUIRE(dx[2 * at(channels) + c] == T(1) + T(2) * dy[c]);
  }
}

}  // namespace

TEST_CASE("kernels by channel equal plain loops") {
  const auto level = GENERATE(Isa::baseline, Isa::avx2, Isa::avx512);
  if (level > kernels::best_isa()) return;
  const IsaGuard isa(level);
  INFO("KASHI_ISA=" << kernels::isa_name(level));
  std::mt19937 random(6);
  for (const Size& size : sizes) {
    INFO(size.rows << " rows, " << size.channels << " channels");
    check_statistics<float>(size, 2e-7, random);
    check_statistics<double>(size, 1e-14, random);
    check_normalize<float>(size, random);
    check_normalize<double>(size, random);
    check_windows<float>(size.channels, random);
    check_windows<double>(size.channels, random);
  }
}
