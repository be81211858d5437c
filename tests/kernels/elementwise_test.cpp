// Vectorised maps against scalar loops, at every instruction set and for lengths around a vector's.
#include <catch2/catch.hpp>

#include <kashi/kernels/elementwise.hpp>

#include "guards.hpp"
#include "reference.hpp"

using namespace kashi;
using kernels::Isa;
using reference::at;

namespace {

const Index lengths[] = {0, 1, 3, 7, 8, 15, 16, 17, 33, 100};

template <class T>
double largest_relative_error(const std::vector<T>& x, const std::vector<T>& y) {
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const long double exact = std::exp(static_cast<long double>(x[i]));
    worst = std::max(worst, static_cast<double>(std::abs((static_cast<long double>(y[i]) - exact) / exact)));
  }
  return worst;
}

template <class T>
void check_maps() {
  std::mt19937 random(3);
  for (const Index n : lengths) {
    const auto a = reference::normal<T>(n, random);
    const auto b = reference::normal<T>(n, random);
    std::vector<T> out(at(n));
    kernels::relu_forward<T>(n, a.data(), out.data());
    for (std::size_t i = 0; i < out.size(); ++i) REQUIRE(out[i] == std::max(a[i], T(0)));
    kernels::relu_backward<T>(n, a.data(), b.data(), out.data());
    for (std::size_t i = 0; i < out.size(); ++i) REQUIRE(out[i] == (a[i] > 0 ? b[i] : T(0)));
    kernels::add<T>(n, a.data(), b.data(), out.data());
    for (std::size_t i = 0; i < out.size(); ++i) REQUIRE(out[i] == a[i] + b[i]);
    kernels::add_relu<T>(n, a.data(), b.data(), out.data());
    for (std::size_t i = 0; i < out.size(); ++i) REQUIRE(out[i] == std::max(a[i] + b[i], T(0)));
    kernels::multiply<T>(n, a.data(), b.data(), out.data());
    for (std::size_t i = 0; i < out.size(); ++i) REQUIRE(out[i] == a[i] * b[i]);
    kernels::scale<T>(n, T(3), a.data(), out.data());
    for (std::size_t i = 0; i < out.size(); ++i) REQUIRE(out[i] == T(3) * a[i]);
    out = b;
    kernels::axpy<T>(n, T(0.5), a.data(), out.data());
    for (std::size_t i = 0; i < out.size(); ++i) REQUIRE(out[i] == Approx(b[i] + T(0.5) * a[i]).margin(1e-6));
  }
}

template <class T>
void check_exponential(double bound, T lowest, T highest) {
  std::vector<T> x;
  for (int i = 0; i <= 20000; ++i) x.push_back(lowest + (highest - lowest) * static_cast<T>(i) / T(20000));
  std::vector<T> y(x.size());
  kernels::exponential<T>(static_cast<Index>(x.size()), x.data(), y.data());
  CHECK(largest_relative_error(x, y) < bound);
  const T infinity = std::numeric_limits<T>::infinity();
  const T special[] = {T(0), infinity, -infinity, std::numeric_limits<T>::quiet_NaN(), T(1000), T(-1000)};
  T result[6];
  kernels::exponential<T>(6, special, result);
  CHECK(result[0] == T(1));
  CHECK(result[1] == infinity);
  CHECK(result[2] == T(0));
  CHECK(std::isnan(result[3]));
  CHECK(result[4] == infinity);
  CHECK(result[5] == T(0));
}

