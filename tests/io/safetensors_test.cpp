/// safetensors files: what is written comes back bit for bit, and files that break a rule are refused.
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include <kashi/io/file.hpp>
#include <kashi/io/half.hpp>
#include <kashi/io/safetensors.hpp>

#include "temporary_folder.hpp"

using namespace kashi;
using Catch::Matchers::Contains;

namespace {

/// The bytes of a file with this header, whatever it says, and so many bytes of data.
std::string raw_file(const std::string& header, const std::string& data) {
  std::string out;
  for (int i = 0; i < 8; ++i) out += static_cast<char>(header.size() >> (8 * i) & 0xFF);
  return out + header + data;
}

io::TensorFile decode(std::string_view bytes) { return io::decode_safetensors(std::as_bytes(std::span(bytes))); }

std::string message(const std::string& header, std::size_t data_bytes) {
  try {
    decode(raw_file(header, std::string(data_bytes, '\0')));
  } catch (const FormatError& error) {
    return error.what();
  }
  return "no error";
}

io::TensorFile one_of_each() {
  io::TensorFile file;
  file.add("bytes", Tensor<std::uint8_t>({3}, {1, 2, 255}));
  file.add("single", Tensor<float>({2, 2}, {0.1f, -0.0f, std::numeric_limits<float>::infinity(), 3e-45f}));
  file.add("wide", Tensor<double>({1}, {0.1}));
  file.add("long", Tensor<std::int64_t>({2}, {INT64_MIN, 7}));
  file.add("int", Tensor<std::int32_t>({1, 1, 1}, {-5}));
  file.add("tiny", Tensor<std::int8_t>({2}, {-128, 127}));
  file.add("short", Tensor<std::int16_t>({1}, {-32768}));
  file.add("natural", Tensor<std::uint64_t>({1}, {UINT64_MAX}));
  file.add("natural32", Tensor<std::uint32_t>({1}, {UINT32_MAX}));
  file.add("natural16", Tensor<std::uint16_t>({3}, {1, 2, 65535}));
  file.add("flags", Tensor<bool>({3}, {true, false, true}));
  file.add("number", Tensor<float>::scalar(2.5f));
  file.add("none", Tensor<double>::zeros({0, 4}));
  file.metadata = {{"format", "pt"}, {"a \"quoted\" key", "a\nline \xC3\xA9"}};
  return file;
}

}  // namespace

TEST_CASE("every type comes back bit for bit, in order") {
  const TemporaryFolder folder;
  const io::TensorFile file = one_of_each();
  io::save_safetensors(folder / "a.safetensors", file);
  const io::TensorFile back = io::load_safetensors(folder / "a.safetensors");
  CHECK(back.metadata == file.metadata);
  REQUIRE(back.size() == file.size());
  for (std::size_t i = 0; i < file.size(); ++i) {
    const auto& [name, value] = file.entries()[i];
    INFO(name);
    CHECK(back.entries()[i].name == name);
    CHECK(io::dtype_name(back.at(name)) == io::dtype_name(value));
    CHECK(io::shape_of(back.at(name)) == io::shape_of(value));
    const auto expected = io::detail::bytes_of(value), got = io::detail::bytes_of(back.at(name));
    CHECK(std::equal(expected.begin(), expected.end(), got.begin(), got.end()));
  }
}

TEST_CASE("equal content gives equal bytes, and all tensors are aligned") {
  const TemporaryFolder folder;
  io::save_safetensors(folder / "a", one_of_each());
  io::save_safetensors(folder / "b", one_of_each());
  const std::string bytes = io::read_text_file(folder / "a");
  CHECK(bytes == io::read_text_file(folder / "b"));
  const auto header_bytes = static_cast<unsigned char>(bytes[0]) + 256u * static_cast<unsigned char>(bytes[1]);
  CHECK(header_bytes % 8 == 0);
  // 8 bytes a number first, then 4, then 1: "bytes" is the first entry of the header but lies behind the others.
  CHECK_THAT(bytes, Contains("\"bytes\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[68,71]}"));
  CHECK_THAT(bytes, Contains("\"wide\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}"));
}

TEST_CASE("an empty file of tensors is a file") {
  const TemporaryFolder folder;
  io::save_safetensors(folder / "a", {});
  CHECK(io::load_safetensors(folder / "a").size() == 0);
}

