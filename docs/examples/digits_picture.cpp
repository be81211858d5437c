/// The picture in README.md: drawn digits, what they are, and what a network that never saw them takes them for.
///
///     docs_digits_picture                                    a small run; writes digits.png
///     docs_digits_picture 1500 4 docs/images/digits.png      1,500 digits, 4 epochs
#include <kashi/kashi.hpp>

#include <cstdio>
#include <cstdlib>

using namespace kashi;

/// Right answers, three of each digit, then up to four mistakes.
plot::Image sheet(const data::Dataset& pictures, const Tensor<float>& probabilities) {
  const Tensor<Index> guesses = argmax(probabilities, 1);
  std::vector<Index> shown, mistakes;
  std::vector<int> of_class(4, 0);
  for (Index i = 0; i < pictures.size(); ++i) {
    const Index truth = pictures.label(i);
    if (guesses(i) != truth && mistakes.size() < 4) mistakes.push_back(i);
    if (guesses(i) == truth && of_class[static_cast<std::size_t>(truth)]++ < 3) shown.push_back(i);
  }
  shown.insert(shown.end(), mistakes.begin(), mistakes.end());

  std::vector<plot::Image> images;
  std::vector<std::string> captions;
  std::vector<plot::Color> frames;
  for (const Index i : shown) {
    const Index truth = pictures.label(i), guess = guesses(i);
    images.push_back(io::to_bytes(pictures.get(i).image));
    captions.push_back(
        text(truth + 1, ", guess ", guess + 1, "\n", std::lround(100 * probabilities(i, guess)), " % sure"));
    frames.push_back(guess == truth ? plot::Color{60, 150, 80} : plot::Color{210, 50, 40});
  }
  return plot::contact_sheet(images, captions, {.columns = 8, .cell = 60, .text_size = 11, .frames = frames});
}

int main(int argc, char** argv) {
  const Index count = argc > 1 ? std::atol(argv[1]) : 400;
  const Index epochs = argc > 2 ? std::atol(argv[2]) : 2;
  const char* path = argc > 3 ? argv[3] : "digits.png";
  manual_seed(42);
  const auto [train_set, test_set] =
      data::split(data::handwritten_digits({.count = count, .size = 64}), {.train = 0.8});
  nn::Sequential net{nn::BatchNorm2d(3),
                     nn::Conv2d({.in = 3, .out = 16, .kernel = 3, .padding = nn::same}),
                     nn::BatchNorm2d(16),
                     nn::ReLU(),
                     nn::MaxPool2d(4),
                     nn::Conv2d({.in = 16, .out = 32, .kernel = 3, .padding = nn::same}),
                     nn::BatchNorm2d(32),
                     nn::ReLU(),
                     nn::MaxPool2d(4),
                     nn::Flatten(),
                     nn::Linear({.in = 32 * 4 * 4, .out = 4})};
  train::Trainer trainer(net, optim::AdamW(net.parameters(), {.lr = 2e-3}), nn::CrossEntropyLoss());
  trainer.fit(train_set, {.epochs = epochs, .batch = 32});
  std::fprintf(stderr, "%s\n", trainer.evaluate(test_set).to_string().c_str());

  net.eval();
  std::vector<Tensor<float>> probabilities;
  {
    const NoGrad no_grad;
    for (const data::Batch& batch : data::Loader(test_set, {.batch = 64}).epoch(0))
      probabilities.push_back(softmax(net(batch.images)).value());
  }
  io::save_png(path, sheet(test_set, concat(probabilities)));
  std::printf("%s is written\n", path);
}
