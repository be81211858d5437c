/// Recording an operation: its value, its inputs, and the rule for its gradients.
///
/// A custom function is a few lines:
///
///     template <class T>
///     Variable<T> cube(const Variable<T>& x) {
///       return record<T>("cube", map(x.value(), [](T v) { return v * v * v; }), {x},
///                        [x = Saved(x)](const GradContext<T>& context) -> Gradients<T> {
///                          const Variable<T> v = context.get(x);
///                          return {context.grad() * v * v * T{3}};
///                        });
///     }
///
/// A rule written with differentiable operations, as here, can be differentiated again.
#pragma once

#include <kashi/autograd/observe.hpp>

namespace kashi::inline v0 {

/// A value kept for a rule, with the version it had: a later change in place is noticed. A value with a recipe is not
/// kept, but made again when it is asked for.
template <class T>
class Saved {
 public:
  Saved() = default;
  explicit Saved(const Variable<T>& variable)
      : variable_(variable),
        version_(variable.value().version()),
        recipe_(variable.node() != nullptr ? variable.node()->recipe : nullptr) {
    if (recipe_ != nullptr) variable_ = Variable<T>(Tensor<T>(), variable.node());
  }
  // As in Variable: compiled once, not in every rule that keeps one.
  [[gnu::noinline]] Saved(const Saved&) = default;
  [[gnu::noinline]] Saved(Saved&&) noexcept = default;
  [[gnu::noinline]] Saved& operator=(const Saved&) = default;
  [[gnu::noinline]] Saved& operator=(Saved&&) noexcept = default;
  [[gnu::noinline]] ~Saved() = default;

 private:
  friend class GradContext<T>;
  Variable<T> variable_;
  std::uint64_t version_ = 0;
  std::shared_ptr<detail::Recipe<T>> recipe_;
};

/// An operation's own result kept for its rule. It is held without its node, which would be a cycle.
template <class T>
class SavedOutput {
 public:
  explicit SavedOutput(const Tensor<T>& value) : value_(value), version_(value.version()) {}

 private:
  friend class GradContext<T>;
  Tensor<T> value_;
  std::uint64_t version_;
};

namespace detail {

template <class T>
void check_unchanged(const char* name, const Tensor<T>& tensor, std::uint64_t version) {
  require<GradError>(tensor.version() == version, "backward: a value that ", name,
                     " saved for its gradient was changed in place since; shape ", tensor.shape(),
                     " (change a clone(), or do it after backward)");
}

}  // namespace detail

/// What a rule may ask while gradients are computed.
template <class T>
class GradContext {
 public:
  GradContext(const detail::Node<T>& node, const std::shared_ptr<detail::Node<T>>& self, Variable<T> grad,
              bool create_graph)
      : node_(node), self_(self), grad_(std::move(grad)), create_graph_(create_graph) {}

  /// The gradient of the operation's output.
  const Variable<T>& grad() const { return grad_; }

  /// Memory for a result of the gradient's shape: the gradient's own if nobody else holds it, so that a rule that works
  /// number by number needs none. Not for rules under create_graph().
  Tensor<T> room_for_result() const {
    return !create_graph_ && grad_.value().is_unique() ? grad_.value() : Tensor<T>::empty(grad_.shape());
  }

  /// Whether input `i` needs a gradient; a rule may return an empty Variable where not.
  bool needs(std::size_t i) const { return i < node_.inputs.size() && node_.inputs[i] != nullptr; }

  /// True if the gradients themselves will be differentiated: a rule that is fused for speed must then take the long
  /// way.
  bool create_graph() const { return create_graph_; }

  /// For rules without a second derivative. Throws GradError when one is asked for.
  void refuse_create_graph() const {
    require<GradError>(!create_graph_, "grad: ", node_.name, " can't be differentiated twice");
  }

  /// A saved input. Throws GradError if its numbers were changed in place since.
  Variable<T> get(const Saved<T>& saved) const {
    if (saved.recipe_ != nullptr) return Variable<T>(saved.recipe_->value(), saved.variable_.node());
    check(saved.variable_.value(), saved.version_);
    return saved.variable_;
  }

  /// The operation's saved result. Throws GradError if its numbers were changed in place since.
  Variable<T> get(const SavedOutput<T>& saved) const {
    check(saved.value_, saved.version_);
    return create_graph_ ? Variable<T>(saved.value_, self_) : Variable<T>(saved.value_);
  }

 private:
  void check(const Tensor<T>& tensor, std::uint64_t version) const {
    detail::check_unchanged(node_.name, tensor, version);
  }

  const detail::Node<T>& node_;
  const std::shared_ptr<detail::Node<T>>& self_;
  Variable<T> grad_;
  bool create_graph_;
};

/// A function that gives `variable`'s numbers, for a recipe. It throws GradError if they were changed in place since.
template <class T>
auto saved_numbers(const char* name, const Variable<T>& variable) {
  return [name, tensor = variable.value(), version = variable.value().version()]() -> const Tensor<T>& {
    detail::check_unchanged(name, tensor, version);
    return tensor;
  };
}

/// The result of an operation. If recording is on and an input needs a gradient, `rule` is kept to compute it; the rule
/// returns one gradient for each of `inputs` (same order, same shapes, empty for none).
template <class T>
Variable<T> record(const char* name, Tensor<T> value, const std::vector<Variable<T>>& inputs, BackwardRule<T> rule) {
  bool wanted = false;
  if (grad_enabled())
    for (const auto& input : inputs) wanted = wanted || input.requires_grad();
  if (!wanted) return Variable<T>(std::move(value));
  auto node = detail::make_node<T>(value.shape());
  node->name = name;
  node->inputs.reserve(inputs.size());
  for (const auto& input : inputs) node->inputs.push_back(input.requires_grad() ? input.node() : nullptr);
  node->rule = std::move(rule);
  Variable<T> output(std::move(value), std::move(node));
  detail::tell_observer(name, output, inputs);
  return output;
}

KASHI_INSTANTIATE(Variable<float> record<float>(const char*, Tensor<float>, const std::vector<Variable<float>>&,
                                                BackwardRule<float>))
KASHI_INSTANTIATE(Variable<double> record<double>(const char*, Tensor<double>, const std::vector<Variable<double>>&,
                                                  BackwardRule<double>))

}  // namespace kashi::inline v0