TEST_CASE("float and double are converted, other types are not") {
  const io::TensorFile file = one_of_each();
  CHECK(file.get<float>("wide").item() == 0.1f);
  CHECK(file.get<double>("number").item() == 2.5);
  CHECK(file.get<float>("number").shares_storage_with(std::get<Tensor<float>>(file.at("number"))));
  CHECK_THROWS_WITH(file.get<float>("long"), "TensorFile: tensor \"long\" holds I64, F32 was asked for");
  CHECK_THROWS_WITH(file.get<bool>("bytes"), "TensorFile: tensor \"bytes\" holds U8, BOOL was asked for");
  CHECK_THROWS_WITH(file.get<float>("gone"), "TensorFile: there is no tensor \"gone\" among the 13");
  io::TensorFile twice;
  twice.add("a", Tensor<float>::zeros({1}));
  CHECK_THROWS_WITH(twice.add("a", Tensor<float>::zeros({1})), "TensorFile: there is already a tensor \"a\"");
  CHECK(twice.size() == 1);
}

TEST_CASE("F16 and BF16 are widened") {
  // 1, -2, the smallest subnormal, the largest number, infinity
  const std::string halves("\x00\x3C\x00\xC0\x01\x00\xFF\x7B\x00\x7C", 10);
  const auto file = decode(raw_file(R"({"h":{"dtype":"F16","shape":[5],"data_offsets":[0,10]}})", halves));
  CHECK(file.get<float>("h").to_vector() ==
        std::vector<float>{1.0f, -2.0f, 0x1p-24f, 65504.0f, std::numeric_limits<float>::infinity()});
  CHECK(std::isnan(io::half_to_float(0x7E00)));
  CHECK(std::signbit(io::half_to_float(0x8000)));
  const auto brain = decode(
      raw_file(R"({"b":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}})", std::string("\x80\x3F\x49\x40", 4)));
  CHECK(brain.get<float>("b").to_vector() == std::vector<float>{1.0f, 3.140625f});
}

TEST_CASE("a safetensors file cut off anywhere is refused") {
  const TemporaryFolder folder;
  io::save_safetensors(folder / "a", one_of_each());
  const std::string whole = io::read_text_file(folder / "a");
  CHECK(decode(whole).size() == one_of_each().size());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    INFO("cut to " << size << " of " << whole.size());
    CHECK_THROWS_AS(decode(std::string_view(whole).substr(0, size)), FormatError);
  }
  CHECK_THROWS_AS(decode(whole + "x"), FormatError);
}

TEST_CASE("a changed byte gives an error or tensors, never a crash") {
  const TemporaryFolder folder;
  io::save_safetensors(folder / "a", one_of_each());
  const std::string whole = io::read_text_file(folder / "a");
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const char byte : {'\0', '\xFF', '9', '"', '}'}) {
      std::string changed = whole;
      changed[i] = byte;
      try {
        const std::size_t tensors = decode(changed).size();
        CHECK(tensors <= 13);
      } catch (const FormatError&) {
      }
    }
  }
}

