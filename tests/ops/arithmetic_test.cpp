/// Records of arithmetic, and what broadcasting must keep.
#include "records.hpp"

#include <kashi/ops/reduce.hpp>
#include <kashi/ops/unary.hpp>

using namespace records;

namespace {

const bool registered = add(
    {.title = "Arithmetic",
     .header = "arithmetic.hpp",
     .operations = {
         {.signature = "a + b, add(a, b)",
          .summary = "sum, with broadcasting",
          .samples =
              {{"equal shapes", {normal({2, 3}), normal({2, 3}, 2)}, [](const auto& x) { return x[0] + x[1]; }},
               {"broadcast", {normal({2, 1, 3}), normal({4, 1}, 2)}, [](const auto& x) { return add(x[0], x[1]); }},
               {"number", {normal({3})}, [](const auto& x) { return 2 + x[0]; }},
               {"rank 0", {normal({}), normal({2, 2}, 2)}, [](const auto& x) { return x[0] + x[1]; }},
               {"large", {normal({300, 301}), normal({301}, 2)}, [](const auto& x) { return x[0] + x[1]; }, {}, false}},
          .errors = {{{{2, 3}, {4}},
                      [](const auto& x) { return x[0] + x[1]; },
                      "add: shapes [2,3] and [4] do not broadcast"}}},
         {.signature = "a - b, sub(a, b)",
          .summary = "difference, with broadcasting",
          .samples = {{"broadcast", {normal({2, 1, 3}), normal({4, 1}, 2)}, [](const auto& x) { return x[0] - x[1]; }},
                      {"number first", {normal({3})}, [](const auto& x) { return 1.5 - x[0]; }}},
          .errors = {{{{2, 3}, {2}},
                      [](const auto& x) { return x[0] - x[1]; },
                      "sub: shapes [2,3] and [2] do not broadcast"}}},
         {.signature = "a * b, mul(a, b)",
          .summary = "product, element by element, with broadcasting",
          .samples = {{"equal shapes", {normal({2, 3}), normal({2, 3}, 2)}, [](const auto& x) { return x[0] * x[1]; }},
                      {"broadcast", {normal({2, 1, 3}), normal({4, 1}, 2)}, [](const auto& x) { return x[0] * x[1]; }},
                      {"with itself", {normal({5})}, [](const auto& x) { return x[0] * x[0] * x[0]; }},
                      {"large",
                       {normal({300, 301}), normal({300, 1}, 2)},
                       [](const auto& x) { return x[0] * x[1]; },
                       {},
                       false}},
          .errors = {{{{2, 3}, {2, 2}},
                      [](const auto& x) { return x[0] * x[1]; },
                      "mul: shapes [2,3] and [2,2] do not broadcast"}}},
         {.signature = "a / b, div(a, b)",
          .summary = "quotient, element by element, with broadcasting",
          .samples =
              {{"broadcast", {normal({2, 1, 3}), uniform({4, 1}, 0.5, 2.0)}, [](const auto& x) { return x[0] / x[1]; }},
               {"number first", {uniform({4}, 0.5, 2.0)}, [](const auto& x) { return 1 / x[0]; }}},
          .errors = {{{{2, 3}, {4}},
                      [](const auto& x) { return x[0] / x[1]; },
                      "div: shapes [2,3] and [4] do not broadcast"}}},
         {.signature = "-x, neg(x)",
          .summary = "negative",
          .samples = {{"matrix", {normal({2, 3})}, [](const auto& x) { return -x[0]; }}}},
         {.signature = "pow(x, exponent)",
          .summary = "x to the power of a number",
          .samples = {{"cube", {normal({5})}, [](const auto& x) { return pow(x[0], 3); }},
                      {"root", {uniform({5}, 0.5, 2.0)}, [](const auto& x) { return pow(x[0], -0.5); }},
                      {"first power", {normal({5})}, [](const auto& x) { return pow(x[0], 1); }},
                      {"zeroth power", {normal({5})}, [](const auto& x) { return pow(x[0], 0); }}}},
         {.signature = "maximum(a, b)",
          .summary = "the larger, element by element; NaN wins; equal elements share the gradient",
          .samples =
              {{"broadcast", {normal({4, 3}), normal({3}, 2)}, [](const auto& x) { return maximum(x[0], x[1]); }},
               {"number", {normal({9})}, [](const auto& x) { return maximum(x[0], 0.25); }, {.kinks = {0.25}}}},
          .errors = {{{{2, 3}, {4}},
                      [](const auto& x) { return maximum(x[0], x[1]); },
                      "maximum: shapes [2,3] and [4] do not broadcast"}}},
         {.signature = "minimum(a, b)",
          .summary = "the smaller, element by element; NaN wins; equal elements share the gradient",
          .samples =
              {{"broadcast", {normal({4, 3}), normal({3}, 2)}, [](const auto& x) { return minimum(x[0], x[1]); }}},
          .errors = {{{{2, 3}, {4}},
                      [](const auto& x) { return minimum(x[0], x[1]); },
                      "minimum: shapes [2,3] and [4] do not broadcast"}}},
         {.signature = "broadcast_to(x, shape)",
          .summary = "the numbers repeated to a larger shape",
          .samples = {{"rows and columns",
                       {normal({2, 1, 3})},
                       [](const auto& x) { return broadcast_to(x[0], Shape{5, 2, 4, 3}); }},
                      {"rank 0", {normal({})}, [](const auto& x) { return broadcast_to(x[0], Shape{2, 2}); }}},
          .errors = {{{{2, 3}},
                      [](const auto& x) { return broadcast_to(x[0], Shape{3}); },
                      "broadcast_to: [2,3] does not broadcast to [3]"}}},
         {.signature = "sum_to(x, shape)",
          .summary = "the sum over repeated axes: the adjoint of broadcast_to",
          .samples =
              {{"rows and columns", {normal({5, 2, 4, 3})}, [](const auto& x) { return sum_to(x[0], Shape{2, 1, 3}); }},
               {"large", {normal({200, 40, 12})}, [](const auto& x) { return sum_to(x[0], Shape{40, 1}); }, {}, false}},
          .errors = {{{{2, 3}},
                      [](const auto& x) { return sum_to(x[0], Shape{2}); },
                      "sum_to: shapes [2,3] and [2] do not broadcast"}}},
     }});

}  // namespace

