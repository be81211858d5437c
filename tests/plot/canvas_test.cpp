/// Drawing, pixel by pixel.
#include <limits>
#include <vector>

#include <catch2/catch.hpp>

#include <kashi/plot/boxes.hpp>
#include <kashi/plot/canvas.hpp>
#include <kashi/plot/text.hpp>

using namespace kashi;
using namespace kashi::plot;

namespace {

constexpr Color red{255, 0, 0};

std::vector<int> pixel(const Image& image, Index x, Index y) {
  return {image(y, x, 0), image(y, x, 1), image(y, x, 2)};
}

const std::vector<int> white{255, 255, 255}, full_red{255, 0, 0};

/// How much ink lies on a white picture, in pixels.
double ink(const Image& image) {
  double out = 0;
  for (const std::uint8_t value : image.span()) out += (255 - value) / 765.0;
  return out;
}

}  // namespace

TEST_CASE("a canvas begins white, and its size is checked") {
  const Canvas canvas(3, 2);
  CHECK(canvas.image().shape() == Shape{2, 3, 3});
  CHECK(ink(canvas.image()) == 0);
  CHECK(pixel(Canvas(2, 2, red).image(), 1, 1) == full_red);
  CHECK_THROWS_WITH(Canvas(0, 5), "Canvas: sizes must be 1..32768; got 0x5");
}

TEST_CASE("a canvas on a picture leaves the picture alone") {
  const Image picture = Image::full({2, 2, 3}, 7);
  Canvas canvas(picture);
  canvas.blend(0, 0, red);
  CHECK(picture(0, 0, 0) == 7);
  CHECK(pixel(canvas.image(), 0, 0) == full_red);
  CHECK(pixel(Canvas(Image({1, 1, 1}, {9})).image(), 0, 0) == std::vector<int>{9, 9, 9});
  CHECK(pixel(Canvas(Image({1, 1, 4}, {0, 0, 0, 0})).image(), 0, 0) == white);
  CHECK_THROWS_AS(Canvas(Image::zeros({2, 2, 5})), ShapeError);
}

TEST_CASE("rectangles fill whole pixels and parts of pixels") {
  Canvas canvas(5, 5);
  canvas.fill_rectangle({1, 1, 2, 3}, red);
  CHECK(pixel(canvas.image(), 1, 1) == full_red);
  CHECK(pixel(canvas.image(), 2, 3) == full_red);
  CHECK(pixel(canvas.image(), 3, 1) == white);
  CHECK(pixel(canvas.image(), 1, 4) == white);
  canvas.fill_rectangle({4, 0.5, 0.5, 0.5}, red);
  // A quarter of the pixel.
  CHECK(pixel(canvas.image(), 4, 0) == std::vector<int>{255, 191, 191});
  canvas.fill_rectangle({-100, 4, 1000, 100}, red);
  CHECK(pixel(canvas.image(), 0, 4) == full_red);
}

TEST_CASE("colours are mixed by their opacity") {
  Canvas canvas(1, 1);
  canvas.blend(0, 0, with_alpha(red, 0.5f));
  CHECK(pixel(canvas.image(), 0, 0) == std::vector<int>{255, 128, 128});
  canvas.blend(0, 0, {0, 0, 0, 0.0f});
  CHECK(pixel(canvas.image(), 0, 0) == std::vector<int>{255, 128, 128});
  canvas.blend(5, 5, red);
  canvas.blend(-1, 0, red);
}

TEST_CASE("a frame keeps to its inside and its thickness") {
  Canvas canvas(8, 8);
  canvas.draw_rectangle({1, 1, 6, 6}, red, 2);
  CHECK(pixel(canvas.image(), 0, 3) == white);
  CHECK(pixel(canvas.image(), 1, 3) == full_red);
  CHECK(pixel(canvas.image(), 2, 3) == full_red);
  CHECK(pixel(canvas.image(), 3, 3) == white);
  CHECK(pixel(canvas.image(), 6, 6) == full_red);
  CHECK(pixel(canvas.image(), 7, 7) == white);
  CHECK(ink(canvas.image()) == Approx(32 * 2 / 3.0));
}

