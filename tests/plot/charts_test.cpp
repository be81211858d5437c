/// Charts: ticks, places of the data, and input that has gaps or nothing at all.
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <kashi/plot/axes.hpp>
#include <kashi/plot/bar_chart.hpp>
#include <kashi/plot/confusion_matrix.hpp>
#include <kashi/plot/line_chart.hpp>

using namespace kashi;
using namespace kashi::plot;

namespace {

constexpr Color marker{255, 0, 255};

struct Extent {
  Index left = 1 << 20, right = -1, top = 1 << 20, bottom = -1, count = 0;
};

/// Where the pixels of a colour lie.
Extent extent_of(const Image& image, Color color) {
  Extent out;
  for (Index y = 0; y < image.size(0); ++y) {
    for (Index x = 0; x < image.size(1); ++x) {
      if (image(y, x, 0) != color.red || image(y, x, 1) != color.green || image(y, x, 2) != color.blue) continue;
      out = {std::min(out.left, x), std::max(out.right, x), std::min(out.top, y), std::max(out.bottom, y),
             out.count + 1};
    }
  }
  return out;
}

Series marked(std::vector<double> y, std::vector<double> x = {}) {
  return {.y = std::move(y), .x = std::move(x), .color = marker};
}

}  // namespace

TEST_CASE("ticks are round numbers inside the range") {
  CHECK(round_ticks({0, 1}, 5) == std::vector<double>{0, 0.2, 0.4, 3 * 0.2, 0.8, 1});
  CHECK(round_ticks({1, 25}, 5) == std::vector<double>{5, 10, 15, 20, 25});
  CHECK(round_ticks({-3, 4}, 3) == std::vector<double>{-2, 0, 2, 4});
  CHECK(round_ticks({2, 2}, 3) == std::vector<double>{2});
  const auto tiny = round_ticks({1e-9, 3e-9}, 4);
  CHECK(tiny.size() >= 3);
  CHECK(tiny.size() <= 7);
}

TEST_CASE("tick labels have the decimals that they need") {
  CHECK(format_tick(0.25, 0.05) == "0.25");
  CHECK(format_tick(0.2, 0.2) == "0.2");
  CHECK(format_tick(100, 20) == "100");
  CHECK(format_tick(2e-9, 5e-10) == "2e-09");
  CHECK(format_tick(3e7, 1e7) == "3e+07");
  CHECK(format_tick(1, 0) == "1");
}

TEST_CASE("a curve rises where its numbers rise, and ends where the axis ends") {
  const Image chart = line_chart({marked(std::vector<double>(30, 0.5))}, {.y_low = 0.0, .y_high = 1.0});
  const Extent level = extent_of(chart, marker);
  CHECK(level.bottom - level.top <= 3);
  CHECK(level.right - level.left > 690);
  // Half way between the axis's ends.
  const Extent low =
      extent_of(line_chart({marked(std::vector<double>(30, 0.0))}, {.y_low = 0.0, .y_high = 1.0}), marker);
  const Extent high =
      extent_of(line_chart({marked(std::vector<double>(30, 1.0))}, {.y_low = 0.0, .y_high = 1.0}), marker);
  CHECK(std::abs((low.top + high.top) / 2 - level.top) <= 1);
  CHECK(high.top < low.top);
}

TEST_CASE("a logarithmic axis makes powers of ten even steps") {
  std::vector<double> y;
  for (int i = 0; i < 30; ++i) y.push_back(std::pow(10.0, -i / 10.0));
  const Image chart = line_chart({marked(y)}, {.log_y = true});
  // Straight: the middle of the line lies in the middle of its box.
  const Extent box = extent_of(chart, marker);
  const Index middle = (box.left + box.right) / 2;
  Index row = -1;
  for (Index r = box.top; r <= box.bottom && row < 0; ++r) {
    if (chart(r, middle, 0) == 255 && chart(r, middle, 1) == 0) row = r;
  }
  CHECK(std::abs(row - (box.top + box.bottom) / 2) <= 3);
  CHECK(line_chart({marked({1, 0, -1, 5})}, {.log_y = true}).size(2) == 3);
}