TEST_CASE("operands of every kind give the same sum") {
  const Tensor<float> t({2}, {1, 2});
  const Variable<float> v = parameter(t);
  const Tensor<float> three({2}, {4, 5});
  CHECK(equal((v + 3).value(), three));
  CHECK(equal((3.0 + v).value(), three));
  CHECK(equal(add(t, 3).value(), three));
  CHECK(equal(add(v, Tensor<float>({2}, {3, 3})).value(), three));
  CHECK((v + t).requires_grad());
  CHECK_FALSE(add(t, t).requires_grad());
}

TEST_CASE("empty tensors pass through arithmetic and its gradients") {
  const auto x = parameter(Tensor<double>::zeros({0, 3})), b = parameter(Tensor<double>::ones({3}));
  const auto y = sum(x * b + b);
  y.backward();
  CHECK(y.item() == 0.0);
  CHECK(x.grad().shape() == Shape{0, 3});
  CHECK(equal(b.grad(), Tensor<double>::zeros({3})));
}

TEST_CASE("equal elements of maximum share the gradient and NaN wins") {
  const auto a = parameter(Tensor<double>({3}, {1, 2, std::nan("")})), b = parameter(Tensor<double>({3}, {1, 3, 5}));
  const auto y = maximum(a, b);
  CHECK(y.value()(0) == 1.0);
  CHECK(std::isnan(y.value()(2)));
  sum(y).backward();
  CHECK(a.grad()(0) == 0.5);
  CHECK(b.grad()(0) == 0.5);
  CHECK(a.grad()(1) == 0.0);
  CHECK(b.grad()(1) == 1.0);
}
