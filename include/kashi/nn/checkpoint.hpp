/// ActivationCheckpoint: memory for time. Not the files of a training: those are train/checkpoint.hpp.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <kashi/autograd/engine.hpp>
#include <kashi/core/random.hpp>
#include <kashi/nn/container.hpp>

namespace kashi::inline v0::nn {

/// Computes a module without keeping what is in between, and computes it again when gradients are wanted (Chen et al.
/// 2016; torch.utils.checkpoint): a training step holds the module's input instead of all its activations, for one more
/// forward pass. The gradients have the same bits: random numbers are drawn again as they were, and running statistics
/// are updated once.
///
///     nn::Sequential net{nn::ActivationCheckpoint(stage1), nn::ActivationCheckpoint(stage2), head};
///
/// Names of parameters are those of the module. Gradients of gradients are refused with a GradError.
template <class T = float>
class ActivationCheckpoint : public Module<T> {
 public:
  /// Takes a module as a value; copies share its parameters.
  template <ModuleOf<T> M>
  explicit ActivationCheckpoint(M&& module)
      : module_(std::make_shared<std::remove_cvref_t<M>>(std::forward<M>(module))) {}

  Variable<T> forward(const Variable<T>& x) const override {
    if (!grad_enabled() || !this->is_training()) return (*module_)(x);
    std::vector<Variable<T>> inputs = module_->parameters();
    inputs.insert(inputs.begin(), x);
    const random::GeneratorState drawn = default_generator().state();
    Tensor<T> value;
    {
      const NoGrad forget;
      value = (*module_)(x).value();
    }
    return record<T>(
        "activation_checkpoint", std::move(value), inputs,
        [module = module_, x = Saved(x), drawn,
         parameters = std::vector<Variable<T>>(inputs.begin() + 1, inputs.end())](const GradContext<T>& context) {
          context.refuse_create_graph();
          return again(*module, context.get(x).value(), parameters, drawn, context);
        });
  }
  void members(Members<T>& m) override { m("", module_); }
  std::string kind() const override { return "ActivationCheckpoint"; }

 private:
  /// The gradients of input and parameters, in the order of record's inputs.
  static Gradients<T> again(const Module<T>& module, const Tensor<T>& x, const std::vector<Variable<T>>& parameters,
                            const random::GeneratorState& drawn, const GradContext<T>& context) {
    std::vector<std::pair<Tensor<T>, Tensor<T>>> buffers;
    for (const auto& [name, buffer] : module.named_buffers()) buffers.emplace_back(buffer, buffer.clone());
    const random::GeneratorState now = default_generator().state();

    std::vector<Variable<T>> wanted;
    const Variable<T> input = context.needs(0) ? parameter(x) : Variable<T>(x);
    if (context.needs(0)) wanted.push_back(input);
    for (std::size_t i = 0; i < parameters.size(); ++i)
      if (context.needs(i + 1)) wanted.push_back(parameters[i]);
    default_generator().set_state(drawn);
    Variable<T> output;
    {
      const EnableGrad record_again;
      output = module(input);
    }
    default_generator().set_state(now);
    for (auto& [buffer, before] : buffers) buffer.copy_from(before);

    const std::vector<Variable<T>> found = grad<T>({output}, wanted, {.allow_unused = true}, {context.grad()});
    Gradients<T> out(parameters.size() + 1);
    std::size_t next = 0;
    for (std::size_t i = 0; i < out.size(); ++i)
      if (context.needs(i)) out[i] = found[next++];
    return out;
  }

  std::shared_ptr<Module<T>> module_;
};

template <class M>
ActivationCheckpoint(M&&) -> ActivationCheckpoint<typename std::remove_cvref_t<M>::Scalar>;

}  // namespace kashi::inline v0::nn
