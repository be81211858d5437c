/// What is explained: one number of a network's output for each image, and a network that holds still meanwhile.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include <kashi/nn/module.hpp>
#include <kashi/ops/index.hpp>
#include <kashi/ops/shape.hpp>

namespace kashi::inline v0::explain {

/// The class that the network finds most probable in the image.
inline constexpr Index predicted_class = -1;

/// A class by its number, or any function from a network's output [N,...] to one number an image, [N].
///
///     explain::grad_cam(net, "features.12", image, 130);
///     explain::grad_cam(net, "features.12", image, [](const Variable<float>& y) { return select(y, 1, 130) - select(y,
///     1, 1); });
template <class T>
class Target {
 public:
  using Function = std::function<Variable<T>(const Variable<T>&)>;

  Target(Index class_index = predicted_class) : class_index_(class_index) {  // NOLINT: a number is a target by itself
    require(class_index >= predicted_class, "explain: a class is 0 or more, or predicted_class; got ", class_index);
  }
  Target(int class_index) : Target(static_cast<Index>(class_index)) {}  // NOLINT
  template <class F>
  requires std::is_invocable_r_v < Variable<T>,
  const F&, const Variable<T>& > Target(F function)
      : function_(std::move(function)) {}  // NOLINT: a function is a target by itself

  /// The class, or predicted_class if it is not known yet or the target is a function.
  Index class_index() const { return class_index_; }

  /// The same target with the predicted class looked up in the network's output for the image, [1,classes].
  Target resolved(const Tensor<T>& output) const {
    if (function_ || class_index_ != predicted_class) return *this;
    check_classes(output.shape());
    return Target(argmax(output, 1)(0));
  }

  /// One number an image, [N]. Throws ShapeError if the output has no such class.
  Variable<T> operator()(const Variable<T>& output) const {
    if (function_) {
      const Variable<T> scores = function_(output);
      require<ShapeError>(scores.shape() == Shape{output.size(0)}, "explain: a target gives one number an image; got ",
                          scores.shape(), " for an output ", output.shape());
      return scores;
    }
    check_classes(output.shape());
    require<ShapeError>(class_index_ >= 0 && class_index_ < output.size(1), "explain: there is no class ", class_index_,
                        " in an output ", output.shape());
    return select(output, 1, class_index_);
  }

 private:
  static void check_classes(const Shape& shape) {
    require<ShapeError>(shape.rank() == 2, "explain: a class needs an output [N,classes]; got ", shape,
                        " (pass a function as the target)");
  }

  Index class_index_ = predicted_class;
  Function function_;
};

/// A network in evaluation mode; at the end every layer gets the mode back that it had.
template <class T>
class EvalMode {
 public:
  explicit EvalMode(nn::Module<T>& net) {
    for (auto& [name, module] : net.named_modules()) modes_.emplace_back(module, module->is_training());
    net.eval();
  }
  ~EvalMode() {
    for (auto& [module, training] : modes_)
      module->train(training);  // parents stand first, so children have the last word
  }
  EvalMode(const EvalMode&) = delete;
  EvalMode& operator=(const EvalMode&) = delete;

 private:
  std::vector<std::pair<nn::Module<T>*, bool>> modes_;
};

namespace detail {

/// One image [H,W,C] or [1,H,W,C] as a batch of one.
template <class T>
Tensor<T> as_batch(const Tensor<T>& image) {
  if (image.rank() == 3) return image.reshape(Shape{1, image.size(0), image.size(1), image.size(2)});
  require<ShapeError>(image.rank() == 4 && image.size(0) == 1,
                      "explain: one image [H,W,C] or [1,H,W,C] is needed; got ", image.shape());
  return image;
}

/// A tensor [1,...] repeated along the first axis.
template <class T>
Tensor<T> repeat(const Tensor<T>& one, Index count) {
  Tensor<T> out = Tensor<T>::empty(one.shape().with(0, count));
  T* to = out.mutable_data();
  for (Index i = 0; i < count; ++i, to += one.numel()) std::copy_n(one.data(), one.numel(), to);
  return out;
}

}  // namespace detail

}  // namespace kashi::inline v0::explain
