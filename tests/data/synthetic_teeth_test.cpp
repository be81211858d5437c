#include <catch2/catch.hpp>

#include <kashi/core/broadcast.hpp>
#include <kashi/core/reduce.hpp>
#include <kashi/data/synthetic_teeth.hpp>

using namespace kashi;

TEST_CASE("generated teeth follow from the seed for any number of threads") {
  const auto teeth = data::synthetic_teeth({.count = 6, .height = 48, .width = 64, .corrupted = 0.5, .seed = 3});
  REQUIRE(teeth.dataset.size() == 6);
  const ThreadLimit one(1);
  const auto again = data::synthetic_teeth({.count = 6, .height = 48, .width = 64, .corrupted = 0.5, .seed = 3});
  for (Index i = 0; i < 6; ++i) {
    const data::Example example = teeth.dataset.get(i);
    CHECK(example.image.shape() == Shape{48, 64, 1});
    CHECK(example.target.shape() == Shape{48, 64, 1});
    CHECK(min(example.image).item() >= 0.0f);
    CHECK(max(example.image).item() <= 1.0f);
    CHECK(equal(example.image, again.dataset.get(i).image));
    CHECK(equal(example.target, again.dataset.get(i).target));
    CHECK(example.label == (max(example.target).item() > 0 ? 1 : 0));
  }
}

TEST_CASE("just the share that was asked for has a wrong mask, and the truth is known") {
  const auto teeth = data::synthetic_teeth({.count = 40, .height = 48, .width = 64, .corrupted = 0.25});
  CHECK(std::count(teeth.is_corrupted.begin(), teeth.is_corrupted.end(), true) == 10);
  double marked = 0;
  for (Index i = 0; i < 40; ++i) {
    const auto at = static_cast<std::size_t>(i);
    INFO(i);
    CHECK(equal(teeth.dataset.get(i).target, teeth.truth[at]) == !teeth.is_corrupted[at]);
    marked += static_cast<double>(mean(teeth.truth[at]).item()) / 40;
  }
  CHECK(marked > 0.001);
  CHECK(marked < 0.05);
}

TEST_CASE("wrong masks are wrong in several ways") {
  const auto teeth = data::synthetic_teeth({.count = 60, .height = 48, .width = 64, .corrupted = 1});
  int emptied = 0, inverted = 0, other = 0;
  for (Index i = 0; i < 60; ++i) {
    const Tensor<float> given = teeth.dataset.get(i).target, truth = teeth.truth[static_cast<std::size_t>(i)];
    const bool is_empty = max(given).item() == 0,
               is_inverted = equal(given + truth, Tensor<float>::ones(truth.shape()));
    emptied += is_empty;
    inverted += is_inverted;
    other += !is_empty && !is_inverted;
  }
  CHECK(emptied >= 5);
  CHECK(inverted >= 5);
  CHECK(other >= 20);
}

TEST_CASE("decay is darker than the tooth around it") {
  const auto teeth = data::synthetic_teeth({.count = 20, .height = 96, .width = 128});
  double inside = 0, around = 0;
  Index pixels = 0, neighbours = 0;
  for (Index i = 0; i < 20; ++i) {
    const data::Example example = teeth.dataset.get(i);
    for (Index y = 8; y < 88; ++y)
      for (Index x = 8; x < 120; ++x) {
        const float light = example.image(y, x, 0);
        if (example.target(y, x, 0) > 0)
          inside += static_cast<double>(light), ++pixels;
        else if (light > 0.4f)
          around += static_cast<double>(light), ++neighbours;
      }
  }
  REQUIRE(pixels > 100);
  CHECK(inside / static_cast<double>(pixels) < around / static_cast<double>(neighbours) - 0.1);
}

TEST_CASE("teeth of no size are refused") {
  CHECK_THROWS_WITH(data::synthetic_teeth({.height = 16}), Catch::Contains("at least 32x32 pixels"));
  CHECK_THROWS_WITH(data::synthetic_teeth({.corrupted = 1.5}),
                    "synthetic_teeth: corrupted must lie in [0, 1]; got 1.5");
}
