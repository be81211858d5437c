/// One door to all files of weights.
#include <string>

#include <catch2/catch.hpp>

#include <kashi/io/load_tensors.hpp>

#include "damage.hpp"
#include "temporary_folder.hpp"

using namespace kashi;
using Catch::Matchers::Contains;

TEST_CASE("the content tells the format, not the name") {
  const TemporaryFolder folder;
  io::TensorFile file;
  file.add("w", Tensor<float>({2}, {1, 2}));
  io::save_safetensors(folder / "a.pt", file);
  io::save_npz(folder / "b.safetensors", file);
  CHECK(io::load_tensors(folder / "a.pt").get<float>("w").to_vector() == std::vector<float>{1, 2});
  CHECK(io::load_tensors(folder / "b.safetensors").get<float>("w").to_vector() == std::vector<float>{1, 2});
  io::save_npy(folder / "c", file.at("w"));
  CHECK(io::load_tensors(folder / "c").contains("tensor"));
  for (const char* name : {"network", "network_plain", "network_deflated"})
    CHECK(io::load_tensors(std::string(KASHI_SOURCE_DIR "/tests/golden/torch/") + name + ".pt").size() == 7);
}

TEST_CASE("other files are refused") {
  const auto decode = [](std::span<const std::byte> bytes) { io::decode_tensors(bytes); };
  CHECK_THAT(damage::refusal(decode, "\x89PNG\r\n\x1a\n"),
             Contains("it is no file of weights; safetensors, PyTorch's"));
  CHECK_THAT(damage::refusal(decode, ""), Contains("it is no file of weights"));
  CHECK_THAT(damage::refusal(decode, std::string("\x80\x02}q\0.", 6)), Contains("it is no file of weights"));
  CHECK_THROWS_AS(io::load_tensors("/nowhere/at/all"), IoError);
}
