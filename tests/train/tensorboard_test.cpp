#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>

#include <kashi/data/tensor_dataset.hpp>
#include <kashi/nn/container.hpp>
#include <kashi/nn/linear.hpp>
#include <kashi/nn/shape.hpp>
#include <kashi/ops/loss.hpp>
#include <kashi/optim/sgd.hpp>
#include <kashi/train/tensorboard.hpp>

#include "io/temporary_folder.hpp"

using namespace kashi;

namespace {

std::uint64_t number_at(const std::string& bytes, std::size_t at, int size) {
  std::uint64_t out = 0;
  for (int i = size; i-- > 0;) out = out << 8 | static_cast<unsigned char>(bytes.at(at + static_cast<std::size_t>(i)));
  return out;
}

/// The data of all records; checks lengths and checksums by the format's own rule.
std::vector<std::string> records_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const auto checksum = [](const std::string& part) {
    const std::uint32_t crc = train::detail::crc32c(part);
    return static_cast<std::uint32_t>(((crc >> 15) | (crc << 17)) + 0xA282EAD8u);
  };
  std::vector<std::string> out;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t size = number_at(bytes, at, 8);
    CHECK(number_at(bytes, at + 8, 4) == checksum(bytes.substr(at, 8)));
    out.push_back(bytes.substr(at + 12, size));
    CHECK(number_at(bytes, at + 12 + size, 4) == checksum(out.back()));
    at += 16 + size;
  }
  return out;
}

/// A scalar event's tag, step and value, taken apart field by field.
struct Scalar {
  std::string tag;
  std::uint64_t step = 0;
  float value = 0;
};
Scalar scalar_of(const std::string& event) {
  REQUIRE(event.at(0) == 0x09);  // field 1, 64 bits
  REQUIRE(event.at(9) == 0x10);  // field 2, varint
  Scalar out;
  out.step = static_cast<unsigned char>(event.at(10));
  REQUIRE(event.at(11) == 0x2A);  // field 5, bytes
  REQUIRE(event.at(13) == 0x0A);  // its field 1, bytes
  REQUIRE(event.at(15) == 0x0A);  // its field 1, bytes
  const auto length = static_cast<std::size_t>(event.at(16));
  out.tag = event.substr(17, length);
  REQUIRE(event.at(17 + length) == 0x15);  // field 2, 32 bits
  const auto bits = static_cast<std::uint32_t>(number_at(event, 18 + length, 4));
  std::memcpy(&out.value, &bits, sizeof bits);
  CHECK(event.size() == 22 + length);
  return out;
}

train::FitResult fit(const std::filesystem::path& folder, Index epochs, bool resume) {
  manual_seed(1);
  nn::Sequential<float> net{nn::Flatten<float>(), nn::Linear<float>({.in = 2, .out = 2})};
  const auto dataset = data::tensor_dataset(Tensor<float>::ones({4, 1, 1, 2}), Tensor<Index>({4}, {0, 1, 0, 1}));
  train::Trainer trainer(net, optim::SGD<float>(net.parameters(), {.lr = 0.1}),
                         [](const Variable<float>& y, const data::Batch& b) { return cross_entropy(y, b.labels); });
  return trainer.fit(dataset, {.epochs = epochs,
                               .batch = 2,
                               .callbacks = {std::make_shared<train::TensorBoardLog>(folder / "events")},
                               .checkpoint = folder / "checkpoint.safetensors",
                               .resume = resume});
}

}  // namespace

TEST_CASE("the checksum of event files is Castagnoli's") {
  CHECK(train::detail::crc32c("123456789") == 0xE3069283u);
  CHECK(train::detail::crc32c("") == 0u);
}

TEST_CASE("event files hold every epoch's figures once, also after a resume") {
  const TemporaryFolder folder;
  fit(folder.path(), 2, false);
  const auto result = fit(folder.path(), 3, true);
  REQUIRE(result.history.size() == 3);
  const auto records = records_of(folder / "events/events.out.tfevents.kashi");
  REQUIRE(!records.empty());
  CHECK(records[0].find("brain.Event:2") != std::string::npos);
  std::vector<Scalar> losses;
  for (std::size_t i = 1; i < records.size(); ++i) {
    const Scalar scalar = scalar_of(records[i]);
    if (scalar.tag == "train/loss") losses.push_back(scalar);
  }
  REQUIRE(losses.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(losses[i].step == i + 1);
    CHECK(losses[i].value == static_cast<float>(result.history[i].at("train_loss")));
  }
}
