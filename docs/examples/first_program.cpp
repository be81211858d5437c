/// A network learns to tell four digits apart that the library draws itself.
#include <kashi/kashi.hpp>

#include <cstdio>

using namespace kashi;

int main() {
  manual_seed(42);  // the first weights
  const data::Dataset digits = data::handwritten_digits({.count = 800, .size = 32, .seed = 42});
  const auto [train_set, test_set] = data::split(digits, {.train = 0.8, .seed = 42});

  nn::Sequential net{nn::BatchNorm2d(3),
                     nn::Conv2d({.in = 3, .out = 16, .kernel = 3, .padding = nn::same}),
                     nn::BatchNorm2d(16),
                     nn::ReLU(),
                     nn::MaxPool2d(2),
                     nn::Conv2d({.in = 16, .out = 32, .kernel = 3, .padding = nn::same}),
                     nn::BatchNorm2d(32),
                     nn::ReLU(),
                     nn::MaxPool2d(4),
                     nn::Flatten(),
                     nn::Linear({.in = 32 * 4 * 4, .out = 4})};
  train::Trainer trainer(net, optim::AdamW(net.parameters(), {.lr = 2e-3}), nn::CrossEntropyLoss());
  trainer.fit(train_set, {.epochs = 6, .batch = 32});

  const train::Evaluation found = trainer.evaluate(test_set);
  std::fprintf(stderr, "%s\n", found.to_string().c_str());  // such as "160 images: loss 0.2513, accuracy 0.9313"
  std::printf("%s\n", found.at("accuracy") > 0.9 ? "learnt" : "not learnt");
}