template <class T>
void check_softmax(double bound) {
  std::mt19937 random(4);
  for (const Index columns : {Index{1}, Index{3}, Index{10}, Index{16}, Index{100}}) {
    auto x = reference::normal<T>(5 * columns, random, 10);
    x[0] = T(400);  // must not overflow
    std::vector<T> y(x.size());
    std::vector<T> logs(x.size());
    kernels::softmax_rows<T>(5, columns, x.data(), y.data());
    kernels::log_softmax_rows<T>(5, columns, x.data(), logs.data());
    for (std::size_t row = 0; row < 5; ++row) {
      const T* r = x.data() + row * at(columns);
      const double most = static_cast<double>(*std::max_element(r, r + columns));
      double sum = 0;
      for (Index c = 0; c < columns; ++c) sum += std::exp(static_cast<double>(r[c]) - most);
      for (std::size_t c = 0; c < at(columns); ++c) {
        const double log_expected = static_cast<double>(r[c]) - most - std::log(sum);
        REQUIRE(std::abs(static_cast<double>(y[row * at(columns) + c]) - std::exp(log_expected)) < bound);
        REQUIRE(std::abs(static_cast<double>(logs[row * at(columns) + c]) - log_expected) <
                bound * (1 + std::abs(log_expected)));
      }
    }
  }
}

template <class T>
void check_updates() {
  std::mt19937 random(8);
  for (const Index n : lengths) {
    for (const bool nesterov : {false, true}) {
      const kernels::SgdFactors<T> f{T(0.1), T(-1), T(0.01), T(0.9), T(0.8), T(0.9), nesterov};
      const auto gradient = reference::normal<T>(n, random);
      auto p = reference::normal<T>(n, random);
      auto b = reference::normal<T>(n, random);
      auto expected_p = p;
      auto expected_b = b;
      for (std::size_t i = 0; i < p.size(); ++i) {
        const T g = -gradient[i] + T(0.01) * p[i];
        expected_b[i] = T(0.9) * b[i] + T(0.8) * g;
        expected_p[i] -= T(0.1) * (nesterov ? g + T(0.9) * expected_b[i] : expected_b[i]);
      }
      kernels::sgd_update<T>(n, f, gradient.data(), p.data(), b.data());
      for (std::size_t i = 0; i < p.size(); ++i) {
        REQUIRE(p[i] == Approx(expected_p[i]).margin(1e-6));
        REQUIRE(b[i] == Approx(expected_b[i]).margin(1e-6));
      }
    }
    const kernels::AdamFactors<T> f{T(1), T(0.1), T(0.99), T(0.9), T(0.1), T(0.99), T(0.01), T(0.5), T(1e-3), T(0.2)};
    const auto gradient = reference::normal<T>(n, random);
    auto p = reference::normal<T>(n, random);
    auto m = reference::normal<T>(n, random);
    std::vector<T> v(at(n), T(0.5));
    std::vector<T> most(at(n), T(0.6));
    auto expected = p;
    for (std::size_t i = 0; i < p.size(); ++i) {
      const T g = gradient[i] + T(0.1) * p[i];
      const T mean = T(0.9) * m[i] + T(0.1) * g;
      const T square = std::max(T(0.6), T(0.99) * v[i] + T(0.01) * g * g);
      expected[i] = T(0.99) * p[i] - T(0.2) * mean / (std::sqrt(square) / T(0.5) + T(1e-3));
    }
    kernels::adam_update<T>(n, f, gradient.data(), p.data(), m.data(), v.data(), most.data());
    for (std::size_t i = 0; i < p.size(); ++i) REQUIRE(p[i] == Approx(expected[i]).margin(1e-6));
  }
}

}  // namespace

TEST_CASE("maps, exponentials, softmax and updates equal scalar loops") {
  const auto level = GENERATE(Isa::baseline, Isa::avx2, Isa::avx512);
  if (level > kernels::best_isa()) return;
  const IsaGuard isa(level);
  INFO("KASHI_ISA=" << kernels::isa_name(level));
  check_maps<float>();
  check_maps<double>();
  check_exponential<float>(2e-7, -87.0F, 88.7F);
  check_exponential<double>(5e-16, -708.0, 709.7);
  check_softmax<float>(1e-6);
  check_softmax<double>(1e-14);
  check_updates<float>();
  check_updates<double>();
}

TEST_CASE("ReLU keeps NaN") {
  const float x[] = {std::numeric_limits<float>::quiet_NaN(), -1.0F, 2.0F};
  float y[3];
  kernels::relu_forward<float>(3, x, y);
  CHECK(std::isnan(y[0]));
  CHECK((y[1] == 0 && y[2] == 2));
}
