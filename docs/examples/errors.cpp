/// Errors: one line that says who, the rule, what came, and in which layer.
#include <kashi/kashi.hpp>

#include <cstdio>
#include <fstream>
#include <functional>

using namespace kashi;

template <class E>
void show(const char* type, const std::function<void()>& mistake) {
  try {
    mistake();
    std::printf("no error\n");
  } catch (const E& error) {
    std::printf("%s: %s\n", type, error.what());
  }
}

int main() {
  const Tensor<float> image = Tensor<float>::zeros({1, 8, 8, 4});
  nn::Sequential stem;
  stem.add("conv", nn::Conv2d({.in = 3, .out = 16, .kernel = 3}));
  nn::Sequential net;
  net.add("stem", stem).add("pool", nn::GlobalAvgPool2d()).add("head", nn::Linear({.in = 32, .out = 4}));

  show<ShapeError>("ShapeError", [&] { net(image); });
  show<ShapeError>("ShapeError", [&] { net(Tensor<float>::zeros({1, 8, 8, 3})); });
  show<ShapeError>("ShapeError", [&] { matmul(Tensor<float>::zeros({2, 3}), Tensor<float>::zeros({2, 3})); });
  show<ShapeError>("ShapeError", [&] { Tensor<float>::zeros({2, 3}) + Tensor<float>::zeros({2, 4}); });
  show<ShapeError>("ShapeError", [&] { Tensor<float>::zeros({2, 3}).reshape({4, -1}); });
  std::printf("\n");

  show<ValueError>("ValueError", [&] { nn::Conv2d({.in = 6, .out = 8, .kernel = 3, .groups = 4}); });
  show<ValueError>("ValueError", [&] { nn::Linear({.out = 4}); });
  show<ValueError>("ValueError", [&] { nn::Dropout(20); });
  show<ValueError>("ValueError", [&] {
    const Variable<float> logits = Tensor<float>::zeros({1, 4});
    cross_entropy(logits, Tensor<Index>({1}, {4}));
  });
  show<ValueError>("ValueError", [&] { net.load_state_dict(stem.to_state_dict()); });
  show<ShapeError>("ShapeError", [&] {
    nn::Sequential wider;
    wider.add("conv", nn::Conv2d({.in = 3, .out = 24, .kernel = 3}));
    stem.load_state_dict(wider.to_state_dict());
  });
  std::printf("\n");

  show<GradError>("GradError", [&] { sum(Variable<float>(image)).backward(); });
  Variable<float> w = parameter(Tensor<float>::ones({3}));
  show<GradError>("GradError", [&] { (w * w).backward(); });
  const Variable<float> loss = sum(w * w);
  loss.backward();
  show<GradError>("GradError", [&] { loss.backward(); });
  const Variable<float> later = sum(w * w);
  w.mutable_value().fill(2);
  show<GradError>("GradError", [&] { later.backward(); });
  std::printf("\n");

  show<IoError>("IoError", [&] { data::image_folder("no/such/folder"); });
  show<IoError>("IoError", [&] { io::load_image("missing.png"); });
  std::ofstream("errors_text.png") << "this is no picture";
  show<FormatError>("FormatError", [&] { io::load_image("errors_text.png"); });
  std::ofstream("errors_text.safetensors") << "these are no weights";
  show<FormatError>("FormatError", [&] { train::load_weights("errors_text.safetensors"); });
}
