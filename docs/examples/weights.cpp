/// Weights: saved, loaded, used to say what a picture shows, and watched from inside with hooks.
#include <kashi/kashi.hpp>

#include <cstdio>
#include <map>

using namespace kashi;

/// The same function builds the network that is trained and the one that is loaded.
nn::Sequential<float> network() {
  return nn::Sequential{nn::BatchNorm2d(3),
                        nn::Conv2d({.in = 3, .out = 16, .kernel = 3, .stride = 2, .padding = 1}),
                        nn::BatchNorm2d(16),
                        nn::ReLU(),
                        nn::Conv2d({.in = 16, .out = 32, .kernel = 3, .stride = 2, .padding = 1}),
                        nn::BatchNorm2d(32),
                        nn::ReLU(),
                        nn::GlobalAvgPool2d(),
                        nn::Linear({.in = 32, .out = 4})};
}

/// One picture's probabilities, [classes]. The picture becomes a batch of one.
Tensor<float> predict(const nn::Module<float>& net, const Tensor<float>& picture) {
  const NoGrad no_grad;
  const Tensor<float> batch = picture.reshape({1, picture.size(0), picture.size(1), picture.size(2)});
  return softmax(net(batch)).value()[0];
}

int main() {
  manual_seed(42);
  const data::Dataset digits = data::handwritten_digits({.count = 400, .size = 32});
  auto net = network();
  train::Trainer trainer(net, optim::AdamW(net.parameters(), {.lr = 5e-3}), nn::CrossEntropyLoss());
  trainer.fit(digits, {.epochs = 2, .batch = 32});
  train::save_weights("weights.safetensors", net.to_state_dict(), {{"classes", "1 2 3 4"}});

  auto loaded = network();
  loaded.load_state_dict(train::load_weights("weights.safetensors"));
  loaded.eval();  // use the running statistics of batch norm, drop nothing
  net.eval();

  io::save_png("picture.png", io::to_bytes(digits.get(2).image));
  data::Example example{.image = io::load_image_float("picture.png")};  // [H,W,3], 0..1
  data::RandomStream unused(0, 0, 0);
  data::Resize({.size = {32, 32}})(example, unused);  // the size that the network learnt on
  const Tensor<float> probabilities = predict(loaded, example.image);
  const Index guess = argmax(probabilities).item();
  std::fprintf(stderr, "class %s with probability %.3f\n",
               digits.class_names()[static_cast<std::size_t>(guess)].c_str(),
               static_cast<double>(probabilities(guess)));
  std::printf("the loaded network answers %s\n",
              equal(probabilities, predict(net, example.image)) ? "the same" : "otherwise");

  // A hook sees what a layer gives, here for the maps of a picture; find() takes the layer's dotted name.
  Tensor<float> maps;
  HookHandle handle = loaded.find("6").register_forward_hook(
      [&](const nn::Module<float>&, const Variable<float>&, const Variable<float>& output) {
        maps = output.value();
        return output;
      });
  predict(loaded, example.image);
  handle.remove();
  std::printf("feature maps %s\n", maps.shape().to_string().c_str());

  // A hook on every layer: what comes out of each.
  std::vector<HookHandle> handles;
  for (const auto& [name, module] : loaded.named_modules()) {
    if (name.empty()) continue;  // the whole network
    handles.push_back(module->register_forward_hook(
        [layer = name](const nn::Module<float>& m, const Variable<float>&, const Variable<float>& output) {
          std::printf("%s %s %s\n", layer.c_str(), m.kind().c_str(), output.shape().to_string().c_str());
          return output;
        }));
  }
  predict(loaded, example.image);
  for (HookHandle& one : handles) one.remove();
}
