/// A weights file may carry a self-test: an input and what the network must answer to it, as the tensors
/// "self_test.input" [N,C,H,W] (PyTorch's order of axes) and "self_test.output" [N,K].
///
///     train::verify(net, io::load_safetensors("net.safetensors"))     // {.largest_difference = 3e-6, .passes = true}
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include <kashi/train/weights.hpp>

namespace kashi::inline v0::train {

/// How a network's answer lies from the one that its file holds.
struct Verification {
  double largest_difference = 0;  ///< divided by the largest number of the wanted answer
  bool passes = false;

  std::string to_string() const {
    return text(passes ? "passed" : "FAILED", ": largest difference ", largest_difference, " of the largest output");
  }
};

/// Whether the file carries a self-test.
inline bool has_self_test(const io::TensorFile& file) {
  return file.contains("self_test.input") && file.contains("self_test.output");
}

/// Adds a self-test to a file: the input [N,H,W,C], and the network's answer in eval mode.
template <class = void>
inline void add_self_test(io::TensorFile& file, nn::Module<float>& net, const Tensor<float>& input) {
  require<ShapeError>(input.rank() == 4, "add_self_test: the input must be [N,H,W,C]; got ", input.shape());
  const NoGrad no_grad;
  const bool was_training = net.is_training();
  net.eval();
  const Tensor<float> output = net(input).value();
  net.train(was_training);
  file.add("self_test.input", permute(input, {0, 3, 1, 2}));
  file.add("self_test.output", output.clone());
}

/// Runs the file's self-test through a network that is in eval mode. It passes if no output differs by more than
/// `tolerance` of the largest. Throws ValueError if there is none, ShapeError if it is of another network.
template <class = void>
inline Verification verify(const nn::Module<float>& net, const io::TensorFile& file, double tolerance = 1e-3) {
  require(has_self_test(file),
          "verify: the file carries no self-test (tensors \"self_test.input\" and \"self_test.output\")");
  require(!net.is_training(), "verify: the network must be in eval mode (net.eval())");
  const Tensor<float> input = file.get<float>("self_test.input"), wanted = file.get<float>("self_test.output");
  require<ShapeError>(input.rank() == 4, "verify: the self-test's input must be [N,C,H,W]; got ", input.shape());
  const NoGrad no_grad;
  const Tensor<float> output = net(permute(input, {0, 2, 3, 1})).value();
  require<ShapeError>(output.shape() == wanted.shape(), "verify: the network answers ", output.shape(),
                      ", the self-test holds ", wanted.shape());
  double largest = 0, difference = 0;
  for (Index i = 0; i < wanted.numel(); ++i) {
    const double is = static_cast<double>(output.data()[i]), should = static_cast<double>(wanted.data()[i]);
    largest = std::max(largest, std::abs(should));
    if (std::isnan(is) || std::abs(is - should) > difference) difference = std::abs(is - should);
    if (std::isnan(difference)) break;
  }
  Verification out;
  out.largest_difference = largest > 0 ? difference / largest : difference;
  out.passes = out.largest_difference <= tolerance;
  return out;
}

}  // namespace kashi::inline v0::train
