/// Damaged, lying and foreign image files: one line that names the file and the reason, never a partial image.
#include <cstdint>
#include <filesystem>
#include <random>
#include <string>

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <kashi/io/image.hpp>

#include "image_files.hpp"
#include "temporary_folder.hpp"

using namespace kashi;
using Catch::Matchers::Contains;
using image_files::Bytes;
using image_files::bytes_of;
using image_files::make_png;
using Image = Tensor<std::uint8_t>;

namespace {

Bytes small_png() {
  auto image = Image::empty({9, 7, 3});
  for (Index i = 0; i < image.numel(); ++i) image.mutable_data()[i] = static_cast<std::uint8_t>(i * 29 % 256);
  return io::encode_png(image);
}

Bytes small_jpeg() {
  auto image = Image::empty({20, 24, 3});
  for (Index i = 0; i < image.numel(); ++i) image.mutable_data()[i] = static_cast<std::uint8_t>(i % 256);
  return io::encode_jpeg(image, {.quality = 60});
}

Bytes small_bmp() { return image_files::make_bmp(3, 4, std::string(48, 'x')); }

std::string message(const Bytes& bytes) {
  try {
    io::decode_image(bytes);
  } catch (const FormatError& error) {
    return error.what();
  }
  return "no error";
}

void check_refused_at_each_length(const Bytes& whole) {
  CHECK(io::decode_image(whole).numel() > 0);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    INFO("cut to " << size << " of " << whole.size() << " bytes");
    CHECK_THROWS_AS(io::decode_image(std::span(whole).first(size)), FormatError);
  }
}

}  // namespace

TEST_CASE("an image file cut off anywhere is refused") {
  SECTION("PNG") { check_refused_at_each_length(small_png()); }
  SECTION("JPEG") { check_refused_at_each_length(small_jpeg()); }
  SECTION("progressive JPEG") { check_refused_at_each_length(image_files::progressive_jpeg()); }
  SECTION("BMP") {
    // The last row's padding may be missing: no pixel lies there.
    Bytes whole = small_bmp();
    whole.erase(whole.end() - 3, whole.end());
    check_refused_at_each_length(whole);
  }
}

TEST_CASE("a changed byte gives an error or an image, never a crash") {
  std::mt19937 random(1);
  for (const Bytes& whole : {small_png(), small_jpeg(), image_files::progressive_jpeg(), small_bmp()}) {
    for (std::size_t i = 0; i < whole.size(); ++i) {
      for (int trial = 0; trial < 3; ++trial) {
        Bytes changed = whole;
        changed[i] = static_cast<std::byte>(random() % 256);
        try {
          const Image image = io::decode_image(changed, {.limits = {.image_pixels = 1 << 20}});
          CHECK(image.numel() > 0);
        } catch (const FormatError&) {
        }
      }
    }
  }
}

TEST_CASE("a PNG whose data changed is found by its checksum") {
  Bytes png = small_png();
  png[60] ^= std::byte{1};
  CHECK_THAT(message(png), Contains("its IDAT chunk at byte 33 is damaged (wrong checksum)"));
}

TEST_CASE("a JPEG whose Huffman tables are damaged or missing is refused") {
  const Bytes whole = small_jpeg();
  const auto marker = [&](int code) {
    std::size_t at = 2;
    while (whole[at] != std::byte{0xFF} || whole[at + 1] != static_cast<std::byte>(code)) ++at;
    return at;
  };
  Bytes full = whole;
  for (std::size_t i = 0; i < 16; ++i) full[marker(0xC4) + 5 + i] = std::byte{17};
  CHECK_THAT(message(full), Contains("is damaged") && Contains("its Huffman table at byte"));
  Bytes missing = whole;
  missing[marker(0xC4) + 1] = std::byte{0xFE};  // the tables become a comment
  CHECK_THAT(message(missing), Contains("uses a Huffman table that is not there"));
}

TEST_CASE("headers that claim too much are refused before memory is taken") {
  const std::string big = "its header claims 60000x60000 pixels, the limit is 16384 a side (io::Limits)";
  CHECK(message(make_png({.width = 60'000, .height = 60'000})) == "cannot read image: " + big);
  CHECK(message(image_files::make_jpeg_header(60'000, 60'000)) == "cannot read image: " + big);
  CHECK(message(image_files::make_bmp(60'000, 60'000, "")) == "cannot read image: " + big);
  CHECK(message(image_files::make_bmp(2, INT32_MIN, "")) ==
        "cannot read image: its header claims 2x2147483648 pixels, the limit is 16384 a side (io::Limits)");
  CHECK_THAT(message(make_png({.width = 0xFFFFFFFF, .height = 0xFFFFFFFF})),
             Contains("claims 4294967295x4294967295 pixels"));
  CHECK_THAT(message(make_png({.width = 16'384, .height = 16'384})), Contains("the limit is 67108864 in all"));
  CHECK_THAT(message(make_png({.width = 0, .height = 5})), Contains("claims 0x5 pixels"));
}

