/// PyTorch's files: those that torch.save writes are read to the last number, and those that ask for more than tensors
/// are refused by name. The files come from tests/golden/make_golden_torch.py.
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <kashi/io/file.hpp>
#include <kashi/io/torch.hpp>

#include "damage.hpp"

using namespace kashi;
using Catch::Matchers::Contains;

namespace {

std::string path_of(const std::string& name) { return KASHI_SOURCE_DIR "/tests/golden/torch/" + name + ".pt"; }

std::string message(const std::string& name) {
  try {
    io::load_torch(path_of(name));
  } catch (const FormatError& error) {
    return error.what();
  }
  return "no error";
}

void decode(std::span<const std::byte> bytes) { io::decode_torch(bytes); }

std::vector<std::string> names_of(const io::TensorFile& file) {
  std::vector<std::string> out;
  for (const auto& entry : file.entries()) out.push_back(entry.name);
  return out;
}

template <class T>
void check_values(const io::TensorFile& file, const std::string& name, const Shape& shape,
                  const std::vector<T>& values) {
  INFO(name);
  const auto tensor = file.get<T>(name);
  CHECK(tensor.shape() == shape);
  CHECK(tensor.to_vector() == values);
}

void check_network(const io::TensorFile& file) {
  CHECK(names_of(file) == std::vector<std::string>{"conv.weight", "conv.bias", "norm.weight", "norm.bias",
                                                   "norm.running_mean", "norm.running_var",
                                                   "norm.num_batches_tracked"});
  std::vector<float> counted(18);
  for (std::size_t i = 0; i < counted.size(); ++i) counted[i] = static_cast<float>(i);
  check_values<float>(file, "conv.weight", {2, 1, 3, 3}, counted);
  check_values<float>(file, "norm.running_var", {2}, {0, 1});
  check_values<std::int64_t>(file, "norm.num_batches_tracked", {}, {0});
}

/// A torch file whose pickle says this. Stored, with its checksums.
std::string zip_file(const std::string& pickle, const std::string& storage = std::string(8, '\0')) {
  const std::vector<std::pair<std::string, std::string>> entries = {{"a/data.pkl", pickle}, {"a/data/0", storage}};
  const auto number = [](std::size_t value, int bytes) {
    std::string out;
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
    return out;
  };
  std::string file, directory;
  for (const auto& [name, data] : entries) {
    const std::string fields = number(20, 2) + number(0, 2) + number(0, 2) + number(0, 4) +
                               number(io::detail::crc32_of(damage::as_bytes(data)), 4) + number(data.size(), 4) +
                               number(data.size(), 4) + number(name.size(), 2) + number(0, 2);
    directory += "PK\x01\x02" + number(20, 2) + fields + number(0, 2) + number(0, 2) + number(0, 2) + number(0, 4) +
                 number(file.size(), 4) + name;
    file += "PK\x03\x04" + fields + name + data;
  }
  return file + directory + "PK\x05\x06" + number(0, 4) + number(2, 2) + number(2, 2) + number(directory.size(), 4) +
         number(file.size(), 4) + number(0, 2);
}

std::string text_op(const std::string& text) {
  return std::string("X") + static_cast<char>(text.size()) + std::string(3, '\0') + text;
}

/// {"w": a tensor on two floats}, with its offset, sizes and strides as opcodes.
std::string tensor_pickle(const std::string& offset, const std::string& sizes, const std::string& strides,
                          const std::string& elements = "K\x02") {
  return "\x80\x02}" + text_op("w") + "ctorch._utils\n_rebuild_tensor_v2\n((" + text_op("storage") +
         "ctorch\nFloatStorage\n" + text_op("0") + text_op("cpu") + elements + "tQ" + offset + sizes + strides +
         "\x89"
         "ccollections\nOrderedDict\n)RtRs.";
}

const std::string largest = "\x8A\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F";  // 2^63 - 1
const std::string zero = std::string("K") + '\0';

std::string pickle_refusal(const std::string& pickle) { return damage::refusal(decode, zip_file(pickle)); }

}  // namespace

TEST_CASE("every number type of a torch file is read") {
  const io::TensorFile file = io::load_torch(path_of(GENERATE("every_type", "every_type_plain")));
  for (const char* name : {"float32", "float16", "bfloat16"}) check_values<float>(file, name, {3}, {0, 1, 2});
  check_values<double>(file, "float64", {3}, {0, 1, 2});
  check_values<std::int64_t>(file, "int64", {3}, {0, 1, 2});
  check_values<std::int32_t>(file, "int32", {3}, {0, 1, 2});
  check_values<std::int16_t>(file, "int16", {3}, {0, 1, 2});
  check_values<std::int8_t>(file, "int8", {3}, {0, 1, 2});
  check_values<std::uint64_t>(file, "uint64", {3}, {0, 1, 2});
  check_values<std::uint32_t>(file, "uint32", {3}, {0, 1, 2});
  check_values<std::uint16_t>(file, "uint16", {3}, {0, 1, 2});
  check_values<std::uint8_t>(file, "uint8", {3}, {0, 1, 2});
  check_values<bool>(file, "bool", {2}, {false, true});
}

