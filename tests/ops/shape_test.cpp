/// Records of operations that move or choose numbers.
#include "records.hpp"

#include <kashi/ops/index.hpp>
#include <kashi/ops/reduce.hpp>
#include <kashi/ops/shape.hpp>

using namespace records;

namespace {

const bool registered = add(
    {.title = "Shapes",
     .header = "shape.hpp",
     .operations = {
         {.signature = "reshape(x, shape)",
          .summary = "the same numbers under another shape; one size may be -1",
          .samples = {{"given",
                       {normal({2, 6})},
                       [](const auto& x) {
                         return reshape(x[0], Shape{3, 4});
                       }},
                      {"worked out",
                       {normal({2, 6})},
                       [](const auto& x) {
                         return reshape(x[0], {-1, 3});
                       }}},
          .errors = {{{{2, 3}},
                      [](const auto& x) { return reshape(x[0], Shape{4}); },
                      "reshape: [2,3] has 6 elements, [4] has 4"}}},
         {.signature = "flatten(x, first = 1)",
          .summary = "all axes from `first` on merged into one",
          .samples = {{"images", {normal({2, 2, 3, 2})}, [](const auto& x) { return flatten(x[0]); }},
                      {"rank 0", {normal({})}, [](const auto& x) { return flatten(x[0]); }}},
          .errors = {{{{2, 3}},
                      [](const auto& x) { return flatten(x[0], 2); },
                      "flatten: axis 2 is not one of the 2 axes of [2,3]"}}},
         {.signature = "permute(x, order)",
          .summary = "axis i of the result is axis order[i] of x",
          .samples = {{"NHWC to NCHW",
                       {normal({2, 3, 2, 4})},
                       [](const auto& x) {
                         return permute(x[0], {0, 3, 1, 2});
                       }},
                      {"from the end", {normal({2, 3, 2})}, [](const auto& x) { return permute(x[0], {-1, 0, 1}); }}},
          .errors = {{{{2, 3}},
                      [](const auto& x) { return permute(x[0], {0, 0}); },
                      "permute: axis 0 is given twice; shape [2,3]"},
                     {{{2, 3}},
                      [](const auto& x) { return permute(x[0], {0}); },
                      "permute: 1 axes given for the shape [2,3]"}}},
         {.signature = "transpose(x, axis_a = -2, axis_b = -1)",
          .summary = "two axes exchanged",
          .samples = {{"last two", {normal({2, 3, 4})}, [](const auto& x) { return transpose(x[0]); }}},
          .errors = {{{{3}},
                      [](const auto& x) { return transpose(x[0]); },
                      "transpose: axis -2 is not one of the 1 axes of [3]"}}},
         {.signature = "concat({a, b, ...}, axis = 0)",
          .summary = "put behind each other along an axis",
          .samples = {{"rows", {normal({2, 3}), normal({1, 3}, 2)}, [](const auto& x) { return concat(x); }},
                      {"channels",
                       {normal({2, 2, 3}), normal({2, 2, 1}, 2), normal({2, 2, 2}, 3)},
                       [](const auto& x) { return concat(x, -1); }},
                      {"one empty", {normal({2, 3}), normal({0, 3}, 2)}, [](const auto& x) { return concat(x); }}},
          .errors = {{{{2, 3}, {2, 4}},
                      [](const auto& x) { return concat(x); },
                      "concat: [2,4] does not fit [2,3] on axis 0"},
                     {{}, [](const auto& x) { return concat(x); }, "concat: no tensors given"}}},
         {.signature = "stack({a, b, ...}, axis = 0)",
          .summary = "put behind each other along a new axis",
          .samples = {{"new last", {normal({2, 3}), normal({2, 3}, 2)}, [](const auto& x) { return stack(x, -1); }}},
          .errors =
              {{{{2, 3}, {3, 2}}, [](const auto& x) { return stack(x); }, "stack: shapes [2,3] and [3,2] differ"}}},
         {.signature = "narrow(x, axis, begin, end)",
          .summary = "entries [begin, end) of an axis",
          .samples = {{"middle", {normal({2, 5, 3})}, [](const auto& x) { return narrow(x[0], 1, 1, 4); }},
                      {"nothing", {normal({2, 3})}, [](const auto& x) { return narrow(x[0], -1, 1, 1); }}},
          .errors = {{{{2, 3}},
                      [](const auto& x) { return narrow(x[0], 1, 2, 4); },
                      "narrow: [2,4) does not lie in axis 1 of [2,3]"},
                     {{{2, 3}},
                      [](const auto& x) { return narrow(x[0], 2, 0, 1); },
                      "narrow: axis 2 is not one of the 2 axes of [2,3]"}}},
         {.signature = "pad(x, padding, value = 0)",
          .summary =
              "images [N,H,W,C] with a border of one value: a number, {height, width} or {top, bottom, left, right}",
          .samples = {{"four sides", {normal({2, 3, 2, 2})}, [](const auto& x) { return pad(x[0], {1, 0, 2, 1}); }},
                      {"value", {normal({1, 2, 2, 1})}, [](const auto& x) { return pad(x[0], 1, -2.5); }}},
          .errors =
              {{{{2, 3}}, [](const auto& x) { return pad(x[0], 1); }, "pad: images [N,H,W,C] are needed; got [2,3]"},
               {{{1, 2, 2, 1}},
                [](const auto& x) { return pad(x[0], -1); },
                "pad: sizes can't be negative; got -1 and -1"}}},
     }});

const Tensor<Index> picks({2, 2}, {2, 2, 0, 1});
const Tensor<bool> mask({2, 3}, {true, false, true, false, false, true});

const bool registered_index =
    add({.title = "Choice",
         .header = "index.hpp",
         .operations = {
             {.signature = "where(condition, a, b)",
              .summary = "a where the condition holds, else b",
              .samples =
                  {{"tensors", {normal({2, 3}), normal({3}, 2)}, [](const auto& x) { return where(mask, x[0], x[1]); }},
                   {"number", {normal({2, 3})}, [](const auto& x) { return where(mask, x[0], 0.5); }}},
              .errors = {{{{4}, {3}},
                          [](const auto& x) { return where(mask, x[0], x[1]); },
                          "broadcast_to: shapes [4] and [2,3] do not broadcast"}}},
             {.signature = "gather(x, axis, index)",
              .summary = "one element along an axis for every position of the index: out[i,j] = x[i, index[i,j]]",
              .samples = {{"twice the same", {normal({2, 3})}, [](const auto& x) { return gather(x[0], 1, picks); }}},
              .errors = {{{{2, 2}},
                          [](const auto& x) { return gather(x[0], 1, picks); },
                          "gather: index 2 is not in axis 1 of [2,2]"},
                         {{{3}},
                          [](const auto& x) { return gather(x[0], 0, picks); },
                          "gather: the index needs the input's rank; input [3], index [2,2]"}}},
             {.signature = "gather_rows(x, rows)",
              .summary = "rows of the first axis by number, as an embedding takes them",
              .samples = {{"twice the same",
                           {normal({3, 2, 2})},
                           [](const auto& x) { return gather_rows(x[0], picks.reshape({4})); }}},
              .errors = {{{{2, 2}},
                          [](const auto& x) { return gather_rows(x[0], picks.reshape({4})); },
                          "gather_rows: row 2 is not in [2,2]"}}},
             {.signature = "slice(x, begin, end)",
              .summary = "rows [begin, end) of the first axis; the value is a view",
              .samples = {{"middle", {normal({5, 2})}, [](const auto& x) { return slice(x[0], 1, 4); }}},
              .errors = {{{{2, 2}},
                          [](const auto& x) { return slice(x[0], 1, 3); },
                          "slice: [1,3) does not lie in the first axis of [2,2]"}}},
             {.signature = "select(x, axis, i)",
              .summary = "entry i of an axis, which vanishes",
              .samples = {{"channel", {normal({2, 3, 2})}, [](const auto& x) { return select(x[0], 1, -1); }}},
              .errors = {{{{2, 2}},
                          [](const auto& x) { return select(x[0], 1, 2); },
                          "select: 2 is not in axis 1 of [2,2]"}}},
         }});

}  // namespace

TEST_CASE("what where does not choose can't spoil the gradient") {
  const double nan = std::nan("");
  const auto x = parameter(Tensor<double>({2, 3}, {1, nan, 1, nan, nan, 1}));
  const auto y = where(mask, x, 0.0);
  CHECK(sum(y).item() == 3.0);
  sum(y * y).backward();
  CHECK(equal(x.grad(), Tensor<double>({2, 3}, {2, 0, 2, 0, 0, 2})));
}

TEST_CASE("an index that is changed later does not change a gradient") {
  Tensor<Index> rows({2}, {0, 1});
  const auto x = parameter(Tensor<double>::ones({3, 1}));
  const auto y = sum(gather_rows(x, rows));
  rows.fill(2);
  y.backward();
  CHECK(equal(x.grad(), Tensor<double>({3, 1}, {1, 1, 0})));
}

TEST_CASE("padding stands on the side that it was asked for") {
  const Tensor<float> x = Tensor<float>::ones({1, 1, 1, 1});
  const Tensor<float> y = pad(Variable<float>(x), {1, 0, 0, 2}, 7).value();
  CHECK(equal(y, Tensor<float>({1, 2, 3, 1}, {7, 7, 7, 1, 7, 7})));
}