TEST_CASE("level lines through pixel middles are sharp") {
  Canvas canvas(10, 5);
  canvas.line({2.5, 2.5}, {7.5, 2.5}, colors::black);
  for (Index x = 2; x <= 7; ++x) CHECK(pixel(canvas.image(), x, 2) == std::vector<int>{0, 0, 0});
  CHECK(pixel(canvas.image(), 5, 1) == white);
  CHECK(pixel(canvas.image(), 5, 3) == white);
  CHECK(pixel(canvas.image(), 9, 2) == white);
}

TEST_CASE("slanted lines and discs have the ink that their area asks for") {
  Canvas line(60, 60);
  line.line({10, 10}, {50, 40}, colors::black, 3);
  // 50 pixels long, 3 wide, and two half discs.
  CHECK(ink(line.image()) == Approx(150 + 3.1416 * 1.5 * 1.5).epsilon(0.02));
  Canvas disc(60, 60);
  disc.fill_circle({30, 30}, 20, colors::black);
  CHECK(ink(disc.image()) == Approx(3.1416 * 400).epsilon(0.01));
  Canvas pale(40, 5);
  pale.line({5, 2.5}, {35, 2.5}, colors::black, 0.5);
  CHECK(ink(pale.image()) == Approx(15).epsilon(0.1));
}

TEST_CASE("a stroke that crosses itself is mixed in once") {
  Canvas canvas(21, 21);
  const std::vector<Path> cross{{{2.5, 10.5}, {18.5, 10.5}}, {{10.5, 2.5}, {10.5, 18.5}}};
  canvas.stroke(cross, 1, with_alpha(colors::black, 0.5f));
  CHECK(pixel(canvas.image(), 10, 10) == pixel(canvas.image(), 5, 10));
}

TEST_CASE("points that are not finite or far outside do no harm") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  Canvas canvas(20, 20);
  canvas.stroke(std::vector<Path>{{{nan, 1}, {5, 5}}, {{infinity, 3}, {4, 4}}, {{nan, nan}}, {}}, 2, red);
  CHECK(ink(canvas.image()) == 0);
  canvas.line({-1e9, 10.5}, {1e9, 10.5}, red);
  CHECK(pixel(canvas.image(), 0, 10) == full_red);
  CHECK(pixel(canvas.image(), 19, 10) == full_red);
  canvas.fill_circle({1e12, 1e12}, 5, red);
}

TEST_CASE("pictures are pasted with their opacity and cut at the edges") {
  Canvas canvas(4, 4);
  canvas.paste(Image::zeros({3, 3}), 2, -1, 0.5f);
  CHECK(pixel(canvas.image(), 2, 0) == std::vector<int>{128, 128, 128});
  CHECK(pixel(canvas.image(), 3, 1) == std::vector<int>{128, 128, 128});
  CHECK(pixel(canvas.image(), 1, 0) == white);
  CHECK(pixel(canvas.image(), 2, 2) == white);
}

TEST_CASE("a path is cut into dashes across its corners") {
  const std::vector<Path> parts = dashes({{0, 0}, {10, 0}, {10, 4}}, 3, 2);
  REQUIRE(parts.size() == 3);
  CHECK(parts[1][0].x == Approx(5));
  CHECK(parts[1][1].x == Approx(8));
  CHECK(parts[2][0].y == Approx(0));
  CHECK(parts[2][1].y == Approx(3));
  CHECK_THROWS_AS(dashes({}, 0, 1), ValueError);
}