TEST_CASE("strided and shared storages become tensors of their own") {
  const io::TensorFile file = io::load_torch(path_of(GENERATE("views", "views_plain")));
  check_values<float>(file, "transposed", {6, 4},
                      {0, 6, 12, 18, 1, 7, 13, 19, 2, 8, 14, 20, 3, 9, 15, 21, 4, 10, 16, 22, 5, 11, 17, 23});
  check_values<float>(file, "column", {4}, {2, 8, 14, 20});
  check_values<float>(file, "rows", {2, 6}, {6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17});
  check_values<float>(file, "steps", {2, 2}, {1, 4, 13, 16});
  check_values<float>(file, "expanded", {3, 4}, {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2});
  check_values<float>(file, "permuted", {4, 2, 3},
                      {0, 4, 8, 12, 16, 20, 1, 5, 9, 13, 17, 21, 2, 6, 10, 14, 18, 22, 3, 7, 11, 15, 19, 23});
  check_values<float>(file, "scalar", {}, {7});
  check_values<float>(file, "empty", {0, 5}, {});
  check_values<float>(file, "halves", {3, 2}, {0, 3, 1, 4, 2, 5});
  CHECK_FALSE(file.get<float>("whole").shares_storage_with(file.get<float>("rows")));
}

TEST_CASE("state dicts of every kind of file are equal") {
  check_network(
      io::load_torch(path_of(GENERATE("network", "network_plain", "network_deflated", "protocol5", "no_checksum"))));
}

TEST_CASE("parameters, lists and single tensors are read") {
  CHECK(names_of(io::load_torch(path_of("parameters"))) ==
        std::vector<std::string>{"conv.weight", "conv.bias", "norm.weight", "norm.bias"});
  CHECK(names_of(io::load_torch(path_of("list"))) == std::vector<std::string>{"0", "1.0", "1.1.a"});
  check_values<float>(io::load_torch(path_of("tensor")), "tensor", {2, 2}, {0, 1, 2, 3});
}

TEST_CASE("of a checkpoint the state dict is taken, or everything") {
  const io::TensorFile state = io::load_torch(path_of("checkpoint"));
  CHECK(state.size() == 7);
  check_values<float>(state, "conv.bias", {2}, {0, 1});
  CHECK(state.metadata ==
        std::map<std::string, std::string>{{"done", "true"}, {"epoch", "3"}, {"lr", "0.25"}, {"name", "tiny"}});
  const io::TensorFile all = io::load_torch(path_of("checkpoint"), {.everything = true});
  CHECK(all.contains("state_dict.conv.weight"));
  CHECK(all.get<float>("optimizer.state.0.exp_avg").shape() == Shape{2, 1, 3, 3});
}

TEST_CASE("a tensor beside the state dict of a checkpoint is left out") {
  const io::TensorFile state = io::load_torch(path_of("checkpoint_beside"));
  CHECK(state.size() == 7);
  check_values<float>(state, "module.conv.bias", {2}, {0, 1});
}

TEST_CASE("NumPy scalars, sets and dicts with a default in a checkpoint are left out") {
  const io::TensorFile state = io::load_torch(path_of("checkpoint_numpy"));
  CHECK(state.size() == 7);
  CHECK(state.metadata.empty());
  const io::TensorFile all = io::load_torch(path_of("checkpoint_numpy"), {.everything = true});
  check_values<float>(all, "optimizer.state.0.momentum", {2}, {0, 1});
}

TEST_CASE("what is no tensor is refused by name") {
  CHECK_THAT(message("refused_system"), Contains("refused_system.pt': it asks for posix.system"));
  CHECK_THAT(message("refused_eval"), Contains("it asks for __builtin__.eval"));
  CHECK_THAT(message("refused_module"),
             Contains("torch.nn.modules.container.Sequential") && Contains("save model.state_dict()"));
  CHECK_THAT(message("refused_complex"), Contains("torch.ComplexFloatStorage"));
  CHECK_THAT(message("refused_sparse"), Contains("torch._utils._rebuild_sparse_tensor"));
  CHECK_THAT(message("refused_script"), Contains("TorchScript"));
  CHECK_THAT(message("refused_pickle"), Contains("it is no torch file"));
}

TEST_CASE("a torch file cut off at any byte is refused") {
  damage::check_truncations(
      decode, io::read_text_file(path_of(GENERATE("tensor", "network_plain", "network_deflated", "list"))));
}

TEST_CASE("a torch file with any byte changed is refused or read") {
  const std::string whole = io::read_text_file(path_of(GENERATE("tensor", "views_plain", "network_deflated")));
  CHECK(damage::change_every_byte(decode, whole) > whole.size() / 4);
}

