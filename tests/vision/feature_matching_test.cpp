/// Matching on maps of layers: cells where they belong, boxes between pixels, foreground, rivals.
#include <catch2/catch.hpp>

#include <kashi/core/random.hpp>
#include <kashi/nn/container.hpp>
#include <kashi/nn/pool.hpp>
#include <kashi/vision/feature_matching.hpp>

using namespace kashi;
using vision::Box;

namespace {

/// The maps of a picture under an identity and a 2x2 average: strides 1 and 2.
std::vector<vision::FeatureMap> maps_of(const Tensor<float>& picture, double scale = 1) {
  nn::Sequential<float> net{nn::Identity<float>(), nn::AvgPool2d<float>(2)};
  return vision::feature_maps(net, {{"0", 1, 0}, {"1", 2, 0.5}}, picture, scale);
}

void paste(Tensor<float>& picture, const Tensor<float>& patch, Index y, Index x) {
  for (Index i = 0; i < patch.size(0); ++i)
    for (Index j = 0; j < patch.size(1); ++j)
      for (Index c = 0; c < 3; ++c) picture.at(y + i, x + j, c) = patch(i, j, c);
}

}  // namespace

TEST_CASE("A ramp sampled from any layer is the ramp at the cells' centres") {
  Tensor<float> picture = Tensor<float>::empty({20, 24, 3});
  for (Index y = 0; y < 20; ++y)
    for (Index x = 0; x < 24; ++x)
      for (Index c = 0; c < 3; ++c) picture.at(y, x, c) = static_cast<float>(c == 0 ? x : y);
  for (const auto& map : maps_of(picture)) {
    const auto cells = vision::sample(map, {4.5, 6, 2.5, 3, 4, 3});
    CHECK(cells(0, 0, 0) == Approx(4.5 + 1.25 - 0.5));
    CHECK(cells(1, 3, 0) == Approx(4.5 + 3.5 * 2.5 - 0.5));
    CHECK(cells(2, 0, 1) == Approx(6 + 2.5 * 3 - 0.5));
  }
  // A picture of twice the size has its cells at half the distance.
  const auto doubled = maps_of(picture, 2)[0];
  CHECK(doubled.stride == 0.5);
  CHECK(doubled.offset == Approx(-0.25));
}

TEST_CASE("Correlating first and interpolating after gives what correlating interpolated maps gives") {
  const auto maps = maps_of(random::Generator(7).normal<float>({24, 30, 3}));
  const vision::Grid grid{1.5, 2, 1.7, 1.3, 15, 16};
  const vision::detail::GridFeatures features(maps, grid);
  const Tensor<float> both = concat({vision::sample(maps[0], grid), vision::sample(maps[1], grid)}, 2);
  for (Index y = 0; y < 16; ++y)
    for (Index x = 0; x < 15; ++x) {
      double length = 0;
      for (Index c = 0; c < 6; ++c) length += std::pow(static_cast<double>(both(y, x, c)), 2);
      CHECK(static_cast<double>(features.lengths(y, x)) == Approx(length).margin(1e-4));
    }
  const auto templ = features.window({3, 4, 1}, 5, 6);
  const auto scores = vision::detail::correlate(features, templ, std::vector<float>(30, 1.0f));
  const auto direct = vision::match_template(both, concat(templ, 2));
  CHECK(scores.shape() == direct.shape());
  CHECK(allclose(scores, direct, 1e-4f, 1e-4f));
  CHECK(scores(3, 4) == Approx(1).margin(1e-4));
}

TEST_CASE("Grids divide a template whatever its place, and aligned maps hold it") {
  const Tensor<float> picture = random::Generator(8).uniform<float>({40, 50, 3});
  const auto maps = maps_of(picture);
  const auto grids = vision::template_grids(maps, 40, 50, {13.5, 7.25, 12, 24}, maps, 40, 50, 8);
  CHECK(grids.rows == 11);
  CHECK(grids.columns == 6);
  CHECK(grids.own.x + static_cast<double>(grids.place.x) * grids.own.width == Approx(13.5));
  CHECK(grids.own.y + static_cast<double>(grids.place.y) * grids.own.height == Approx(7.25));
  const auto aligned = vision::align_maps(maps, maps, grids);
  CHECK(aligned.templ.shape() == Shape{11, 6, 6});
  CHECK(vision::match_template(aligned.own, aligned.templ)(grids.place.y, grids.place.x) == Approx(1).margin(1e-4));
  // Cells are not finer than half the finest layer's stride.
  CHECK(vision::template_grids({maps[1]}, 40, 50, {0, 0, 8, 8}, {maps[1]}, 40, 50, 100).rows == 8);
}

