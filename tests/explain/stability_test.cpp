/// Changes of maps whose size is known.
#include <catch2/catch.hpp>

#include <kashi/explain/stability.hpp>

using namespace kashi;

namespace {

const Tensor<double> rising({2, 5}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10});

Tensor<double> times(const Tensor<double>& x, double factor) {
  Tensor<double> out = x.clone();
  for (double& value : out.mutable_span()) value *= factor;
  return out;
}

/// The brightness of each pixel.
Tensor<double> brightness(const Tensor<double>& image) { return sum(image, {2}); }

}  // namespace

TEST_CASE("A map that did not change, was scaled, or turned around") {
  const auto same = explain::map_change(rising, rising.clone());
  CHECK(same.rank_correlation == Approx(1));
  CHECK(same.distance == 0);
  CHECK(same.top_overlap == 1);
  const auto doubled = explain::map_change(rising, times(rising, 2));
  CHECK(doubled.rank_correlation == Approx(1));
  CHECK(doubled.distance == Approx(1));
  CHECK(doubled.top_overlap == 1);
  const auto turned = explain::map_change(rising, times(rising, -1), 0.3);
  CHECK(turned.rank_correlation == Approx(-1));
  CHECK(turned.distance == Approx(2));
  CHECK(turned.top_overlap == 0);
}

TEST_CASE("The share of common top places") {
  const Tensor<double> other({2, 5}, {10, 2, 3, 4, 5, 6, 7, 8, 9, 1});
  CHECK(explain::map_change(rising, other, 0.1).top_overlap == 0);
  CHECK(explain::map_change(rising, other, 0.2).top_overlap == Approx(0.5));
  CHECK(explain::map_change(rising, other, 1).top_overlap == 1);
  CHECK_THROWS_WITH(explain::map_change(rising, other, 0), Catch::Matchers::Contains("(0,1]"));
  CHECK_THROWS_AS(explain::map_change(rising, Tensor<double>::zeros({5, 2})), ShapeError);
}

TEST_CASE("A map of zeros has nothing to be compared with") {
  const Tensor<double> zeros = Tensor<double>::zeros({2, 5});
  CHECK(explain::map_change(zeros, zeros).distance == 0);
  CHECK(explain::map_change(zeros, zeros).rank_correlation == 0);
  CHECK(std::isinf(explain::map_change(zeros, rising).distance));
  CHECK(explain::map_change(rising, zeros).distance == Approx(1));
}

TEST_CASE("Max-sensitivity of a constant explainer is 0, and within the bound of a linear one") {
  const Tensor<double> image = random::Generator(1).uniform<double>({4, 4, 1}, 0.5, 1.0);
  CHECK(explain::max_sensitivity<double>([](const auto&) { return rising; }, image) == 0);
  const double few = explain::max_sensitivity<double>(brightness, image, {.radius = 0.1, .samples = 2}),
               many = explain::max_sensitivity<double>(brightness, image, {.radius = 0.1, .samples = 20});
  CHECK(few > 0);
  CHECK(many >= few);
  CHECK(many <= 0.1 / 0.5);
  CHECK_THROWS_WITH(explain::max_sensitivity<double>(brightness, image, {.samples = 0}),
                    Catch::Matchers::Contains(".samples"));
}

TEST_CASE("Moving repeats the edges, and back again the inside is the same") {
  const Tensor<double> image({2, 3, 1}, {1, 2, 3, 4, 5, 6});
  const auto moved = explain::shifted(image, 1, -1);
  CHECK(equal(moved, Tensor<double>({2, 3, 1}, {2, 3, 3, 2, 3, 3})));
  CHECK(equal(explain::inside(Tensor<double>({3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9}), 1), Tensor<double>({1, 1}, {5})));
  CHECK_THROWS_AS(explain::inside(rising, 1), ShapeError);
  const Tensor<double> scene = random::Generator(2).uniform<double>({9, 8, 3});
  const auto change = explain::change_by_shift<double>(brightness, scene, 2, -1);
  CHECK(change.rank_correlation == Approx(1));
  CHECK(change.distance == 0);
  const auto fixed = random::Generator(3).uniform<double>({9, 8});
  CHECK(explain::change_by_shift<double>([&](const auto&) { return fixed; }, scene, 2, -1).distance > 0.1);
}
