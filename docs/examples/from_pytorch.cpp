/// A PyTorch training script in kashi; the Python stands in docs/coming-from-pytorch.md.
#include <kashi/kashi.hpp>

#include <cstdio>

using namespace kashi;

struct Net : nn::Module<float> {
  nn::Conv2d<float> conv1{{.in = 1, .out = 16, .kernel = 3, .padding = 1}};
  nn::Conv2d<float> conv2{{.in = 16, .out = 32, .kernel = 3, .padding = 1}};
  nn::BatchNorm2d<float> norm{32};
  nn::Linear<float> fc{{.in = 32 * 4 * 4, .out = 2}};

  Variable<float> forward(const Variable<float>& input) const override {
    Variable<float> x = max_pool2d(relu(conv1(input)), {.kernel = 2});
    x = max_pool2d(relu(norm(conv2(x))), {.kernel = 2});
    return fc(flatten(x));
  }
  void members(nn::Members<float>& m) override {
    m("conv1", conv1);
    m("conv2", conv2);
    m("norm", norm);
    m("fc", fc);
  }
};

int main() {
  manual_seed(0);
  // Stripes: class 0 has vertical ones, class 1 horizontal ones.
  Tensor<float> images = Tensor<float>::zeros({64, 16, 16, 1});
  Tensor<Index> labels = Tensor<Index>::zeros({64});
  for (Index i = 0; i < 64; ++i) {
    labels.at(i) = i % 2;
    for (Index y = 0; y < 16; ++y)
      for (Index x = 0; x < 16; ++x) images.at(i, y, x, 0) = ((i % 2 == 0 ? x : y) + i / 2) % 4 < 2 ? 1.0f : 0.0f;
  }
  const data::Loader loader(data::tensor_dataset(images, labels), {.batch = 16, .shuffle = true});

  Net net;
  optim::SGD optimizer(net.parameters(), {.lr = 0.05, .momentum = 0.9, .weight_decay = 1e-4});
  optim::CosineAnnealingLR scheduler(optimizer, {.T_max = 5});

  net.train();
  for (Index epoch = 0; epoch < 5; ++epoch) {
    for (const data::Batch& batch : loader.epoch(epoch)) {
      optimizer.zero_grad();
      const Variable<float> loss = cross_entropy(net(batch.images), batch.labels);
      loss.backward();
      optimizer.step();
    }
    scheduler.step();
  }

  net.eval();
  {
    const NoGrad no_grad;
    const Tensor<Index> guesses = argmax(net(images).value(), 1);
    const float accuracy = mean((guesses == labels).to<float>()).item();
    std::printf("accuracy %.3f\n", static_cast<double>(accuracy));
  }
  train::save_weights("net.safetensors", net.to_state_dict());
}
