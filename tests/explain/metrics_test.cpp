/// Metrics of maps on models that look at known pixels.
#include <catch2/catch.hpp>

#include <kashi/explain/metrics.hpp>

using namespace kashi;

namespace {

/// p(class 1) grows with the mean of the upper row; the other rows count nothing.
Variable<double> upper_row(const Variable<double>& x) {
  const Variable<double> score = reshape(mean(narrow(x, 1, 0, 1), {1, 2, 3}), Shape{x.size(0), 1}) * 8.0 - 4.0;
  return concat({score * 0.0, score}, 1);
}

const Tensor<double> image = Tensor<double>::ones({4, 4, 3});
const Tensor<double> nothing = Tensor<double>::zeros({4, 4, 3});

Tensor<double> rows_map(std::initializer_list<double> values) {
  Tensor<double> out = Tensor<double>::empty({4, 4});
  Index y = 0;
  for (const double value : values) {
    for (Index x = 0; x < 4; ++x) out.at(y, x) = value;
    ++y;
  }
  return out;
}

}  // namespace

TEST_CASE("The area of a curve is its mean height by trapezoids") {
  CHECK(explain::Curve{{0.3, 0.3, 0.3}}.area() == Approx(0.3));
  CHECK(explain::Curve{{1, 0.75, 0.5, 0.25, 0}}.area() == Approx(0.5));
}

TEST_CASE("A map of what counts has the best insertion and deletion, and only its order matters") {
  const auto good = rows_map({4, 3, 2, 1}), bad = rows_map({1, 2, 3, 4}), squared = rows_map({16, 9, 4, 1});
  const auto deletion = [&](const Tensor<double>& map) {
    return explain::change_curve<double>(upper_row, image, nothing, map, 1, {.steps = 16, .batch = 5});
  };
  const auto insertion = [&](const Tensor<double>& map) {
    return explain::change_curve<double>(upper_row, nothing, image, map, 1, {.steps = 16, .batch = 5});
  };
  CHECK(deletion(good).scores.size() == 17);
  CHECK(deletion(good).scores.front() == Approx(1 / (1 + std::exp(-4.0))));
  CHECK(deletion(good).scores[4] == Approx(1 / (1 + std::exp(4.0))));
  CHECK(deletion(good).area() < deletion(bad).area());
  CHECK(insertion(good).area() > insertion(bad).area());
  CHECK(deletion(good).area() == Approx(deletion(squared).area()));
  CHECK_THROWS_WITH(explain::change_curve<double>(upper_row, image, nothing, Tensor<double>::ones({4, 5}), 1),
                    Catch::Matchers::Contains("map [H,W]"));
}

TEST_CASE("Deletion ends in nothing and insertion starts blurred") {
  const auto map = rows_map({4, 3, 2, 1});
  const auto gone = explain::deletion<double>(upper_row, image, map, 1, {.steps = 4}, {0.5, 0.5, 0.5});
  CHECK(gone.scores.back() == Approx(0.5));
  const Tensor<double> striped = explain::masked_image(image, rows_map({1, 0, 1, 0}));
  const auto back = explain::insertion<double>(upper_row, striped, map, 1, {.steps = 4});
  CHECK(back.scores.back() == Approx(1 / (1 + std::exp(-4.0))));
  CHECK(back.scores.front() < back.scores.back());
}

TEST_CASE("A blur keeps flat images and spreads a point as the Gaussian does") {
  const auto flat = explain::blurred(image);
  for (const double value : flat.span()) CHECK(value == Approx(1));
  Tensor<double> point = Tensor<double>::zeros({9, 9, 1});
  point.at(4, 4, 0) = 1;
  const auto spread = explain::blurred(point, 1.5, 3);
  CHECK(sum(spread).item() == Approx(1));
  CHECK(spread(4, 5, 0) / spread(4, 4, 0) == Approx(std::exp(-1 / 4.5)));
  CHECK(spread(5, 6, 0) == Approx(spread(6, 5, 0)));
  CHECK(spread(0, 4, 0) == 0);
  CHECK_THROWS_AS(explain::blurred(Tensor<double>::ones({4, 4})), ShapeError);
}

