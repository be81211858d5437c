/// Named networks against PyTorch's: every layer's output, the gradients of input and parameters. The values come from
/// tests/golden/make_golden_models.py; KASHI_GOLDEN_MODELS names a file with more networks than those stored.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include <kashi/models/registry.hpp>
#include <kashi/ops/cross_entropy.hpp>

#include "models/formula.hpp"

using namespace kashi;

namespace {

/// What the file says of one network: by "output/features.0" or "gradient/features.0.weight".
using Golden = std::map<std::string, formula::Summary>;

const std::map<std::string, Golden>& golden_file() {
  static const std::map<std::string, Golden> networks = [] {
    const char* other = std::getenv("KASHI_GOLDEN_MODELS");
    std::ifstream stream(other != nullptr ? other : KASHI_SOURCE_DIR "/tests/golden/models.txt");
    std::map<std::string, Golden> out;
    for (std::string line; std::getline(stream, line);) {
      std::istringstream words(line);
      std::string key;
      formula::Summary values;
      words >> key >> values.norm >> values.a >> values.b;
      const std::size_t slash = key.find('/');
      out[key.substr(0, slash)][key.substr(slash + 1)] = values;
    }
    return out;
  }();
  return networks;
}

/// A network of the file: "mobilenet_v2", or "mobilenet_v2:same" for the other padding, with weights by formula.
template <class T>
nn::Sequential<T> make_network(const std::string& name) {
  const bool is_same = name.ends_with(":same");
  auto net =
      models::make<T>(is_same ? name.substr(0, name.size() - 5) : name,
                      {.padding = is_same ? models::StridePadding::same : models::StridePadding::usual, .dropout = 0});
  auto state = net.to_state_dict().to_layout(nn::WeightLayout::channels_first);
  nn::StateDict<T> weights;
  weights.set_layout(nn::WeightLayout::channels_first);
  for (const auto& [key, value] : state)
    if (!key.ends_with("num_batches_tracked")) weights.set(key, formula::value_of<T>(key, value.shape()));
  net.load_state_dict(weights);
  return net;
}

template <class T>
Tensor<T> input_of(const std::string& name) {
  const Index side = name.find("cifar") != std::string::npos ? 32 : 64;
  return formula::uniform<T>("input", {2, side, side, 3});
}

/// Whether the tensor is the file's, to `tolerance` of its norm.
template <class T>
void check(const Golden& golden, const std::string& kind, const std::string& path, const Tensor<T>& tensor,
           double tolerance) {
  CAPTURE(kind, path);
  const auto found = golden.find(kind + "/" + path);
  REQUIRE(found != golden.end());
  const formula::Summary is = formula::summary(path, tensor), wanted = found->second;
  const double bound = tolerance * wanted.norm + 1e-12;
  CHECK(std::abs(is.norm - wanted.norm) <= bound);
  CHECK(std::abs(is.a - wanted.a) <= bound);
  CHECK(std::abs(is.b - wanted.b) <= bound);
}

std::size_t count(const Golden& golden, const std::string& kind) {
  return static_cast<std::size_t>(
      std::count_if(golden.begin(), golden.end(), [&](const auto& entry) { return entry.first.starts_with(kind); }));
}

/// Every output that the file has, in eval mode. Returns how many were seen.
template <class T>
std::size_t check_outputs(const std::string& name, const Golden& golden, double tolerance) {
  auto net = make_network<T>(name);
  net.eval();
  std::vector<std::pair<std::string, Tensor<T>>> outputs;
  for (const auto& [path, module] : net.named_modules())
    if (golden.contains("output/" + path) && module->children().empty())
      module->register_forward_hook([&outputs, path = path](const auto&, const auto&, const Variable<T>& output) {
        outputs.emplace_back(path, output.value());
        return output;
      });
  const NoGrad no_grad;
  net(input_of<T>(name));
  for (const auto& [path, output] : outputs) check(golden, "output", path, output, tolerance);
  return outputs.size();
}

}  // namespace

TEST_CASE("All layers' outputs are PyTorch's") {
  for (const auto& [name, golden] : golden_file()) {
    CAPTURE(name);
    CHECK(check_outputs<float>(name, golden, 1e-4) == count(golden, "output"));
  }
}

TEST_CASE("Gradients of the input and all parameters are PyTorch's") {
  for (const auto& [name, golden] : golden_file()) {
    CAPTURE(name);
    const auto net = make_network<double>(name);
    Variable<double> x = parameter(input_of<double>(name));
    cross_entropy(net(x), Tensor<Index>({2}, {1, 7})).backward();
    check(golden, "gradient", "input", x.grad(), 1e-6);

    nn::StateDict<double> gradients = net.to_state_dict();
    std::size_t seen = 1;
    for (const auto& [path, parameter] : net.named_parameters()) gradients.set(path, parameter.grad());
    gradients = gradients.to_layout(nn::WeightLayout::channels_first);
    for (const auto& [path, parameter] : net.named_parameters()) {
      check(golden, "gradient", path, gradients.at(path), 1e-6);
      ++seen;
    }
    CHECK(seen == count(golden, "gradient"));
  }
}
