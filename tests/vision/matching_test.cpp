/// Template matching where the answer is known: cut-out templates, gains and offsets, ideal QATM scores, explaining
/// away.
#include <catch2/catch.hpp>

#include <kashi/core/random.hpp>
#include <kashi/vision/ddis.hpp>
#include <kashi/vision/dim.hpp>
#include <kashi/vision/qatm.hpp>

using namespace kashi;
using vision::Similarity;

namespace {

Tensor<float> cut(const Tensor<float>& map, Index y, Index x, Index rows, Index columns) {
  return narrow(narrow(map, 0, y, y + rows), 1, x, x + columns).clone();
}

Tensor<float> changed(const Tensor<float>& map, float gain, float offset) {
  Tensor<float> out = map.clone();
  for (float& value : out.mutable_span()) value = gain * value + offset;
  return out;
}

/// A map whose places hold the patterns named, each a unit vector of its own.
Tensor<float> patterns(const std::vector<Index>& names) {
  Tensor<float> out = Tensor<float>::zeros({1, static_cast<Index>(names.size()), 16});
  for (std::size_t i = 0; i < names.size(); ++i) out.at(0, static_cast<Index>(i), names[i]) = 1;
  return out;
}

}  // namespace

TEST_CASE("A template that was cut out is found at its place with the best score") {
  const Tensor<float> map = random::Generator(1).uniform<float>({12, 15, 3});
  const Tensor<float> templ = cut(map, 4, 7, 5, 6);
  const auto similarity = GENERATE(Similarity::ncc, Similarity::zncc, Similarity::ssd);
  const Tensor<float> scores = vision::match_template(map, templ, similarity);
  CHECK(scores.shape() == Shape{8, 10});
  const auto best = vision::best_place(scores);
  CHECK(best.y == 4);
  CHECK(best.x == 7);
  CHECK(best.score == Approx(similarity == Similarity::ssd ? 0 : 1).margin(1e-4));
}

TEST_CASE("Gain leaves NCC, gain and offset leave ZNCC, a negative gain turns it") {
  const Tensor<float> map = random::Generator(2).uniform<float>({9, 9, 2});
  const Tensor<float> templ = cut(map, 2, 3, 4, 4);
  CHECK(vision::match_template(map, changed(templ, 3, 0))(2, 3) == Approx(1).margin(1e-5));
  CHECK(vision::match_template(map, changed(templ, 3, 2))(2, 3) < 0.999);
  CHECK(vision::match_template(map, changed(templ, 3, 2), Similarity::zncc)(2, 3) == Approx(1).margin(1e-4));
  CHECK(vision::match_template(map, changed(templ, -0.5, 0), Similarity::zncc)(2, 3) == Approx(-1).margin(1e-4));
  CHECK(vision::match_template(map, Tensor<float>::full({4, 4, 2}, 0.5f), Similarity::zncc)(0, 0) == 0);
  CHECK(vision::match_template(Tensor<float>::full({9, 9, 2}, 0.25f), templ, Similarity::zncc)(1, 1) == 0);
  CHECK_THROWS_WITH(vision::match_template(map, Tensor<float>::zeros({10, 4, 2})),
                    Catch::Matchers::Contains("does not fit"));
  CHECK_THROWS_WITH(vision::match_template(map, Tensor<float>::zeros({4, 4, 3})), Catch::Matchers::Contains("[H,W,C]"));
}

TEST_CASE("QATM's ideal scores for M copies in the picture and N in the template") {
  const auto [copies, in_template] = GENERATE(table<Index, Index>({{1, 1}, {3, 1}, {1, 2}, {3, 2}}));
  std::vector<Index> picture, templ;
  for (Index i = 0; i < 8; ++i) picture.push_back(i < copies ? 0 : i + 1);
  for (Index i = 0; i < 4; ++i) templ.push_back(i < in_template ? 0 : i + 10);
  const double alpha = 6;
  const auto quality = vision::qatm_quality(patterns(picture), patterns(templ), {.alpha = alpha, .standardise = false});
  const double m = static_cast<double>(copies), n = static_cast<double>(in_template);
  CHECK(quality(0, 0) == Approx(1 / (m + (8 - m) * std::exp(-alpha)) / (n + (4 - n) * std::exp(-alpha))).epsilon(1e-5));
  const auto root =
      vision::qatm_quality(patterns(picture), patterns(templ), {.alpha = alpha, .standardise = false, .root = true});
  CHECK(root(0, 0) == Approx(std::sqrt(quality(0, 0))).epsilon(1e-5));
}

