/// Records of reductions, softmax and log-softmax.
#include "records.hpp"

#include <kashi/ops/reduce.hpp>
#include <kashi/ops/softmax.hpp>

using namespace records;

namespace {

const bool registered =
    add({.title = "Reductions",
         .header = "reduce.hpp",
         .operations = {
             {.signature = "sum(x, axes = all, keepdim = false)",
              .summary = "sum over axes",
              .samples = {{"all", {normal({2, 3, 4})}, [](const auto& x) { return sum(x[0]); }},
                          {"middle", {normal({2, 3, 4})}, [](const auto& x) { return sum(x[0], {1}); }},
                          {"kept",
                           {normal({2, 3, 4})},
                           [](const auto& x) {
                             return sum(x[0], {0, -1}, true);
                           }},
                          {"rank 0", {normal({})}, [](const auto& x) { return sum(x[0]); }},
                          {"large", {normal({300, 301})}, [](const auto& x) { return sum(x[0], {0}); }, {}, false},
                          {"all of many", {normal({300, 301})}, [](const auto& x) { return sum(x[0]); }, {}, false}},
              .errors = {{{{2, 3}},
                          [](const auto& x) { return sum(x[0], {2}); },
                          "sum: axis 2 is not one of the 2 axes of [2,3]"},
                         {{{2, 3}},
                          [](const auto& x) { return sum(x[0], {0, -2}); },
                          "sum: axis -2 is given twice; shape [2,3]"}}},
             {.signature = "mean(x, axes = all, keepdim = false)",
              .summary = "mean over axes",
              .samples = {{"all", {normal({2, 3, 4})}, [](const auto& x) { return mean(x[0]); }},
                          {"images", {normal({2, 3, 4, 2})}, [](const auto& x) { return mean(x[0], {1, 2}); }}},
              .errors = {{{{2, 3}},
                          [](const auto& x) { return mean(x[0], {5}); },
                          "mean: axis 5 is not one of the 2 axes of [2,3]"}}},
             {.signature = "max(x, axes = all, keepdim = false)",
              .summary = "largest element over axes; equal ones share the gradient",
              .samples = {{"all", {normal({2, 3, 4})}, [](const auto& x) { return max(x[0]); }},
                          {"last, kept", {normal({2, 3, 4})}, [](const auto& x) { return max(x[0], {-1}, true); }}},
              .errors = {{{{0, 3}},
                          [](const auto& x) { return max(x[0], {0}); },
                          "max: there are no elements; shape [0,3]"}}},
             {.signature = "var(x, axes = all, correction = 1, keepdim = false)",
              .summary = "variance over axes, unbiased unless correction is 0",
              .samples = {{"all", {normal({2, 3, 4})}, [](const auto& x) { return var(x[0]); }},
                          {"rows", {normal({5, 3})}, [](const auto& x) { return var(x[0], {0}, 0); }}},
              .errors = {{{{1, 3}},
                          [](const auto& x) { return var(x[0], {0}); },
                          "var: 1 elements are too few for a correction of 1; shape [1,3]"}}},
         }});

const bool registered_softmax = add(
    {.title = "Softmax",
     .header = "softmax.hpp",
     .operations = {
         {.signature = "softmax(x, axis = -1)",
          .summary = "exponentials divided by their sum along an axis",
          .samples = {{"last", {normal({3, 5})}, [](const auto& x) { return softmax(x[0]); }},
                      {"middle", {normal({2, 4, 3})}, [](const auto& x) { return softmax(x[0], 1); }},
                      {"large", {normal({700, 101})}, [](const auto& x) { return softmax(x[0]); }, {}, false}},
          .errors = {{{{2, 3}},
                      [](const auto& x) { return softmax(x[0], 2); },
                      "softmax: axis 2 is not one of the 2 axes of [2,3]"}}},
         {.signature = "log_softmax(x, axis = -1)",
          .summary = "log(softmax(x)), exact where softmax would underflow",
          .samples = {{"last", {normal({3, 5})}, [](const auto& x) { return log_softmax(x[0]); }},
                      {"first", {normal({4, 3})}, [](const auto& x) { return log_softmax(x[0], 0); }}},
          .errors = {{{{2, 3}},
                      [](const auto& x) { return log_softmax(x[0], -3); },
                      "log_softmax: axis -3 is not one of the 2 axes of [2,3]"}}},
         {.signature = "logsumexp(x, axis = -1, keepdim = false)",
          .summary = "log of the sum of exponentials along an axis",
          .samples = {{"last", {normal({3, 5})}, [](const auto& x) { return logsumexp(x[0]); }},
                      {"middle, kept", {normal({2, 4, 3})}, [](const auto& x) { return logsumexp(x[0], 1, true); }}},
          .errors =
              {{{{2, 0}}, [](const auto& x) { return logsumexp(x[0]); }, "logsumexp: axis -1 of [2,0] is empty"}}},
     }});

}  // namespace

TEST_CASE("softmax of large scores is exact") {
  const Variable<float> x(Tensor<float>({2, 2}, {1000, 1000, -1000, 1000}));
  CHECK(equal(softmax(x).value(), Tensor<float>({2, 2}, {0.5, 0.5, 0, 1})));
  CHECK(log_softmax(x).value()(1, 0) == -2000.0F);
  CHECK(logsumexp(x).value()(1) == 1000.0F);
}

TEST_CASE("the largest of infinities is an infinity, and equal maxima share the gradient") {
  const double infinity = std::numeric_limits<double>::infinity();
  const auto x = parameter(Tensor<double>({2, 2}, {-infinity, -infinity, 3, 3}));
  const auto y = max(x, {1});
  CHECK(y.value()(0) == -infinity);
  sum(y).backward();
  CHECK(equal(x.grad(), Tensor<double>::full({2, 2}, 0.5)));
}

TEST_CASE("sums of nothing are 0 and get gradients of their shape") {
  const auto x = parameter(Tensor<double>::zeros({2, 0}));
  const auto y = sum(x, {1});
  CHECK(equal(y.value(), Tensor<double>::zeros({2})));
  sum(y).backward();
  CHECK(x.grad().shape() == Shape{2, 0});
}