TEST_CASE("headers that lie are refused with the reason") {
  const auto tensor = [](const std::string& shape, const std::string& offsets, const std::string& dtype = "F32") {
    return R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  REQUIRE(message(tensor("[2]", "[0,8]"), 8) == "no error");
  CHECK(message(tensor("[2]", "[0,8]"), 4) ==
        "cannot read weights: its tensors take 8 bytes, the file has 4; is the download incomplete?");
  CHECK(message(tensor("[2]", "[0,8]"), 12) == "cannot read weights: its tensors take 8 bytes, the file has 12");
  CHECK(message(tensor("[3]", "[0,8]"), 8) ==
        "cannot read weights: tensor \"a\" has 3 elements of 4 bytes, but its data_offsets are [0,8]");
  CHECK_THAT(message(tensor("[2]", "[8,0]"), 8), Contains("its data_offsets are [8,0]"));
  CHECK_THAT(message(tensor("[2]", "[4,12]"), 12), Contains("begins at byte 4 of the data, not at 0"));
  CHECK_THAT(message(tensor("[2]", "[-8,0]"), 8), Contains("has a negative number in its data_offsets"));
  CHECK_THAT(message(tensor("[-2]", "[0,8]"), 8), Contains("has a negative number in its shape"));
  CHECK_THAT(message(tensor("[9223372036854775807,9223372036854775807]", "[0,8]"), 8),
             Contains("more than 1099511627776 elements"));
  CHECK_THAT(message(tensor("[4611686018427387904,4]", "[0,0]"), 0), Contains("more than 1099511627776 elements"));
  CHECK_THAT(message(tensor("[9223372036854775808]", "[0,8]"), 8), Contains("a number in it is too large"));
  CHECK_THAT(message(tensor("[99999999999999999999999]", "[0,8]"), 8),
             Contains("the number 99999999999999999999999 in the wrong place"));
  CHECK_THAT(message(tensor("[2.0]", "[0,8]"), 8), Contains("the number 2.0 in the wrong place"));
  CHECK_THAT(message(tensor("[1,1,1,1,1,1,1,1,2]", "[0,8]"), 8), Contains("has more than 8 axes"));
  CHECK_THAT(message(tensor("[2]", "[0,8,8]"), 8), Contains("has more than 2 data_offsets"));
  CHECK_THAT(message(tensor("[2]", "[0]"), 8), Contains("has 1 data_offsets instead of 2"));
  CHECK_THAT(message(tensor("[2]", "[0,8]", "F8_E4M3"), 8), Contains("has the dtype F8_E4M3; F64, F32, F16, BF16"));
  CHECK_THAT(message(tensor("[[2]]", "[0,8]"), 8), Contains("a list in the wrong place"));
  CHECK(message(tensor("[0,9223372036854775807]", "[0,0]"), 0) == "no error");
}

TEST_CASE("tensors that overlap or leave a hole are refused") {
  const auto two = [](const std::string& second) {
    return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":)" +
           second + "}}";
  };
  CHECK(message(two("[4,8]"), 8) == "no error");
  CHECK_THAT(message(two("[2,6]"), 6),
             Contains("tensor \"b\" begins at byte 2 of the data, not at 4: tensors overlap or leave a hole"));
  CHECK_THAT(message(two("[0,4]"), 4), Contains("overlap or leave a hole"));
  CHECK_THAT(message(two("[5,9]"), 9), Contains("overlap or leave a hole"));
}

TEST_CASE("headers that are not what they should be are refused") {
  CHECK_THAT(message("", 0), Contains("does not begin with '{'"));
  CHECK_THAT(message("[]", 0), Contains("does not begin with '{'"));
  CHECK_THAT(message("{", 0), Contains("no valid JSON at byte"));
  CHECK_THAT(message("{}x", 0), Contains("no valid JSON at byte"));
  CHECK_THAT(message("{\"a\":1}", 0), Contains("a number in the wrong place, at \"a\""));
  CHECK_THAT(message("{\"a\":null}", 0), Contains("null in the wrong place"));
  CHECK_THAT(message("{\"a\":{}}", 0), Contains("lacks its dtype, shape or data_offsets"));
  CHECK_THAT(message("{\"a\":{\"x\":1}}", 0), Contains("has an unknown field \"x\""));
  CHECK_THAT(message("{\"a\":{\"dtype\":{}}}", 0), Contains("an object in the wrong place"));
  CHECK_THAT(message(R"({"a":{"dtype":"U8","dtype":"U8"}})", 0), Contains("the key \"dtype\" is there twice"));
  const std::string empty = R"(:{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  CHECK_THAT(message("{\"a\"" + empty + ",\"a\"" + empty + "}", 0), Contains("the key \"a\" is there twice"));
  CHECK_THAT(message(R"({"__metadata__":{"k":"1","k":"2"}})", 0), Contains("the key \"k\" is there twice"));
  CHECK_THAT(message(R"({"__metadata__":{"k":1}})", 0), Contains("a number in the wrong place"));
  CHECK_THAT(message(R"({"__metadata__":{"k":{}}})", 0), Contains("an object in the wrong place"));
  CHECK_THAT(message("{\"\xFF\xFE\"" + empty + "}", 0), Contains("no valid JSON"));
  CHECK_THAT(message("{\"" + std::string(4097, 'n') + "\"" + empty + "}", 0),
             Contains("name has 4097 bytes, the limit is 4096"));
  CHECK(message("{\"" + std::string(4096, 'n') + "\"" + empty + "}   ", 0) == "no error");
  CHECK_THAT(message("{\"a\":" + std::string(100'000, '['), 0), Contains("a list in the wrong place"));
}

TEST_CASE("lengths that lie and bools that are none are refused") {
  const std::string huge("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF{}", 10);
  CHECK_THROWS_WITH(decode(huge), Contains("its header claims 18446744073709551615 bytes, the limit is 100000000"));
  CHECK_THROWS_WITH(decode(std::string("\x40\0\0\0\0\0\0\0{}", 10)),
                    Contains("its header claims 64 bytes, the file has 10"));
  const std::string flags = R"({"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}})";
  CHECK_THROWS_WITH(decode(raw_file(flags, std::string("\x01\x02", 2))),
                    Contains("a BOOL tensor holds a byte other than 0 and 1"));
  CHECK(decode(raw_file(flags, std::string("\x01\x00", 2))).get<bool>("a").to_vector() ==
        std::vector<bool>{true, false});
}

TEST_CASE("limits are settable, and files are named") {
  const TemporaryFolder folder;
  io::save_safetensors(folder / "a", one_of_each());
  CHECK_THROWS_WITH(io::load_safetensors(folder / "a", {.header_bytes = 20}),
                    Contains("cannot read weights '" + (folder / "a").string() + "': its header claims"));
  CHECK_THROWS_WITH(io::load_safetensors(folder / "a", {.tensors = 7}), Contains("it has more than 7 tensors"));
  CHECK_THROWS_WITH(io::load_safetensors(folder / "a", {.tensor_elements = 3}),
                    Contains("tensor \"single\" has more than 3 elements"));
  CHECK_THROWS_WITH(io::load_safetensors(folder / "a", {.file_bytes = 100}), Contains("exceed the limit of 100"));
  CHECK_THROWS_AS(io::load_safetensors(folder / "none"), IoError);
}

TEST_CASE("names that the format can't hold are refused, and the old file stays") {
  const TemporaryFolder folder;
  io::save_safetensors(folder / "a", one_of_each());
  const auto save = [&](const std::string& name) {
    io::TensorFile file;
    file.add(name, Tensor<float>::zeros({1}));
    io::save_safetensors(folder / "a", file);
  };
  CHECK_THROWS_WITH(save("__metadata__"), "save_safetensors: \"__metadata__\" can't be a tensor's name");
  CHECK_THROWS_WITH(save("\xFF"), Contains("is not UTF-8"));
  CHECK_THROWS_WITH(save(std::string(5000, 'x')), Contains("a tensor's name has 5000 bytes, the limit is 4096"));
  CHECK(io::load_safetensors(folder / "a").size() == one_of_each().size());
  CHECK(folder.file_count() == 1);
}

TEST_CASE("a mapped file gives the same tensors, and writing to them leaves the file alone") {
  const TemporaryFolder folder;
  io::save_safetensors(folder / "a.safetensors", one_of_each());
  io::TensorFile mapped = io::map_safetensors(folder / "a.safetensors");
  const io::TensorFile read = io::load_safetensors(folder / "a.safetensors");
  CHECK(mapped.metadata == read.metadata);
  REQUIRE(mapped.size() == read.size());
  for (const auto& entry : read.entries()) {
    INFO(entry.name);
    const auto a = io::detail::bytes_of(entry.value), b = io::detail::bytes_of(mapped.at(entry.name));
    CHECK(io::shape_of(entry.value) == io::shape_of(mapped.at(entry.name)));
    CHECK(std::equal(a.begin(), a.end(), b.begin(), b.end()));
  }
  Tensor<double> wide = mapped.get<double>("wide");
  mapped = {};
  wide.fill(7);
  CHECK(wide.item() == 7);
  CHECK(io::load_safetensors(folder / "a.safetensors").get<double>("wide").item() == 0.1);
}

TEST_CASE("floats are written as 16 bits when asked for") {
  const TemporaryFolder folder;
  io::TensorFile file;
  file.add("w", Tensor<float>({4}, {1.0f, 0.1f, 1e9f, -3e-8f}));
  file.add("d", Tensor<double>({1}, {0.1}));
  io::save_safetensors(folder / "h.safetensors", file, {.floats = io::FloatFormat::f16});
  const io::TensorFile halves = io::load_safetensors(folder / "h.safetensors");
  CHECK(halves.get<float>("w").to_vector() ==
        std::vector<float>{1.0f, 0.0999755859375f, std::numeric_limits<float>::infinity(), -0x1p-24f});
  CHECK(halves.get<double>("d").item() == 0.1);
  io::save_safetensors(folder / "b.safetensors", file, {.floats = io::FloatFormat::bf16});
  CHECK(io::load_safetensors(folder / "b.safetensors").get<float>("w").to_vector() ==
        std::vector<float>{1.0f, 0.10009765625f, 998244352.0f, -0x1.02p-25f});
}

TEST_CASE("every 16-bit number survives the way to float and back, and halfway numbers go to the even one") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float a = io::half_to_float(half), b = io::bfloat16_to_float(half);
    if (std::isnan(a) ? !std::isnan(io::half_to_float(io::float_to_half(a))) : io::float_to_half(a) != half) FAIL(bits);
    if (std::isnan(b) ? !std::isnan(io::bfloat16_to_float(io::float_to_bfloat16(b))) : io::float_to_bfloat16(b) != half)
      FAIL(bits);
    if ((half & 0x7FFF) >= 0x7BFF) continue;
    const float next = io::half_to_float(static_cast<std::uint16_t>(half + 1)), middle = a + (next - a) / 2;
    if (io::float_to_half(middle) != ((half & 1) == 0 ? half : half + 1)) FAIL(bits);
  }
  CHECK(io::float_to_half(65519.9f) == 0x7BFF);
  CHECK(io::float_to_half(65520.0f) == 0x7C00);
}