TEST_CASE("text fills the width that is announced, and no more") {
  for (const double size : {11.0, 16.0, 25.0}) {
    const std::string line = "Hxg 0123, wide";
    const double width = text_width(line, size);
    Canvas canvas(400, 60);
    draw_text(canvas, line, {20, 20}, {.size = size, .color = colors::black});
    Index left = 400, right = -1, top = 60, bottom = -1;
    for (Index y = 0; y < 60; ++y) {
      for (Index x = 0; x < 400; ++x) {
        if (canvas.image()(y, x, 0) > 128) continue;
        left = std::min(left, x);
        right = std::max(right, x);
        top = std::min(top, y);
        bottom = std::max(bottom, y);
      }
    }
    INFO("size " << size);
    CHECK(std::abs(static_cast<double>(left) - 20) <= 1);
    CHECK(std::abs(static_cast<double>(right) + 1 - 20 - width) <= 1.5);
    CHECK(std::abs(static_cast<double>(top) - 20) <= 1);
    // Descenders reach a quarter of the capitals' height below the baseline.
    CHECK(static_cast<double>(bottom) <= 20 + capital_height(size) * 1.3 + 1);
  }
}

TEST_CASE("every printable character has a glyph of its own") {
  std::vector<std::vector<std::uint8_t>> seen;
  for (char c = '!'; c <= '~'; ++c) {
    Canvas canvas(30, 40);
    draw_text(canvas, std::string(1, c), {5, 5}, {.size = 24});
    const auto drawn = canvas.image().to_vector();
    INFO("character " << c);
    CHECK(ink(canvas.image()) > 0);
    CHECK(std::find(seen.begin(), seen.end(), drawn) == seen.end());
    seen.push_back(drawn);
  }
}

TEST_CASE("characters that the typeface lacks are one box each") {
  CHECK(text_width("\xD9\x81\xD8\xA7", 16) == text_width("\xC3\xA9\xC3\xA9", 16));
  CHECK(text_width("\xFF\xFE", 16) > 0);
  CHECK(text_width("", 16) == 0);
}

TEST_CASE("text that is too long is cut with dots") {
  CHECK(fit_text("short", 500, 16) == "short");
  const std::string cut = fit_text("a long line of text that does not fit", 100, 16);
  CHECK(cut.ends_with("..."));
  CHECK(text_width(cut, 16) <= 100);
  CHECK(fit_text("\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9", 60, 16).starts_with("\xC3\xA9"));
  CHECK(fit_text("anything", 0, 16) == "...");
}

TEST_CASE("text is placed by its ends and middles, lines below each other, and turned") {
  const auto drawn = [](const std::string& chars, Point at, const TextStyle& style) {
    Canvas canvas(100, 100);
    draw_text(canvas, chars, at, style);
    return canvas.image().to_vector();
  };
  const double width = text_width("ab", 12);
  CHECK(drawn("ab", {50, 50}, {.size = 12}) == drawn("ab", {50 + width, 50}, {.size = 12, .horizontal = Align::end}));
  CHECK(drawn("ab", {50, 50}, {.size = 12}) ==
        drawn("ab", {50, 50 + capital_height(12)}, {.size = 12, .vertical = Align::end}));
  Canvas lines(100, 100);
  draw_text(lines, "a", {10, 10}, {.size = 12});
  draw_text(lines, "b", {10, 10 + line_height(12)}, {.size = 12});
  CHECK(drawn("a\nb", {10, 10}, {.size = 12}) == lines.image().to_vector());

  // Turning by 90 degrees: (x, y) becomes (y, -x).
  Canvas level(60, 60), turned(60, 60);
  draw_text(level, "F7", {10, 20}, {.size = 18});
  draw_text(turned, "F7", {20, 50}, {.size = 18, .upwards = true});
  for (Index y = 0; y < 60; ++y) {
    for (Index x = 0; x < 60; ++x) REQUIRE(level.image()(y, x, 0) == turned.image()(59 - x, y, 0));
  }
}

TEST_CASE("a box keeps its label on the picture") {
  Canvas canvas(100, 60);
  draw_box(canvas, {60, 2, 38, 50}, "cat 0.98", {.color = red});
  CHECK(pixel(canvas.image(), 60, 40) == full_red);
  // The label has no room above and to the right: it lies inside, moved to the left.
  CHECK(pixel(canvas.image(), 45, 4) == full_red);
  CHECK(pixel(canvas.image(), 99, 4) == full_red);
}