TEST_CASE("A patch is found where it was moved to") {
  const Tensor<float> patch = random::Generator(1).uniform<float>({8, 8, 3});
  Tensor<float> from = random::Generator(2).uniform<float>({32, 40, 3}),
                to = random::Generator(3).uniform<float>({32, 40, 3});
  paste(from, patch, 8, 16);
  paste(to, patch, 20, 4);
  const auto candidates = GENERATE(Index{1}, Index{4});
  const auto match =
      vision::match_features(maps_of(from), 32, 40, {16, 8, 8, 8}, maps_of(to), 32, 40, {.candidates = candidates});
  CHECK(match.found.x == Approx(4).margin(0.5));
  CHECK(match.found.y == Approx(20).margin(0.5));
  CHECK(match.found.width == 8);
  CHECK(match.score > 0.5);
}

TEST_CASE("What answers another place of the template's picture is less believed") {
  // The search picture holds a spoilt template, and what stood beside the template, which is nearly as like it.
  const Tensor<float> patch = random::Generator(4).uniform<float>({8, 8, 3}),
                      noise = random::Generator(5).normal<float>({8, 8, 3});
  Tensor<float> rival = patch.clone(), spoilt = patch.clone();
  for (Index i = 0; i < patch.numel(); ++i) {
    rival.mutable_data()[i] += 0.20f * noise.data()[i];
    spoilt.mutable_data()[i] += 0.24f * noise.data()[patch.numel() - 1 - i];
  }
  Tensor<float> from = Tensor<float>::full({32, 40, 3}, 0.5f), to = from.clone();
  paste(from, patch, 8, 16);
  paste(from, rival, 20, 28);
  paste(to, spoilt, 4, 4);
  paste(to, rival, 16, 24);
  const Box box{16, 8, 8, 8};
  const auto found = [&](Index candidates) {
    return vision::match_features(maps_of(from), 32, 40, box, maps_of(to), 32, 40,
                                  {.surroundings = 0, .candidates = candidates});
  };
  const auto alone = found(1), with = found(6);
  CHECK(alone.found.x == Approx(24).margin(1));
  CHECK(with.found.x == Approx(4).margin(1));
}

TEST_CASE("Cells that look like the surroundings count less") {
  Tensor<float> picture = Tensor<float>::full({32, 40, 3}, 0.5f);
  paste(picture, random::Generator(9).normal<float>({8, 8, 3}), 8, 16);
  const auto maps = maps_of(picture);
  const auto grids =
      vision::template_grids(maps, 32, 40, {16, 8, 16, 8}, maps, 32, 40, 8);  // its right half is background
  const vision::detail::GridFeatures own(maps, grids.own);
  const auto weights = vision::detail::foreground_weights(own, grids, 0.5);
  double left = 0, right = 0;
  for (std::size_t i = 0; i < weights.size(); ++i)
    (static_cast<Index>(i) % grids.columns < grids.columns / 2 ? left : right) += static_cast<double>(weights[i]);
  CHECK(left > 2 * right);
  CHECK((left + right) == Approx(static_cast<double>(weights.size())));
}

TEST_CASE("Boxes outside and layers without maps are told") {
  const Tensor<float> picture = random::Generator(6).uniform<float>({16, 16, 3});
  CHECK_THROWS_WITH(vision::match_features(maps_of(picture), 16, 16, {10, 0, 8, 8}, maps_of(picture), 16, 16),
                    Catch::Matchers::Contains("must lie in its picture"));
  CHECK_THROWS_WITH(vision::match_features(maps_of(picture), 16, 16, {0, 0, 12, 12}, maps_of(picture), 8, 8),
                    Catch::Matchers::Contains("does not fit"));
  nn::Sequential<float> net{nn::GlobalAvgPool2d<float>()};
  CHECK_THROWS_WITH(vision::feature_maps(net, {{"0"}}, picture), Catch::Matchers::Contains("no map"));
  CHECK_THROWS_WITH(vision::feature_maps(net, {{"7"}}, picture), Catch::Matchers::Contains("there is no layer"));
}
