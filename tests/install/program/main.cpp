/// A user's program of two units, outside the library's tree, under the strict warnings: it learns to tell horizontal
/// from vertical stripes.
#include <kashi/kashi.hpp>

#include <cstdio>

#include "second.hpp"

using namespace kashi;

int main() {
  manual_seed(42);
  const Pictures pictures = striped_pictures(16);
  nn::Sequential net{nn::Conv2d({.in = 1, .out = 8, .kernel = 3, .padding = nn::same}),
                     nn::BatchNorm2d(8),
                     nn::ReLU(),
                     nn::MaxPool2d(2),
                     nn::GlobalAvgPool2d(),
                     nn::Linear({.in = 8, .out = 2})};
  optim::AdamW optimizer(net.parameters(), {.lr = 0.05});
  const nn::CrossEntropyLoss loss;
  for (int step = 0; step < 30; ++step) {
    optimizer.zero_grad();
    loss(net(pictures.images), pictures.labels).backward();
    optimizer.step();
  }
  net.eval();
  const float share = accuracy(net, pictures);
  std::printf("kashi %s: %.0f %% right\n", version().c_str(), 100.0 * static_cast<double>(share));
  return share == 1.0f ? 0 : 1;
}
