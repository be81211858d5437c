/// Colour maps, resizing, overlays and sheets.
#include <cmath>
#include <limits>
#include <vector>

#include <catch2/catch.hpp>

#include <kashi/plot/colormap.hpp>
#include <kashi/plot/contact_sheet.hpp>
#include <kashi/plot/filters.hpp>
#include <kashi/plot/heatmap.hpp>
#include <kashi/plot/resize.hpp>

using namespace kashi;
using namespace kashi::plot;

namespace {

std::vector<int> values(const Image& image) { return {image.data(), image.data() + image.numel()}; }

}  // namespace

TEST_CASE("colour maps hold their published ends, and their brightness rises") {
  CHECK(map_color(ColorMap::viridis, 0) == Color{0x44, 0x01, 0x54});
  CHECK(map_color(ColorMap::viridis, 1) == Color{0xFD, 0xE7, 0x25});
  CHECK(map_color(ColorMap::viridis, -3) == map_color(ColorMap::viridis, 0));
  CHECK(map_color(ColorMap::inferno, 9) == Color{0xFC, 0xFF, 0xA4});
  CHECK(map_color(ColorMap::blue_red, 0.5) == Color{0xF7, 0xF7, 0xF7});
  CHECK(map_color(ColorMap::blues, std::numeric_limits<double>::quiet_NaN()) == Color{128, 128, 128});
  for (const ColorMap map : {ColorMap::viridis, ColorMap::inferno}) {
    for (int i = 0; i < 50; ++i)
      CHECK(brightness(map_color(map, i / 50.0)) < brightness(map_color(map, (i + 1) / 50.0)));
  }
}

TEST_CASE("numbers become colours between low and high") {
  const Image image = colorize(Tensor<float>({1, 3}, {-2, 0, 2}), ColorMap::blue_red, -2, 2);
  CHECK(image.shape() == Shape{1, 3, 3});
  CHECK(values(image) == std::vector<int>{0x05, 0x30, 0x61, 0xF7, 0xF7, 0xF7, 0x67, 0x00, 0x1F});
  CHECK_THROWS_WITH(colorize(Tensor<float>::zeros({2})), "colorize: values are [H,W]; got [2]");
  CHECK_THROWS_AS(colorize(Tensor<float>::zeros({2, 2}), ColorMap::viridis, 1, 1), ValueError);
}

TEST_CASE("nearest keeps colours, bilinear mixes them") {
  const Image two({1, 2, 1}, {0, 200});
  CHECK(values(resize(two, 2, 4, Resize::nearest)) == std::vector<int>{0, 0, 200, 200, 0, 0, 200, 200});
  CHECK(values(resize(two, 1, 4)) == std::vector<int>{0, 50, 150, 200});
  CHECK(values(resize(Image({1, 4, 1}, {0, 100, 200, 40}), 1, 4)) == std::vector<int>{0, 100, 200, 40});
  CHECK(values(resize(Image({4}, {10, 20, 30, 40}).reshape({2, 2}), 1, 1)) == std::vector<int>{25});
  CHECK(values(resize(Image({1, 6}, {1, 2, 3, 4, 5, 6}), 1, 2, Resize::nearest)) == std::vector<int>{2, 5});
  CHECK_THROWS_AS(resize(two, 0, 4), ShapeError);
}

TEST_CASE("shrinking counts every pixel") {
  Image stripes = Image::zeros({1, 64, 1});
  for (Index x = 0; x < 64; x += 2) stripes.at(0, x, 0) = 200;
  for (const int value : values(resize(stripes, 1, 8))) CHECK(std::abs(value - 100) <= 6);
  const Image even = Image::full({50, 37, 3}, 90);
  for (const int value : values(resize(even, 7, 5))) CHECK(value == 90);
}

TEST_CASE("normalize spans 0 to 1") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(normalize(Tensor<float>({3}, {2, 4, 3})).to_vector() == std::vector<float>{0, 1, 0.5f});
  CHECK(normalize(Tensor<float>({2}, {5, 5})).to_vector() == std::vector<float>{0, 0});
  const auto with_nan = normalize(Tensor<float>({3}, {1, nan, 3}));
  CHECK(std::isnan(with_nan(1)));
  CHECK(with_nan(2) == 1);
}

