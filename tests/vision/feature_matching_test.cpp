/// Matching on maps of layers: cells where they belong, boxes between pixels, rivals.
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

TEST_CASE("A patch is found where it was moved to") {
  const Tensor<float> patch = random::Generator(1).uniform<float>({8, 8, 3});
  Tensor<float> from = random::Generator(2).uniform<float>({32, 40, 3}), to = random::Generator(3).uniform<float>({32, 40, 3});
  paste(from, patch, 8, 16);
  paste(to, patch, 20, 4);
  const auto rivals = GENERATE(Index{0}, Index{3});
  const auto match = vision::match_features(maps_of(from), 32, 40, {16, 8, 8, 8}, maps_of(to), 32, 40, {.rivals = rivals});
  CHECK(match.found.x == Approx(4).margin(0.5));
  CHECK(match.found.y == Approx(20).margin(0.5));
  CHECK(match.found.width == 8);
  CHECK(match.score > 0.5);
}

TEST_CASE("A rival takes what belongs to it") {
  // The search picture holds a spoilt template, and what stood beside the template, which is nearly as like it.
  const Tensor<float> patch = random::Generator(4).uniform<float>({8, 8, 3}), noise = random::Generator(5).normal<float>({8, 8, 3});
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
  const auto alone = vision::match_features(maps_of(from), 32, 40, box, maps_of(to), 32, 40), with = vision::match_features(maps_of(from), 32, 40, box, maps_of(to), 32, 40, {.rivals = 1});
  CHECK(alone.found.x == Approx(24).margin(1));
  CHECK(with.found.x == Approx(4).margin(1));
}

TEST_CASE("Boxes outside and layers without maps are told") {
  const Tensor<float> picture = random::Generator(6).uniform<float>({16, 16, 3});
  CHECK_THROWS_WITH(vision::match_features(maps_of(picture), 16, 16, {10, 0, 8, 8}, maps_of(picture), 16, 16), Catch::Matchers::Contains("must lie in its picture"));
  CHECK_THROWS_WITH(vision::match_features(maps_of(picture), 16, 16, {0, 0, 12, 12}, maps_of(picture), 8, 8), Catch::Matchers::Contains("does not fit"));
  nn::Sequential<float> net{nn::GlobalAvgPool2d<float>()};
  CHECK_THROWS_WITH(vision::feature_maps(net, {{"0"}}, picture), Catch::Matchers::Contains("no map"));
  CHECK_THROWS_WITH(vision::feature_maps(net, {{"7"}}, picture), Catch::Matchers::Contains("there is no layer"));
}
