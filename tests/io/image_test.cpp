/// Images: what is read is what was written, for every kind of PNG, for JPEG and BMP.
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <kashi/io/image.hpp>

#include "image_files.hpp"
#include "temporary_folder.hpp"

using namespace kashi;
using image_files::make_bmp;
using image_files::make_png;
using image_files::png_chunk;
using Image = Tensor<std::uint8_t>;

namespace {

/// A picture whose neighbours differ, so that a swapped axis or channel shows.
Image test_picture(Index height, Index width, Index channels) {
  auto out = Image::empty({height, width, channels});
  for (Index i = 0; i < out.numel(); ++i)
    out.mutable_data()[i] = static_cast<std::uint8_t>((i * 37 + i / 11 * 5) % 251);
  return out;
}

std::vector<int> values(const Image& image) { return {image.data(), image.data() + image.numel()}; }

Image decode(const image_files::Bytes& bytes, int channels) { return io::decode_image(bytes, {.channels = channels}); }

int largest_difference(const Image& a, const Image& b) {
  REQUIRE(a.shape() == b.shape());
  int out = 0;
  for (Index i = 0; i < a.numel(); ++i) out = std::max(out, std::abs(a.data()[i] - b.data()[i]));
  return out;
}

}  // namespace

TEST_CASE("PNG files keep every byte, for 1 to 4 channels") {
  const TemporaryFolder folder;
  for (const Index channels : {1, 2, 3, 4}) {
    for (const Index width : {1, 2, 7, 64}) {
      const Image image = test_picture(5, width, channels);
      io::save_png(folder / "a.png", image);
      const Image back = io::load_image(folder / "a.png", {.channels = 0});
      CHECK(back.shape() == image.shape());
      CHECK(values(back) == values(image));
    }
  }
  io::save_png(folder / "grey.png", test_picture(3, 4, 1).reshape({3, 4}));
  CHECK(io::load_image(folder / "grey.png", {.channels = 0}).shape() == Shape{3, 4, 1});
}

TEST_CASE("channels are converted as asked") {
  const Image colour({1, 2, 3}, {200, 100, 50, 0, 255, 1});
  const auto png = io::encode_png(colour);
  // 0.299 R + 0.587 G + 0.114 B, rounded.
  CHECK(values(decode(png, 1)) == std::vector<int>{124, 150});
  CHECK(values(decode(png, 4)) == std::vector<int>{200, 100, 50, 255, 0, 255, 1, 255});
  CHECK(values(decode(io::encode_png(Image({1, 1, 1}, {77})), 3)) == std::vector<int>{77, 77, 77});
}

TEST_CASE("alpha is put on white when it is not asked for") {
  const auto png = io::encode_png(Image({1, 3, 4}, {200, 100, 50, 255, 200, 100, 50, 0, 200, 100, 50, 51}));
  // A fifth of the colour and four fifths of white.
  CHECK(values(decode(png, 3)) == std::vector<int>{200, 100, 50, 255, 255, 255, 244, 224, 214});
  CHECK(values(decode(io::encode_png(Image({1, 2, 2}, {0, 0, 0, 255})), 1)) == std::vector<int>{255, 0});
  CHECK(values(decode(io::encode_png(Image({1, 1, 2}, {9, 128})), 4)) == std::vector<int>{9, 9, 9, 128});
}

TEST_CASE("palettes become colours, with transparency where the file has it") {
  const std::string palette = png_chunk("PLTE", std::string("\x0A\x14\x1E\xC8\x64\x32", 6));
  image_files::Png png{
      .width = 4, .height = 1, .bits = 1, .colour_type = 3, .before_data = palette, .rows = std::string("\0\x50", 2)};
  CHECK(values(decode(make_png(png), 0)) == std::vector<int>{10, 20, 30, 200, 100, 50, 10, 20, 30, 200, 100, 50});
  png.before_data += png_chunk("tRNS", std::string(1, '\0'));
  const Image transparent = decode(make_png(png), 0);
  CHECK(transparent.shape() == Shape{1, 4, 4});
  CHECK(transparent(0, 0, 3) == 0);
  CHECK(transparent(0, 1, 3) == 255);
  CHECK(values(decode(make_png(png), 3)) == std::vector<int>{255, 255, 255, 200, 100, 50, 255, 255, 255, 200, 100, 50});
}

TEST_CASE("grey PNG files of 1, 2 and 4 bits span 0 to 255") {
  const auto grey = [](int bits, int byte) {
    return values(decode(make_png({.width = 2, .bits = bits, .rows = {'\0', static_cast<char>(byte)}}), 1));
  };
  CHECK(grey(1, 0b01000000) == std::vector<int>{0, 255});
  CHECK(grey(2, 0b01100000) == std::vector<int>{85, 170});
  CHECK(grey(4, 0x3C) == std::vector<int>{51, 204});
}

TEST_CASE("16-bit PNG files are rounded to bytes and exact as floats") {
  const TemporaryFolder folder;
  // 0x0080 is 128/257 = 0.498 of a byte's step, 0x0081 is 0.502.
  const std::string rows("\0\0\x80\0\x81\xFF\xFF\x12\x34", 9);
  const auto png = make_png({.width = 4, .bits = 16, .rows = rows});
  CHECK(values(decode(png, 1)) == std::vector<int>{0, 1, 255, 18});
  io::write_atomically(folder / "deep.png", png);
  const Tensor<float> deep = io::load_image_float(folder / "deep.png", {.channels = 1});
  CHECK(deep(0, 0, 0) == 128.0f / 65535.0f);
  CHECK(deep(0, 3, 0) == 4660.0f / 65535.0f);

  const auto colour = make_png({.bits = 16, .colour_type = 6, .rows = std::string("\0\x80\x80\0\0\xFF\xFF\x80\0", 9)});
  CHECK(values(decode(colour, 0)) == std::vector<int>{128, 0, 255, 128});
}

