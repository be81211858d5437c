/// State dicts of named networks, both ways between PyTorch and us. The files are large, so they are made on demand:
/// tests/golden/exchange_models.py says how.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>

#include <kashi/models/registry.hpp>
#include <kashi/train/self_test.hpp>

#include "models/formula.hpp"

using namespace kashi;

namespace {

/// Loads what PyTorch saved, and answers as PyTorch did.
void read(const std::string& name, const std::filesystem::path& folder) {
  auto net = models::make(name);
  const nn::LoadReport report = net.load_state_dict(train::load_weights(folder / (name + ".pt")));
  CHECK(report.is_complete());
  net.eval();
  const train::Verification found = train::verify(net, io::load_tensors(folder / (name + ".check.pt")), 1e-4);
  WARN(name << ": PyTorch's state dict, self-test " << found.to_string());
  CHECK(found.passes);
}

/// Writes weights by formula, with an input and the answer to it.
void write(const std::string& name, const std::filesystem::path& folder) {
  auto net = models::make(name);
  nn::StateDict<float> weights;
  weights.set_layout(nn::WeightLayout::channels_first);
  for (const auto& [key, value] : net.to_state_dict().to_layout(nn::WeightLayout::channels_first))
    weights.set(key, key.ends_with("num_batches_tracked") ? value : formula::value_of<float>(key, value.shape()));
  net.load_state_dict(weights);
  const Index side = name.find("cifar") != std::string::npos ? 32 : 64;
  io::TensorFile file;
  train::add_state(file, "", weights);
  train::add_self_test(file, net, formula::uniform<float>("input", {2, side, side, 3}));
  io::save_safetensors(folder / (name + ".kashi.safetensors"), file);
}

}  // namespace

TEST_CASE("State dicts go both ways") {
  const char* folder = std::getenv("KASHI_EXCHANGE_FOLDER");
  if (folder == nullptr) {
    WARN("skipped: KASHI_EXCHANGE_FOLDER names no folder (tests/golden/exchange_models.py)");
    return;
  }
  std::size_t seen = 0;
  for (const std::string& name : models::names()) {
    if (!std::filesystem::exists(std::filesystem::path(folder) / (name + ".pt"))) continue;
    CAPTURE(name);
    read(name, folder);
    write(name, folder);
    ++seen;
  }
  CHECK(seen > 0);
}
