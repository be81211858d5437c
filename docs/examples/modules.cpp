/// Modules: layers, a block of one's own, names, modes, freezing, weights by name.
#include <kashi/kashi.hpp>

#include <iostream>

using namespace kashi;

/// A module lists its members by name and says how it computes.
struct Block : nn::Module<float> {
  explicit Block(Index channels)
      : conv({.in = channels, .out = channels, .kernel = 3, .padding = nn::same, .bias = false}), norm(channels) {}

  Variable<float> forward(const Variable<float>& x) const override { return relu(norm(conv(x)) + x); }
  void members(nn::Members<float>& m) override {
    m("conv", conv);
    m("norm", norm);
  }
  std::string kind() const override { return "Block"; }

  nn::Conv2d<float> conv;
  nn::BatchNorm2d<float> norm;
};

int main() {
  manual_seed(42);
  nn::Sequential net{nn::Conv2d({.in = 3, .out = 16, .kernel = 3, .stride = 2, .padding = 1}),
                     nn::ReLU(),
                     Block(16),
                     nn::GlobalAvgPool2d(),
                     nn::Dropout(0.2),
                     nn::Linear({.in = 16, .out = 4})};

  // Images are [N,H,W,C]: a batch of two, 32 x 32 pixels, three channels.
  const Tensor<float> images = random::Generator(1).uniform<float>({2, 32, 32, 3});
  std::cout << "output " << net(images).shape() << "\n\n";

  for (const auto& [name, parameter] : net.named_parameters()) std::cout << name << " " << parameter.shape() << "\n";
  for (const auto& [name, module] : net.named_modules())
    std::cout << "\"" << name << "\" is " << module->to_string() << "\n";

  // Training and evaluation mode. In eval mode nothing changes, so the same images give the same answer.
  net.eval();
  std::cout << "\neval mode: " << (equal(net(images).value(), net(images).value()) ? "the same twice" : "differs")
            << "\n";
  net.train();
  std::cout << "training mode: "
            << (equal(net(images).value(), net(images).value()) ? "the same twice" : "dropout differs") << "\n\n";

  // Freeze everything but a new head.
  net.set_requires_grad(false);
  net.replace("5", nn::Linear({.in = 16, .out = 10}));
  Index learning = 0;
  for (const auto& parameter : net.parameters()) learning += parameter.requires_grad() ? parameter.numel() : 0;
  std::cout << learning << " numbers are still learnt, output " << net(images).shape() << "\n";

  // First values of one's own.
  nn::init::kaiming_normal(net.find("2.conv").named_parameters()[0].second);

  // Weights by name: copied out, copied in.
  const nn::StateDict<float> state = net.to_state_dict();
  nn::Sequential other{nn::Conv2d({.in = 3, .out = 16, .kernel = 3, .stride = 2, .padding = 1}),
                       nn::ReLU(),
                       Block(16),
                       nn::GlobalAvgPool2d(),
                       nn::Dropout(0.2),
                       nn::Linear({.in = 16, .out = 10})};
  other.load_state_dict(state);
  net.eval();
  other.eval();
  std::cout << "the copy answers " << (equal(net(images).value(), other(images).value()) ? "the same" : "otherwise")
            << "\n";
}