TEST_CASE("Maps that know nothing") {
  const auto centre = explain::centre_map<double>(5, 7);
  CHECK(centre(2, 3) == 1);
  CHECK(centre(0, 0) == Approx(0).margin(1e-12));
  CHECK(centre(2, 0) == centre(2, 6));
  const auto random = explain::random_map<double>(5, 7, 3);
  CHECK(equal(random, explain::random_map<double>(5, 7, 3)));
  CHECK_FALSE(equal(random, explain::random_map<double>(5, 7, 4)));
}

TEST_CASE("The parts of ADCC") {
  const auto map = rows_map({1, 0, 0, 0});
  const auto parts = explain::adcc_parts<double>(
      upper_row, [&](const auto&) { return map; }, image, map, 1);
  CHECK(parts.coherency == Approx(1));
  CHECK(parts.complexity == Approx(0.25));
  CHECK(parts.drop == Approx(0).margin(1e-12));
  CHECK(parts.adcc() == Approx(3 / (1 + 1 / 0.75 + 1)));
}

TEST_CASE("Masking by what counts drops nothing, by the rest nearly all") {
  const auto kept = explain::masked_score<double>(upper_row, image, rows_map({1, 0, 0, 0}), 1),
             lost = explain::masked_score<double>(upper_row, image, rows_map({0, 1, 1, 1}), 1);
  CHECK(kept.drop() == Approx(0).margin(1e-12));
  CHECK_FALSE(kept.increased());
  CHECK(lost.drop() > 0.9);
  CHECK(explain::MaskedScore{0.4, 0.5}.increased());
  CHECK(explain::MaskedScore{0.4, 0.5}.drop() == 0);
  CHECK(explain::masked_image(image, rows_map({0, 1, 1, 1}), {0.5, 0.25, 0})(0, 2, 1) == Approx(0.25));
}

TEST_CASE("ADCC is a harmonic mean, and a map of ones does not fool it") {
  CHECK(explain::adcc(0.5, 0.5, 0.5) == Approx(0.5));
  CHECK(explain::adcc(1, 1, 0) == 0);
  CHECK(explain::adcc(0.8, 0.25, 0.1) == Approx(3 / (1 / 0.8 + 1 / 0.75 + 1 / 0.9)));
  CHECK(explain::complexity(rows_map({1, 0, 0, -1})) == Approx(0.5));
  CHECK(explain::coherency(rows_map({1, 2, 3, 4}), rows_map({4, 3, 2, 1})) == Approx(0).margin(1e-12));
  CHECK(explain::coherency(rows_map({1, 1, 1, 1}), rows_map({4, 3, 2, 1})) == 0.5);
}

TEST_CASE("Rank correlation") {
  const std::vector<double> a{1, 2, 3, 4}, reversed{4, 3, 2, 1}, cubes{1, 8, 27, 64}, ties{1, 1, 2, 2},
      constant{5, 5, 5, 5};
  CHECK(explain::spearman(a, a) == Approx(1));
  CHECK(explain::spearman(a, reversed) == Approx(-1));
  CHECK(explain::spearman(a, cubes) == Approx(1));
  CHECK(explain::spearman(a, ties) == Approx(2 / std::sqrt(5.0)));
  CHECK(explain::spearman(a, constant) == 0);
  CHECK_THROWS_AS(explain::pearson(a, std::vector<double>{1}), ShapeError);
}

TEST_CASE("Pointing game and energy inside the object") {
  Tensor<bool> object = Tensor<bool>::full({4, 4}, false);
  object.at(0, 0) = object.at(0, 1) = true;
  CHECK(explain::points_at(rows_map({4, 3, 2, 1}), object, 0));
  CHECK_FALSE(explain::points_at(rows_map({1, 2, 3, 4}), object, 2));
  CHECK(explain::points_at(rows_map({1, 2, 3, 4}), object, 3));
  CHECK(explain::energy_inside(rows_map({1, 1, -5, 0}), object) == Approx(0.25));
  CHECK(explain::energy_inside(rows_map({0, 0, 0, 0}), object) == 0);
}
