/// NumPy's files: read to the last number, written so that they come back, refused by name, and never believed.
/// The files come from tests/golden/make_golden_numpy.py.
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <kashi/io/file.hpp>
#include <kashi/io/npy.hpp>

#include "damage.hpp"
#include "temporary_folder.hpp"

using namespace kashi;
using Catch::Matchers::Contains;

namespace {

std::string path_of(const std::string& name) { return KASHI_SOURCE_DIR "/tests/golden/numpy/" + name; }

void decode_one(std::span<const std::byte> bytes) { io::decode_npy(bytes); }
void decode_archive(std::span<const std::byte> bytes) { io::decode_npz(bytes); }

template <class T>
void check_values(const io::TensorFile& file, const std::string& name, const Shape& shape,
                  const std::vector<T>& values) {
  INFO(name);
  const auto tensor = file.get<T>(name);
  CHECK(tensor.shape() == shape);
  CHECK(tensor.to_vector() == values);
}

void check_arrays(const io::TensorFile& file) {
  REQUIRE(file.size() == 15);
  check_values<double>(file, "type_float64", {3}, {0, 1, 2});
  check_values<float>(file, "type_float32", {3}, {0, 1, 2});
  check_values<float>(file, "type_float16", {3}, {0, 1, 2});
  check_values<std::int64_t>(file, "type_int64", {3}, {0, 1, 2});
  check_values<std::int32_t>(file, "type_int32", {3}, {0, 1, 2});
  check_values<std::int16_t>(file, "type_int16", {3}, {0, 1, 2});
  check_values<std::int8_t>(file, "type_int8", {3}, {0, 1, 2});
  check_values<std::uint64_t>(file, "type_uint64", {3}, {0, 1, 2});
  check_values<std::uint32_t>(file, "type_uint32", {3}, {0, 1, 2});
  check_values<std::uint16_t>(file, "type_uint16", {3}, {0, 1, 2});
  check_values<std::uint8_t>(file, "type_uint8", {3}, {0, 1, 2});
  check_values<bool>(file, "type_bool", {2}, {false, true});
  check_values<float>(file, "fortran", {2, 3, 4}, Tensor<float>::arange(24).to_vector());
  check_values<float>(file, "scalar", {}, {7});
  check_values<float>(file, "empty", {0, 5}, {});
}

/// An npy file with this dict and so many bytes of data.
std::string raw_file(const std::string& dict, std::size_t data_bytes) {
  return std::string("\x93NUMPY\1\0", 8) + static_cast<char>(dict.size()) + '\0' + dict + std::string(data_bytes, '\0');
}

std::string header_refusal(const std::string& dict, std::size_t data_bytes = 8) {
  return damage::refusal(decode_one, raw_file(dict, data_bytes));
}

std::string message(const std::string& name) {
  try {
    io::load_npy(path_of("refused_" + name + ".npy"));
  } catch (const FormatError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("NumPy's archives are read, stored and compressed") {
  check_arrays(io::load_npz(path_of(GENERATE("arrays.npz", "compressed.npz"))));
}

TEST_CASE("arrays come back from our archives, and equal content gives equal bytes") {
  const bool compress = GENERATE(false, true);
  const TemporaryFolder folder;
  const io::TensorFile file = io::load_npz(path_of("arrays.npz"));
  io::save_npz(folder / "a.npz", file, {.compress = compress});
  io::save_npz(folder / "b.npz", io::load_npz(folder / "a.npz"), {.compress = compress});
  check_arrays(io::load_npz(folder / "b.npz"));
  CHECK(io::read_text_file(folder / "a.npz") == io::read_text_file(folder / "b.npz"));
}

TEST_CASE("a single array is read and written as NumPy writes it") {
  const TemporaryFolder folder;
  const auto fortran = std::get<Tensor<float>>(io::load_npy(path_of("fortran.npy")));
  CHECK(fortran.to_vector() == Tensor<float>::arange(24).to_vector());
  io::save_npy(folder / "a.npy", Tensor<float>({2, 1}, {1, 2}));
  const std::string bytes = io::read_text_file(folder / "a.npy");
  CHECK(bytes.size() == 128 + 8);
  CHECK_THAT(bytes, Contains("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }"));
  io::save_npy(folder / "b.npy", Tensor<std::uint8_t>({3}, {1, 2, 3}));
  CHECK_THAT(io::read_text_file(folder / "b.npy"), Contains("'descr': '|u1'") && Contains("'shape': (3,), }"));
  CHECK(std::get<Tensor<std::uint8_t>>(io::load_npy(folder / "b.npy")).to_vector() ==
        std::vector<std::uint8_t>{1, 2, 3});
}

TEST_CASE("arrays of other things are refused by name") {
  CHECK_THAT(message("objects"), Contains("refused_objects.npy': its npy header describes Python objects ('|O')"));
  CHECK_THAT(message("big_endian"), Contains("big-endian numbers ('>f4')"));
  CHECK_THAT(message("complex"), Contains("the type '<c8'"));
  CHECK_THAT(message("text"), Contains("the type '<U2'"));
  CHECK_THAT(message("records"), Contains("records with fields"));
}

TEST_CASE("npy headers are not believed") {
  const std::string rest = ", 'fortran_order': False, ";
  CHECK(header_refusal("{'descr': '<f4'" + rest + "'shape': (2,)}").empty());
  CHECK_THAT(header_refusal("{'descr': '<f4'" + rest + "'shape': (3,)}"),
             Contains("shape [3] needs 12 bytes, the file has 8"));
  CHECK_THAT(header_refusal("{'descr': '<f4'" + rest + "'shape': (1,)}"),
             Contains("shape [1] needs 4 bytes, the file has 8"));
  CHECK_THAT(header_refusal("{'descr': '<f4'" + rest + "'shape': (9223372036854775807,)}"),
             Contains("the limit is 1099511627776"));
  CHECK_THAT(header_refusal("{'descr': '<f4'" + rest + "'shape': (9223372036854775808,)}"), Contains("beyond 64 bits"));
  CHECK_THAT(header_refusal("{'descr': '<f4'" + rest + "'shape': (4294967296, 4294967296)}"),
             Contains("more than 1099511627776"));
  CHECK_THAT(header_refusal("{'descr': '<f4'" + rest + "'shape': (-1,)}"), Contains("lacks a size"));
  CHECK_THAT(header_refusal("{'descr': '<f4'" + rest + "'shape': (1,1,1,1,1,1,1,1,2)}"), Contains("more than 8 axes"));
  CHECK_THAT(header_refusal("{'descr': '<f4'" + rest + "}"), Contains("lacks descr, fortran_order or shape"));
  CHECK_THAT(header_refusal("{'descr': '<f4', 'descr': '<f4'}"), Contains("key 'descr' twice"));
  CHECK_THAT(header_refusal("{'x': 1}"), Contains("unknown key 'x'"));
  CHECK_THAT(header_refusal("__import__('os')"), Contains("lacks a '{'"));
  CHECK_THAT(damage::refusal(decode_one, std::string("\x93NUMPY\1\0\xFF\xFF{}", 12)),
             Contains("claims 65535 bytes, 2 follow"));
}

TEST_CASE("NumPy's files cut off at any byte are refused") {
  damage::check_truncations(decode_one, io::read_text_file(path_of("fortran.npy")));
  damage::check_truncations(decode_archive, io::read_text_file(path_of(GENERATE("arrays.npz", "compressed.npz"))));
}

TEST_CASE("NumPy's files with any byte changed are refused or read") {
  CHECK(damage::change_every_byte(decode_one, io::read_text_file(path_of("fortran.npy"))) > 100);
  CHECK(damage::change_every_byte(decode_archive,
                                  io::read_text_file(path_of(GENERATE("arrays.npz", "compressed.npz")))) > 1000);
}

TEST_CASE("a zip bomb is refused before memory is taken for it") {
  const TemporaryFolder folder;
  io::TensorFile file;
  file.add("zeros", Tensor<float>::zeros({1 << 20}));
  io::save_npz(folder / "a.npz", file, {.compress = true});
  CHECK(io::load_npz(folder / "a.npz").size() == 1);  // a thousandfold, but small
  const io::Limits limits{.growth_bytes = 1 << 20};
  CHECK_THROWS_WITH(io::load_npz(folder / "a.npz", limits), Contains("unpack to more than 1048576 bytes"));
}