TEST_CASE("a heat map is stretched over the picture and mixed in") {
  const Image picture = Image::full({8, 8, 3}, 100);
  const Image mixed = overlay(picture, Tensor<float>::ones({2, 2}), {.opacity = 0.5f, .map = ColorMap::inferno});
  CHECK(mixed(3, 3, 0) == 176);
  CHECK(mixed(3, 3, 2) == 132);
  CHECK(picture(3, 3, 0) == 100);
  const Image faded = overlay(picture, Tensor<float>({1, 2}, {0, 1}), {.fade = true});
  CHECK(faded(0, 0, 0) == 100);
  CHECK(faded(0, 7, 0) > 150);
  CHECK_THROWS_AS(overlay(picture, Tensor<float>::ones({2, 2, 1})), ShapeError);
}

TEST_CASE("a contact sheet shows every picture in its cell") {
  std::vector<Image> pictures;
  for (int i = 0; i < 5; ++i) pictures.push_back(Image::full({20, 20, 3}, static_cast<std::uint8_t>(40 * i)));
  const Image sheet = contact_sheet(pictures, {}, {.columns = 3, .cell = 20});
  // Margin 16, pictures 20 wide, 8 between them.
  CHECK(sheet.shape() == Shape{2 * 16 + 2 * 20 + 8, 2 * 16 + 3 * 20 + 2 * 8, 3});
  for (Index i = 0; i < 5; ++i) {
    const Index x = 16 + i % 3 * 28, y = 16 + i / 3 * 28;
    CHECK(sheet(y, x, 0) == 40 * i);
    CHECK(sheet(y + 19, x + 19, 2) == 40 * i);
    CHECK(sheet(y, x - 1, 0) == 255);
    CHECK(sheet(y + 20, x, 0) == 255);
  }
  CHECK(sheet(16 + 28, 16 + 2 * 28, 0) == 255);
}

TEST_CASE("pictures of any kind and shape fit into a sheet") {
  const std::vector<Image> pictures{Image::zeros({4, 4}), Image::zeros({300, 20, 1}), Image::zeros({7, 9, 4}),
                                    Image::zeros({1, 500, 3})};
  const std::vector<std::string> captions{"one", "two\nlines", "", "a caption that is far too long for its cell"};
  const Image sheet = contact_sheet(pictures, captions,
                                    {.title = "A title", .cell = 64, .frames = std::vector<Color>(4, colors::wrong)});
  CHECK(sheet.size(2) == 3);
  CHECK(contact_sheet({}).size(2) == 3);
  CHECK_THROWS_WITH(contact_sheet(pictures, {"one"}), "contact_sheet: 4 pictures need as many captions; got 1");
  CHECK_THROWS_AS(contact_sheet(pictures, {}, {.frames = {colors::wrong}}), ValueError);
  CHECK_THROWS_AS(contact_sheet(pictures, {}, {.cell = 0}), ValueError);
}

TEST_CASE("a batch becomes pictures") {
  const auto pictures = pictures_of(Tensor<float>({2, 1, 1, 3}, {0, 0.5f, 1, 2, -1, 0.25f}));
  REQUIRE(pictures.size() == 2);
  CHECK(values(pictures[0]) == std::vector<int>{0, 128, 255});
  CHECK(values(pictures[1]) == std::vector<int>{255, 0, 64});
  CHECK_THROWS_AS(pictures_of(Tensor<float>::zeros({2, 2, 3})), ShapeError);
}

TEST_CASE("filters are scaled each by its own largest weight") {
  auto weight = Tensor<float>::zeros({2, 1, 1, 3});
  weight.at(0, 0, 0, 0) = 0.01f;
  weight.at(1, 0, 0, 2) = -5.0f;
  const Image sheet = filter_sheet(weight, {.columns = 2, .cell = 20});
  const auto at = [&](Index x) { return std::vector<int>{sheet(20, x, 0), sheet(20, x, 1), sheet(20, x, 2)}; };
  CHECK(at(20) == std::vector<int>{255, 128, 128});
  CHECK(at(20 + 28) == std::vector<int>{128, 128, 0});

  // One channel: red and blue around a neutral colour; eight channels: eight pictures, cut at the largest count.
  CHECK(filter_sheet(Tensor<float>::ones({1, 3, 3, 1}), {.cell = 20})(20, 20, 0) == 0x67);
  CHECK(filter_sheet(Tensor<float>::ones({1, 3, 3, 8}), {.columns = 8, .cell = 20}).size(1) == 2 * 16 + 8 * 28 - 8);
  CHECK(filter_sheet(Tensor<float>::ones({9, 3, 3, 8}), {.largest_count = 5, .columns = 8, .cell = 20}).size(1) ==
        2 * 16 + 5 * 28 - 8);
  CHECK_THROWS_AS(filter_sheet(Tensor<float>::zeros({3, 3})), ShapeError);
}
