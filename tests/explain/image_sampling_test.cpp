/// Views of an image: exact where they must be, differentiable everywhere.
#include <catch2/catch.hpp>

#include <kashi/autograd/grad_check.hpp>
#include <kashi/explain/image_sampling.hpp>

using namespace kashi;
using explain::View;

namespace {

Variable<double> numbered(Index height, Index width) {
  auto image = Tensor<double>::empty({1, height, width, 1});
  for (Index i = 0; i < image.numel(); ++i) image.mutable_data()[i] = static_cast<double>(i);
  return Variable<double>(image);
}

}  // namespace

TEST_CASE("The middle view is the middle of the image") {
  const auto view = explain::sample_views(numbered(6, 8), {View{}}, 4, 4).value();
  for (Index y = 0; y < 4; ++y)
    for (Index x = 0; x < 4; ++x) CHECK(view(0, y, x, 0) == static_cast<double>((y + 1) * 8 + x + 2));
}

TEST_CASE("A shift moves the view, and the border goes on") {
  const auto view = explain::sample_views(numbered(4, 4), {View{.shift_x = 2, .shift_y = -1}}, 4, 4).value();
  CHECK(view(0, 1, 0, 0) == 2);
  CHECK(view(0, 1, 1, 0) == 3);
  CHECK(view(0, 1, 3, 0) == 3);
  CHECK(view(0, 0, 0, 0) == 2);
}

TEST_CASE("A quarter turn turns, a scale spreads") {
  const auto turned = explain::sample_views(numbered(3, 3), {View{.angle = std::numbers::pi / 2}}, 3, 3).value();
  CHECK(turned(0, 0, 0, 0) == Approx(2));
  CHECK(turned(0, 0, 2, 0) == Approx(8));
  CHECK(turned(0, 2, 0, 0) == Approx(0).margin(1e-9));
  const auto spread = explain::sample_views(numbered(5, 5), {View{.scale = 2}}, 3, 3).value();
  CHECK(spread(0, 0, 0, 0) == 0);
  CHECK(spread(0, 0, 1, 0) == 2);
  CHECK(spread(0, 2, 2, 0) == 24);
}

TEST_CASE("Views are differentiable in the pixels") {
  const std::vector<View> views{{.shift_x = 0.3, .shift_y = 1.2, .scale = 0.9, .angle = 0.2},
                                {.shift_x = -2, .scale = 1.3}};
  CHECK(grad_check([&](const auto& x) { return explain::sample_views(x, views, 4, 3); },
                   {random::Generator(1).normal<double>({1, 5, 6, 2}, 0, 1)}, {.order = 2}));
}

TEST_CASE("Random views keep to their bounds, and are the same for the same stream") {
  const explain::ViewOptions options{.jitter = 3, .scale = 0.2, .rotation = 5};
  double widest = 0;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const View view = explain::random_view(random::Philox(7, i), options);
    CHECK(std::abs(view.shift_x) <= 3);
    CHECK(std::abs(view.shift_y) <= 3);
    CHECK(std::abs(view.scale - 1) <= 0.2);
    CHECK(std::abs(view.angle) <= 5 * std::numbers::pi / 180);
    widest = std::max(widest, std::abs(view.shift_x));
  }
  CHECK(widest > 2.5);
  CHECK(explain::random_view(random::Philox(7, 3), options).angle ==
        explain::random_view(random::Philox(7, 3), options).angle);
}

TEST_CASE("sample_views refuses what it can't sample") {
  CHECK_THROWS_WITH(explain::sample_views(Variable<double>(Tensor<double>::zeros({2, 3, 3, 1})), {View{}}, 3, 3),
                    Catch::Matchers::Contains("one image [1,H,W,C] is needed; got [2,3,3,1]"));
  CHECK_THROWS_WITH(explain::sample_views(numbered(3, 3), {}, 3, 3), Catch::Matchers::Contains("at least one view"));
}