TEST_CASE("gaps, single points and empty charts are drawn as what they are") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  const Extent point = extent_of(line_chart({marked({3})}), marker);
  CHECK(point.right - point.left < 10);
  CHECK(point.count > 5);
  CHECK(extent_of(line_chart({marked({nan, infinity, -infinity})}), marker).count == 0);
  CHECK(extent_of(line_chart({}), marker).count == 0);
  const Extent gap = extent_of(line_chart({marked({1, nan, nan, nan, 1})}), marker);
  CHECK(gap.count < 200);
  CHECK(line_chart({marked({1e300, -1e300})}).size(2) == 3);
  CHECK(line_chart({marked({5e-324, 0})}).size(2) == 3);
}

TEST_CASE("a curve that leaves the axis is cut at its edge") {
  const Image chart = line_chart({marked({0.5, 50, 0.5, -50, 0.5})}, {.title = "title", .y_low = 0.0, .y_high = 1.0});
  const Extent box = extent_of(chart, marker);
  const Extent inside =
      extent_of(line_chart({marked({0, 1})}, {.title = "title", .y_low = 0.0, .y_high = 1.0}), marker);
  CHECK(box.top >= inside.top - 6);
  CHECK(box.bottom <= inside.bottom + 6);
}

TEST_CASE("charts refuse what does not fit together") {
  CHECK_THROWS_WITH(line_chart({{.name = "a", .y = {1, 2}, .x = {1}}}), "line_chart: series \"a\" has 1 x and 2 y");
  CHECK_THROWS_AS(line_chart({}, {.width = 50}), ValueError);
  CHECK_THROWS_AS(line_chart({marked({1})}, {.y_low = 2.0, .y_high = 1.0}), ValueError);
  CHECK_THROWS_WITH(bar_chart({"a", "b"}, {{.name = "s", .values = {1}}}),
                    "bar_chart: series \"s\" has 1 values for 2 labels");
  CHECK_THROWS_AS(bar_chart({"a"}, {{.values = {1}}}, {.low = 3.0, .high = 2.0}), ValueError);
}

TEST_CASE("bars are as long as their values") {
  const auto length = [](double value) {
    const Extent bar =
        extent_of(bar_chart({"a", "b"}, {{.values = {value, 1}, .color = marker}}, {.high = 2.0}), marker);
    return bar.right - bar.left;
  };
  const double whole = static_cast<double>(length(2));
  CHECK(static_cast<double>(length(1)) == Approx(whole / 2).margin(2));
  CHECK(length(5) == length(2));
  const Image chart = bar_chart(
      {"x", "y"}, {{.name = "s", .values = {-1, std::nan("")}}, {.name = "t", .values = {2, 0}}}, {.title = "Bars"});
  CHECK(chart.size(1) == 800);
  CHECK(bar_chart({}, {}).size(2) == 3);
}

TEST_CASE("a confusion matrix is dark where the counts are") {
  const Tensor<std::int64_t> counts({2, 2}, {90, 0, 10, 0});
  const Image picture = confusion_matrix(counts, {"cat", "dog"});
  // Both rows go to the first class wholly, so both cells are the darkest.
  const Extent dark = extent_of(picture, map_color(ColorMap::blues, 1)),
               pale = extent_of(picture, map_color(ColorMap::blues, 0));
  CHECK(dark.right < pale.left);
  CHECK(dark.top == pale.top);
  CHECK(dark.bottom == pale.bottom);
  CHECK_THROWS_WITH(confusion_matrix(counts, {"cat"}), "confusion_matrix: 2 classes need as many names; got 1");
  CHECK_THROWS_AS(confusion_matrix(Tensor<std::int64_t>::zeros({2, 3}), {"a", "b"}), ShapeError);
}

TEST_CASE("confusion matrices of many classes keep within their size") {
  for (const Index classes : {1, 30, 100, 300}) {
    const std::vector<std::string> names(static_cast<std::size_t>(classes), "a rather long name");
    const Image picture = confusion_matrix(Tensor<std::int64_t>::zeros({classes, classes}), names);
    INFO(classes << " classes");
    CHECK(picture.size(0) <= 1450);
    CHECK(picture.size(1) <= 1450);
  }
}