TEST_CASE("QATM gives 1 / (places points) where all cosines are equal, and finds a cut-out template") {
  const auto flat =
      vision::qatm_quality(Tensor<float>::ones({2, 3, 4}), Tensor<float>::ones({1, 2, 4}), {.standardise = false});
  CHECK(flat(1, 1) == Approx(1.0 / 12).epsilon(1e-5));
  const Tensor<float> map = random::Generator(3).normal<float>({10, 11, 8});
  const auto best = vision::best_place(vision::qatm(map, cut(map, 3, 5, 4, 3)));
  CHECK(best.y == 3);
  CHECK(best.x == 5);
  CHECK(best.score > 0.9);
}

TEST_CASE("DDIS of the template itself is its number of points, and it bears a deformation") {
  const Tensor<float> map = random::Generator(4).normal<float>({10, 11, 6});
  const auto scores = vision::ddis(map, cut(map, 3, 5, 4, 4));
  const auto best = vision::best_place(scores);
  CHECK(best.y == 3);
  CHECK(best.x == 5);
  CHECK(best.score == Approx(16));
  CHECK(vision::ddis(Tensor<float>::ones({4, 4, 2}), Tensor<float>::ones({4, 4, 2}))(0, 0) <
        1e-3);  // all share one neighbour
}

TEST_CASE("DIM finds a template in a mirrored map, and one explanation quiets another") {
  const Tensor<float> features = random::Generator(5).normal<float>({21, 23, 3});
  const Tensor<float> templ = vision::on_off(cut(features, 6, 9, 5, 7));
  const auto y = vision::dim(vision::on_off(features), templ.reshape(Shape{1, 5, 7, 6}));
  const auto best = vision::best_place(y[0]);
  CHECK(best.y == 8);
  CHECK(best.x == 12);
  for (const float value : y.span()) CHECK((std::isfinite(value) && value >= 0));

  // Two templates that share 4 of 7 columns; the picture is the first. The second's answer fades.
  const Tensor<float> first = random::Generator(6).uniform<float>({5, 7, 3});
  Tensor<float> second = random::Generator(7).uniform<float>({5, 7, 3});
  for (Index row = 0; row < 5; ++row)
    for (Index column = 0; column < 4; ++column)
      for (Index c = 0; c < 3; ++c) second.at(row, column, c) = first(row, column, c);
  Tensor<float> picture = Tensor<float>::zeros({15, 17, 3});
  for (Index row = 0; row < 5; ++row)
    for (Index column = 0; column < 7; ++column)
      for (Index c = 0; c < 3; ++c) picture.at(row + 5, column + 5, c) = first(row, column, c);
  double before = 2, peak_before = 0;
  for (const Index iterations : {1, 5, 10, 30}) {
    const auto both = vision::dim(picture, stack({first, second}), {.iterations = iterations});
    const double ratio = static_cast<double>(both(1, 7, 8)) / static_cast<double>(both(0, 7, 8));
    CHECK(ratio < before);
    before = ratio;
    const double peak = static_cast<double>(
        vision::dim(picture, first.reshape(Shape{1, 5, 7, 3}), {.iterations = iterations})(0, 7, 8));
    CHECK(peak > peak_before);
    CHECK(peak <= static_cast<double>(max(first).item()) + 1e-3);
    peak_before = peak;
  }
  CHECK(before < 0.5);
  CHECK(peak_before > 0.95 * static_cast<double>(max(first).item()));
}

TEST_CASE("DIM refuses negative values and even sides") {
  const Tensor<float> map = Tensor<float>::full({9, 9, 2}, -1);
  CHECK_THROWS_WITH(vision::dim(map, Tensor<float>::ones({1, 3, 3, 2})), Catch::Matchers::Contains("on_off"));
  CHECK_THROWS_WITH(vision::dim(changed(map, -1, 0), Tensor<float>::ones({1, 4, 3, 2})),
                    Catch::Matchers::Contains("odd"));
}
