#include <catch2/catch.hpp>

#include "pictures.hpp"

#include <kashi/data/idx.hpp>

using namespace kashi;
using kashi_tests::Folder;

namespace {

std::string big_endian(std::uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 255u);
  return out;
}

std::string idx(const std::vector<std::uint32_t>& sizes, const std::string& numbers, char type = 8) {
  std::string out{'\0', '\0', type, static_cast<char>(sizes.size())};
  for (const std::uint32_t size : sizes) out += big_endian(size);
  return out + numbers;
}

std::string gzip(const std::string& bytes) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string in = bytes, out(bytes.size() + 1000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// 0, 1, 2, ... as bytes.
std::string counting(int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += static_cast<char>(i);
  return out;
}

}  // namespace

TEST_CASE("IDX files, plain and compressed", "[idx]") {
  const Folder folder("idx");
  const std::string images = idx({2, 3, 4}, counting(24)), labels = idx({2}, std::string("\x01\x03"));
  for (const bool compressed : {false, true}) {
    const std::string a = folder.file("images", compressed ? gzip(images) : images);
    const std::string b = folder.file("labels", compressed ? gzip(labels) : labels);
    CHECK(data::read_idx(a)(1, 2, 3) == 23);
    const data::Dataset dataset = data::idx_dataset(a, b);
    REQUIRE(dataset.size() == 2);
    CHECK(dataset.get(1).image.shape() == Shape{3, 4, 1});
    CHECK(dataset.get(1).image(0, 1, 0) == 13.0f / 255.0f);
    CHECK(dataset.labels().to_vector() == std::vector<Index>{1, 3});
    CHECK(dataset.class_names() == std::vector<std::string>{"0", "1", "2", "3"});
  }
}

TEST_CASE("IDX parts that don't belong together", "[idx]") {
  const Folder folder("idx_pair");
  const std::string images = folder.file("images", idx({2, 1, 1}, counting(2))),
                    labels = folder.file("labels", idx({3}, counting(3)));
  CHECK_THROWS_AS(data::idx_dataset(images, labels), ShapeError);
  CHECK_THROWS_AS(data::idx_dataset(labels, images), ShapeError);
  CHECK_THROWS_AS(data::idx_dataset(folder.path() + "/none", labels), IoError);
}

TEST_CASE("IDX files that lie", "[idx]") {
  const Folder folder("idx_wrong");
  const auto reading = [&](const std::string& bytes) { return data::read_idx(folder.file("file", bytes)); };
  const std::string who = "cannot read IDX file '" + folder.path() + "/file': ";
  CHECK_THROWS_WITH(reading(""), who + "it does not begin as an IDX file");
  CHECK_THROWS_WITH(reading("PNG or so"), who + "it does not begin as an IDX file");
  CHECK_THROWS_WITH(reading(idx({2}, "abcdefgh", 13)), who + "its numbers are of type 13, not unsigned bytes (8)");
  CHECK_THROWS_WITH(reading(idx({}, "")), who + "its rank must be 1 to 4; got 0");
  CHECK_THROWS_WITH(reading(idx({1, 1, 1, 1, 1}, "a")), who + "its rank must be 1 to 4; got 5");
  CHECK_THROWS_WITH(reading(idx({2, 3}, "").substr(0, 9)), who + "it ends in its header");
  CHECK_THROWS_WITH(reading(idx({2, 0}, "")), who + "axis 1 has no elements");
  CHECK_THROWS_WITH(reading(idx({60000, 28, 28}, "few")),
                    who + "its header [60000,28,28] promises 47040016 bytes; the file has 19");
  CHECK_THROWS_WITH(reading(idx({3}, "abcd")), who + "its header [3] promises 11 bytes; the file has 12");
  CHECK_THROWS_WITH(reading(idx({0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, "a")),
                    who + "its header promises more than 4294967296 bytes (IdxOptions::bytes)");
  CHECK_THROWS_WITH(data::read_idx(folder.file("file", idx({300}, std::string(300, 'a'))), {.bytes = 305}),
                    Catch::Contains("305"));
}

TEST_CASE("compressed IDX files that lie", "[idx]") {
  const Folder folder("idx_gzip");
  const auto reading = [&](const std::string& bytes) { return data::read_idx(folder.file("file", bytes)); };
  const std::string who = "cannot read IDX file '" + folder.path() + "/file': ";
  // Four million zeros make four thousand bytes: a header may not promise more than the file can hold.
  CHECK_THROWS_WITH(reading(gzip(idx({4000, 1000, 1000}, "few"))),
                    Catch::Contains("promises 4000000016 bytes; the file has at most"));
  CHECK_THROWS_WITH(reading(gzip(idx({500}, "few"))), who + "its header [500] promises 508 bytes; the file has 11");
  CHECK_THROWS_WITH(reading(gzip(idx({3}, "abcd"))),
                    who + "it goes on after the 3 numbers that its header [3] promises");
  CHECK_THROWS_WITH(reading(gzip(idx({3}, "abc")) + "more"),
                    who + "it goes on after the 3 numbers that its header [3] promises");
  const std::string whole = gzip(idx({2000}, std::string(1000, 'a') + counting(1000)));
  CHECK_THROWS_WITH(reading(whole.substr(0, whole.size() / 2)), who + "its compressed data are cut off");
  CHECK_THROWS_WITH(reading(whole.substr(0, whole.size() - 1)), who + "its compressed data are cut off");
  std::string damaged = whole;
  damaged[damaged.size() - 6] = static_cast<char>(damaged[damaged.size() - 6] ^ 0x55);
  CHECK_THROWS_WITH(reading(damaged), who + "its compressed data are damaged");
  CHECK_THROWS_AS(reading(std::string("\x1f\x8b")), FormatError);
}
