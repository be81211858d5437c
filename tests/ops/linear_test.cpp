/// Records of matrix products.
#include "records.hpp"

#include <kashi/ops/linear.hpp>

using namespace records;

namespace {

const bool registered = add(
    {.title = "Matrix products",
     .header = "linear.hpp",
     .operations = {
         {.signature = "matmul(a, b, {.transpose_a = false, .transpose_b = false})",
          .summary = "matrix product [m,k] x [k,n] -> [m,n]",
          .samples = {{"plain", {normal({3, 4}), normal({4, 2}, 2)}, [](const auto& x) { return matmul(x[0], x[1]); }},
                      {"a transposed", {normal({4, 3}), normal({4, 2}, 2)}, [](const auto& x) { return matmul(x[0], x[1], {.transpose_a = true}); }},
                      {"b transposed", {normal({3, 4}), normal({2, 4}, 2)}, [](const auto& x) { return matmul(x[0], x[1], {.transpose_b = true}); }},
                      {"both transposed", {normal({4, 3}), normal({2, 4}, 2)}, [](const auto& x) { return matmul(x[0], x[1], {true, true}); }},
                      {"large", {normal({130, 150}), normal({150, 140}, 2)}, [](const auto& x) { return matmul(x[0], x[1]); }, {}, false}},
          .errors = {{{{2, 3}, {2, 3}}, [](const auto& x) { return matmul(x[0], x[1]); }, "matmul: inner sizes 3 and 2 differ; got [2,3] and [2,3]"}}},
         {.signature = "linear(x, weight, bias)",
          .summary = "x [...,in] times weight [out,in] transposed, plus bias [out]",
          .samples = {{"bias", {normal({3, 4}), normal({2, 4}, 2), normal({2}, 3)}, [](const auto& x) { return linear(x[0], x[1], x[2]); }},
                      {"rank 3, no bias", {normal({2, 3, 4}), normal({2, 4}, 2)}, [](const auto& x) { return linear(x[0], x[1]); }},
                      {"rank 1", {normal({4}), normal({2, 4}, 2)}, [](const auto& x) { return linear(x[0], x[1]); }}},
          .errors = {{{{3, 4}, {2, 5}}, [](const auto& x) { return linear(x[0], x[1]); }, "linear: the input's last axis must have 5 features; input [3,4], weight [2,5]"},
                     {{{1, 2, 2, 4}, {2, 5}}, [](const auto& x) { return linear(x[0], x[1]); }, "linear: the input's last axis must have 5 features; input [1,2,2,4], weight [2,5] (flatten images first)"},
                     {{{3, 4}, {4}}, [](const auto& x) { return linear(x[0], x[1]); }, "linear: the weight must be [out,in]; got [4]"},
                     {{{3, 4}, {2, 4}, {3}}, [](const auto& x) { return linear(x[0], x[1], x[2]); }, "linear: the bias must have shape [2]; got [3]"}}},
     }});

}  // namespace

TEST_CASE("linear on an empty batch gives an empty batch and zero gradients") {
  const auto x = parameter(Tensor<double>::zeros({0, 3})), w = parameter(Tensor<double>::ones({2, 3})), b = parameter(Tensor<double>::ones({2}));
  const auto y = linear(x, w, b);
  CHECK(y.shape() == Shape{0, 2});
  sum(y).backward();
  CHECK(equal(w.grad(), Tensor<double>::zeros({2, 3})));
  CHECK(equal(b.grad(), Tensor<double>::zeros({2})));
}
