/// Records of dropout, and the shares that it keeps.
#include "records.hpp"

#include <kashi/ops/dropout.hpp>
#include <kashi/ops/reduce.hpp>

using namespace records;

namespace {

/// Dropout with a generator of its own, so that every call draws the same mask.
template <class V>
auto dropped(const V& x, double p) {
  random::Generator generator(4);
  return dropout(x, p, true, generator);
}
template <class V>
auto dropped2d(const V& x, double p) {
  random::Generator generator(4);
  return dropout2d(x, p, true, generator);
}

const bool registered =
    add({.title = "Dropout",
         .header = "dropout.hpp",
         .operations = {
             {.signature = "dropout(x, p = 0.5, training = true, generator = default_generator())",
              .summary = "in training each element becomes 0 with probability p and is divided by 1 - p otherwise",
              .samples = {{"third", {normal({5, 7})}, [](const auto& x) { return dropped(x[0], 0.3); }},
                          {"all", {normal({5})}, [](const auto& x) { return dropped(x[0], 1); }},
                          {"large", {normal({99, 501})}, [](const auto& x) { return dropped(x[0], 0.3); }, {}, false}},
              .errors = {{{{3}},
                          [](const auto& x) { return dropout(x[0], 1.5); },
                          "dropout: p must lie in [0, 1]; got 1.5"}}},
             {.signature = "dropout2d(x, p = 0.5, training = true, generator = default_generator())",
              .summary = "the same for whole channels of images",
              .samples = {{"half", {normal({2, 2, 3, 5})}, [](const auto& x) { return dropped2d(x[0], 0.5); }},
                          {"all", {normal({1, 2, 2, 2})}, [](const auto& x) { return dropped2d(x[0], 1); }}},
              .errors = {{{{3}},
                          [](const auto& x) { return dropout2d(x[0], 0.5); },
                          "dropout2d: images [N,H,W,C] are needed; got [3]"}}},
         }});

}  // namespace

TEST_CASE("dropout keeps the asked share, and its expectation") {
  const Tensor<float> y = dropped(Tensor<float>::ones({100000}), 0.3).value();
  const float kept = sum((y != 0.0F).to<float>()).item();
  CHECK(std::abs(kept - 70000.0F) < 600.0F);  // four standard deviations
  for (const float v : y.span()) REQUIRE((v == 0.0F || std::abs(v - 1.0F / 0.7F) < 1e-6F));
}

TEST_CASE("dropout2d drops whole channels, dropout outside of training nothing") {
  const Tensor<float> y = dropped2d(Tensor<float>::ones({4, 3, 3, 8}), 0.5).value();
  for (Index n = 0; n < 4; ++n)
    for (Index c = 0; c < 8; ++c)
      for (Index h = 0; h < 3; ++h)
        for (Index w = 0; w < 3; ++w) REQUIRE(y(n, h, w, c) == y(n, 0, 0, c));
  const Tensor<float> x = Tensor<float>::ones({2, 2});
  CHECK(dropout(x, 0.5, false).value().shares_storage_with(x));
}

TEST_CASE("each call draws another mask, and a seed repeats them") {
  const Tensor<float> x = Tensor<float>::ones({1000});
  random::Generator a(3), b(3);
  const Tensor<float> first = dropout(x, 0.5, true, a).value(), second = dropout(x, 0.5, true, a).value();
  CHECK_FALSE(equal(first, second));
  CHECK(equal(dropout(x, 0.5, true, b).value(), first));
}
