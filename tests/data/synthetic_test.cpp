#include <catch2/catch.hpp>

#include <kashi/data/synthetic.hpp>

using namespace kashi;

namespace {

/// Mean image of one digit as darkness, to compare digits with.
std::vector<double> mean_darkness(const data::Dataset& digits, Index label) {
  std::vector<double> out(32 * 32);
  for (Index i = 0; i < digits.size(); ++i) {
    if (digits.label(i) != label) continue;
    const Tensor<float> image = digits.get(i).image;
    for (std::size_t k = 0; k < out.size(); ++k) out[k] -= static_cast<double>(image.data()[3 * k + 1]);
  }
  return out;
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const auto mean = [](const std::vector<double>& of) {
    return std::accumulate(of.begin(), of.end(), 0.0) / static_cast<double>(of.size());
  };
  const double mean_a = mean(a), mean_b = mean(b);
  double product = 0.0, square_a = 0.0, square_b = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += (a[i] - mean_a) * (b[i] - mean_b);
    square_a += (a[i] - mean_a) * (a[i] - mean_a);
    square_b += (b[i] - mean_b) * (b[i] - mean_b);
  }
  return product / std::sqrt(square_a * square_b);
}

std::vector<float> all_pixels(const data::Dataset& digits) {
  std::vector<float> out;
  for (Index i = 0; i < digits.size(); ++i) {
    const Tensor<float> image = digits.get(i).image;
    out.insert(out.end(), image.span().begin(), image.span().end());
  }
  return out;
}

}  // namespace

TEST_CASE("drawn digits: shapes, labels, classes", "[synthetic]") {
  const data::Dataset digits = data::handwritten_digits({.count = 10});
  CHECK(digits.size() == 10);
  CHECK(digits.class_names() == std::vector<std::string>{"1", "2", "3", "4"});
  CHECK(digits.labels().to_vector() == std::vector<Index>{0, 1, 2, 3, 0, 1, 2, 3, 0, 1});
  CHECK(digits.get(0).image.shape() == Shape{64, 64, 3});
  CHECK(data::handwritten_digits({.count = 1, .size = 16}).get(0).image.shape() == Shape{16, 16, 3});
  CHECK_THROWS_WITH(data::handwritten_digits({.count = 0}), "handwritten_digits: count must be at least 1; got 0");
  CHECK_THROWS_WITH(data::handwritten_digits({.size = 8}), "handwritten_digits: size must lie in 16..1024; got 8");
}

TEST_CASE("the same seed draws the same bytes for any number of threads", "[synthetic]") {
  const std::vector<float> expected = all_pixels(data::handwritten_digits({.count = 40, .size = 32, .seed = 7}));
  {
    const ThreadLimit one(1);
    CHECK(all_pixels(data::handwritten_digits({.count = 40, .size = 32, .seed = 7})) == expected);
  }
  CHECK(all_pixels(data::handwritten_digits({.count = 40, .size = 32, .seed = 8})) != expected);
  const std::vector<float> fewer = all_pixels(data::handwritten_digits({.count = 30, .size = 32, .seed = 7}));
  CHECK(std::equal(fewer.begin(), fewer.end(), expected.begin()));
}

TEST_CASE("every picture has ink on paper, near its middle", "[synthetic]") {
  const data::Dataset digits = data::handwritten_digits({.count = 200, .size = 32});
  for (Index i = 0; i < digits.size(); ++i) {
    const Tensor<float> image = digits.get(i).image;
    const auto values = image.span();
    const auto [darkest, brightest] = std::minmax_element(values.begin(), values.end());
    CHECK(*brightest - *darkest > 0.3f);
    CHECK(*brightest > 0.75f);
  }
}

TEST_CASE("drawings of a digit are more alike than those of two digits", "[synthetic]") {
  const data::Dataset some = data::handwritten_digits({.count = 400, .size = 32, .seed = 1});
  const data::Dataset others = data::handwritten_digits({.count = 400, .size = 32, .seed = 2});
  for (Index a = 0; a < 4; ++a)
    for (Index b = 0; b < 4; ++b) {
      const double alike = correlation(mean_darkness(some, a), mean_darkness(others, b));
      if (a == b) {
        CHECK(alike > 0.95);
      } else {
        CHECK(alike < 0.9);
      }
    }
}

TEST_CASE("smooth lines pass through their points and break at corners", "[synthetic]") {
  const data::detail::Stroke stroke{{0, 0}, {1, 0, data::detail::corner}, {1, 1}, {0, 2}};
  const data::detail::Stroke line = data::detail::smooth_line(stroke, 4);
  REQUIRE(line.size() == 13);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(line[4 * i].x == Approx(stroke[i].x));
    CHECK(line[4 * i].y == Approx(stroke[i].y));
  }
  for (std::size_t i = 0; i <= 4; ++i) CHECK(line[i].y == Approx(0.0));  // straight up to the corner
  CHECK(line[5].y > 0.0);
  const double before = line[8].x - line[7].x, after = line[9].x - line[8].x;  // no corner at (1, 1)
  CHECK(before < 0.0);
  CHECK(after < 0.0);
}