TEST_CASE("interlaced PNG files are read") {
  // Adam7 of 3x3: passes with the pixels (0,0); none; none; (0,2); (2,0) (2,2); (0,1) (2,1); the row 1.
  const std::string rows("\0\x01\0\x03\0\x07\x09\0\x02\0\x08\0\x04\x05\x06", 15);
  const auto png = make_png({.width = 3, .height = 3, .interlace = 1, .rows = rows});
  CHECK(values(decode(png, 1)) == std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8, 9});
}

TEST_CASE("JPEG files come back nearly as written") {
  const TemporaryFolder folder;
  auto image = Image::empty({40, 56, 3});
  for (Index y = 0; y < 40; ++y) {
    for (Index x = 0; x < 56; ++x) {
      image.at(y, x, 0) = static_cast<std::uint8_t>(4 * x);
      image.at(y, x, 1) = static_cast<std::uint8_t>(6 * y);
      image.at(y, x, 2) = static_cast<std::uint8_t>(255 - 4 * x);
    }
  }
  io::save_jpeg(folder / "a.jpg", image, {.quality = 95});
  CHECK(largest_difference(io::load_image(folder / "a.jpg"), image) <= 8);
  CHECK(io::encode_jpeg(image, {.quality = 20}).size() < io::encode_jpeg(image, {.quality = 95}).size());

  const Image grey = io::decode_image(io::encode_jpeg(Image::full({9, 9}, 90)), {.channels = 1});
  CHECK(largest_difference(grey, Image::full({9, 9, 1}, 90)) <= 1);
}

TEST_CASE("progressive JPEG files are read") {
  const Image image = io::decode_image(image_files::progressive_jpeg());
  REQUIRE(image.shape() == Shape{20, 24, 3});
  // What Pillow reads from the same file, near enough: its smoothing of the colours is not ours.
  const int expected[3][3] = {{44, 47, 26}, {126, 101, 131}, {177, 197, 102}};
  const Index places[3][2] = {{4, 4}, {10, 12}, {16, 20}};
  for (int i = 0; i < 3; ++i) {
    for (int channel = 0; channel < 3; ++channel)
      CHECK(std::abs(image(places[i][0], places[i][1], channel) - expected[i][channel]) <= 6);
  }
}

TEST_CASE("BMP files are read from either end") {
  const std::string bottom("\x01\x02\x03\x04\x05\x06\0\0", 8), top("\x07\x08\x09\x0A\x0B\x0C\0\0", 8);
  const std::vector<int> expected{9, 8, 7, 12, 11, 10, 3, 2, 1, 6, 5, 4};
  CHECK(values(decode(make_bmp(2, 2, bottom + top), 3)) == expected);
  CHECK(values(decode(make_bmp(2, -2, top + bottom), 3)) == expected);
}

TEST_CASE("bytes and floats are converted with rounding and clamping") {
  CHECK(io::to_float(Image({3}, {0, 51, 255})).to_vector() == std::vector<float>{0.0f, 0.2f, 1.0f});
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  const Tensor<float> numbers({8}, {-1.0f, 0.0f, 0.49f / 255, 0.51f / 255, 1.0f, 7.0f, nan, infinity});
  CHECK(values(io::to_bytes(numbers)) == std::vector<int>{0, 0, 0, 1, 255, 255, 0, 255});
  auto all = Image::empty({256});
  for (Index i = 0; i < 256; ++i) all.mutable_data()[i] = static_cast<std::uint8_t>(i);
  CHECK(values(io::to_bytes(io::to_float(all))) == values(all));
}

TEST_CASE("images that can't be written are refused") {
  CHECK_THROWS_WITH(io::encode_png(Image::zeros({4})), "encode_png: an image is [H,W] or [H,W,C]; got [4]");
  CHECK_THROWS_WITH(io::encode_png(Image::zeros({4, 4, 5})), "encode_png: 1 to 4 channels; got [4,4,5]");
  CHECK_THROWS_WITH(io::encode_png(Image::zeros({0, 4, 3})), "encode_png: too few or too many pixels; got [0,4,3]");
  CHECK_THROWS_WITH(io::encode_jpeg(Image::zeros({4, 4, 4})),
                    "encode_jpeg: JPEG has 1 or 3 channels and no alpha; got [4,4,4]");
  CHECK_THROWS_WITH(io::encode_jpeg(Image::zeros({4, 4, 3}), {.quality = 0}),
                    "encode_jpeg: quality must be 1..100; got 0");
  CHECK_THROWS_AS(io::encode_jpeg(Image::zeros({1, 70'000})), ShapeError);
  CHECK_THROWS_WITH(io::save_png("/nowhere/at/all.png", Image::zeros({1, 1})),
                    "cannot write image '/nowhere/at/all.png': No such file or directory");
  CHECK_THROWS_WITH(decode(io::encode_png(Image::zeros({1, 1})), 2),
                    "load_image: channels must be 0, 1, 3 or 4; got 2");
}