TEST_CASE("tensors must lie inside their storage") {
  const std::string two = "K\x02\x85", one = "K\x01\x85";
  CHECK(pickle_refusal(tensor_pickle(zero, two, one)).empty());
  CHECK_THAT(pickle_refusal(tensor_pickle("K\x01", two, one)),
             Contains("a tensor of shape [2] reaches beyond storage 0, which has 2 elements"));
  CHECK_THAT(pickle_refusal(tensor_pickle(largest, two, one)), Contains("begins at element 9223372036854775807"));
  CHECK_THAT(pickle_refusal(tensor_pickle("J\xFF\xFF\xFF\xFF", two, one)), Contains("begins at element -1"));
  CHECK_THAT(pickle_refusal(tensor_pickle(zero, two, largest + "\x85")), Contains("reaches beyond storage 0"));
  CHECK_THAT(pickle_refusal(tensor_pickle(zero, two, "J\xFF\xFF\xFF\xFF\x85")), Contains("stride -1"));
  CHECK_THAT(pickle_refusal(tensor_pickle(zero, largest + "\x85", one)),
             Contains("the limit is 1099511627776 elements"));
  CHECK_THAT(pickle_refusal(tensor_pickle(zero, "J\xFF\xFF\xFF\xFF\x85", one)), Contains("a size of its shape is -1"));
  CHECK_THAT(pickle_refusal(tensor_pickle(zero, two, ")")), Contains("has 0 strides"));
  CHECK_THAT(pickle_refusal(tensor_pickle(zero, two, one, "K\x03")),
             Contains("storage 0 has 8 bytes, its pickle claims 12"));
  CHECK_THAT(pickle_refusal(tensor_pickle(zero, two, one, largest)),
             Contains("storage 0 claims 9223372036854775807 elements"));
  const std::string forty_bits = std::string("\x8A\x05") + std::string(4, '\0') + "\x40";
  CHECK_THAT(pickle_refusal(tensor_pickle(zero, forty_bits + "\x85", zero + "\x85")),
             Contains("take more than 268435456 bytes"));
}

TEST_CASE("pickles that are no state dict are refused") {
  CHECK_THAT(pickle_refusal("\x80\x02}."), Contains("it holds no tensor"));
  CHECK_THAT(pickle_refusal("\x80\x01}."), Contains("protocol 1"));
  CHECK_THAT(pickle_refusal("\x80\x02(i__main__\nX\n."), Contains("opcode 105 (INST)"));
  CHECK_THAT(pickle_refusal("\x80\x02"
                            "ccollections\nOrderedDict\n)\x81."),
             Contains("opcode 129 (NEWOBJ)"));
  CHECK_THAT(pickle_refusal("\x80\x04\x8c\x02os\x8c\x06system\x93."), Contains("it asks for os.system"));
  CHECK_THAT(pickle_refusal("\x80\x02"
                            "cbuiltins\nget\x01"
                            "attr\n."),
             Contains("it asks for builtins.get?attr"));
  CHECK_THAT(pickle_refusal("\x80\x02"
                            "ctorch\nFloatStorage\n)R."),
             Contains("it calls torch.FloatStorage"));
  CHECK_THAT(pickle_refusal("\x80\x02)R."), Contains("lacks its operand"));
  CHECK_THAT(pickle_refusal("\x80\x02K\x01s."), Contains("lacks its operand"));
  CHECK_THAT(pickle_refusal("\x80\x02]K\x01K\x02s."), Contains("an opcode for a dict meets something else"));
  CHECK_THAT(pickle_refusal("\x80\x02}}b."), Contains("it holds no tensor"));
  CHECK_THAT(pickle_refusal("\x80\x02]}b."), Contains("attributes of what is no dict"));
  CHECK_THAT(pickle_refusal("\x80\x02"
                            "ccollections\ndefaultdict\nctorch\nTensor\n\x85R."),
             Contains("a defaultdict makes other than dicts"));
  CHECK_THAT(pickle_refusal("\x80\x02"
                            "cbuiltins\ndict\n)R."),
             Contains("it calls builtins.dict"));
  CHECK_THAT(pickle_refusal("\x80\x02h\x07."), Contains("refers to value 7"));
  CHECK_THAT(pickle_refusal("\x80\x02t."), Contains("lacks its mark"));
  CHECK_THAT(pickle_refusal("\x80\x02}}."), Contains("ends with 2 values"));
  CHECK_THAT(pickle_refusal("\x80\x02}.}"), Contains("bytes follow its pickle"));
  CHECK_THAT(pickle_refusal("\x80\x02X\xFF\xFF\xFF\xFFy."), Contains("it is cut off"));
}

TEST_CASE("a pickle that holds itself ends") {
  CHECK_THAT(pickle_refusal(std::string("\x80\x02]q") + '\0' + "h" + '\0' + "a."),
             Contains("nested more than 64 deep"));
  // Each list holds the one before twice: 2^60 values out of 360 bytes.
  std::string doubling = "\x80\x02]";
  for (char i = 0; i < 60; ++i) doubling += std::string("q") + i + "0]" + "h" + i + "ah" + i + "a";
  CHECK_THAT(pickle_refusal(doubling + "."), Contains("it has more than 5000000 values"));
}