TEST_CASE("a file too short for the pixels that it claims is refused before memory is taken") {
  CHECK_THAT(message(make_png({.width = 8'000, .height = 8'000})), Contains("can't hold 8000x8000 pixels"));
  Bytes jpeg = small_jpeg();
  for (std::size_t i = 0; i + 8 < jpeg.size(); ++i) {
    if (jpeg[i] != std::byte{0xFF} || jpeg[i + 1] != std::byte{0xC0}) continue;
    jpeg[i + 5] = jpeg[i + 7] = std::byte{0x1F};
  }
  CHECK_THAT(message(jpeg), Contains("bytes can't hold 7960x7956 pixels"));
  CHECK_THAT(message(image_files::make_bmp(8'000, 8'000, "abc")),
             Contains("the file is truncated: its 8000x8000 pixels end at byte"));
}

TEST_CASE("compressed data that swell beyond the header's size are refused") {
  const auto bomb = make_png({.width = 1, .height = 1, .rows = std::string(3'000'000, '\0')});
  // A stored stream is as large as its content; the budget follows the file's size, so it must be a real bomb.
  CHECK(io::decode_image(bomb).shape() == Shape{1, 1, 3});
  auto zeros = io::encode_png(Image::zeros({6'000, 6'000}));
  // The same compressed rows under a header that claims one pixel.
  const std::string all(reinterpret_cast<const char*>(zeros.data()), zeros.size());
  const std::string lying = image_files::png_header({.width = 1, .height = 1}) + all.substr(33);
  CHECK_THAT(message(bytes_of(lying)), Contains("its compressed data are larger than its 1x1 pixels"));
}

TEST_CASE("files that are no image are named with the reason") {
  const TemporaryFolder folder;
  const auto reason = [&](const std::string& name, const std::string& content) {
    io::write_atomically(folder / name, content);
    try {
      io::load_image(folder / name);
    } catch (const FormatError& error) {
      const std::string text = error.what(), begin = "cannot read image '" + (folder / name).string() + "': ";
      return text.starts_with(begin) ? text.substr(begin.size()) : text;
    }
    return std::string("no error");
  };
  CHECK(reason("empty.png", "") == "the file is empty");
  CHECK(reason("text.png", "This is no picture.\n") == "it is no PNG, JPEG or BMP file");
  CHECK(reason("a.gif", "GIF89a......") == "it is a GIF file; PNG, JPEG and BMP are read");
  CHECK(reason("a.webp", "RIFF....WEBPVP8 ") == "it is a WebP file; PNG, JPEG and BMP are read");
  CHECK(reason("short.png", "\x89PNG\r\n\x1a\n") ==
        "the file is truncated: its header at byte 8 needs 25 bytes, 0 are there");
  CHECK(reason("odd.jpg", "\xFF\xD8\xFF\xD9") == "it holds no picture");
}

TEST_CASE("paths that can't be read are named with the system's reason") {
  const TemporaryFolder folder;
  const auto path = [&](const std::string& name) { return "'" + (folder / name).string() + "'"; };
  CHECK_THROWS_WITH(io::load_image(folder / "none.png"),
                    "cannot read image " + path("none.png") + ": No such file or directory");
  std::filesystem::create_directory(folder / "folder.png");
  CHECK_THROWS_WITH(io::load_image(folder / "folder.png"),
                    "cannot read image " + path("folder.png") + ": Is a directory");
  REQUIRE(::mkfifo((folder / "pipe.png").c_str(), 0600) == 0);
  CHECK_THROWS_WITH(io::load_image(folder / "pipe.png"),
                    "cannot read image " + path("pipe.png") + ": it is not a regular file");
  io::save_png(folder / "closed.png", Image::zeros({1, 1}));
  REQUIRE(::chmod((folder / "closed.png").c_str(), 0) == 0);
  if (::geteuid() == 0) return;  // to root nothing is closed
  CHECK_THROWS_WITH(io::load_image(folder / "closed.png"),
                    "cannot read image " + path("closed.png") + ": Permission denied");
}

TEST_CASE("limits are settable") {
  const TemporaryFolder folder;
  io::save_png(folder / "a.png", Image::zeros({20, 30, 3}));
  CHECK_THROWS_WITH(io::load_image(folder / "a.png", {.limits = {.image_side = 25}}),
                    Contains("the limit is 25 a side"));
  CHECK_THROWS_WITH(io::load_image(folder / "a.png", {.limits = {.image_pixels = 599}}),
                    Contains("the limit is 599 in all"));
  CHECK_THROWS_WITH(io::load_image(folder / "a.png", {.limits = {.image_file_bytes = 10}}),
                    Contains("exceed the limit of 10"));
  CHECK(io::load_image(folder / "a.png", {.limits = {.image_side = 30, .image_pixels = 600}}).numel() == 1800);
}
