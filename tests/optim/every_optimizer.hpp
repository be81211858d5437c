/// Every optimizer with the option sets of tests/golden/make_golden_optim.py.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <kashi/optim/adam.hpp>
#include <kashi/optim/lion.hpp>
#include <kashi/optim/rmsprop.hpp>
#include <kashi/optim/sgd.hpp>

template <class T>
using Parameters = std::vector<kashi::Variable<T>>;

/// Makes an optimizer of two groups; the second has half the learning rate.
template <class T>
struct OptimizerCase {
  std::string name;
  std::function<std::unique_ptr<kashi::optim::Optimizer<T>>(Parameters<T>, Parameters<T>)> make;
};

template <template <class> class Kind, class T, class Options>
OptimizerCase<T> optimizer_case(const std::string& name, Options options) {
  return {name, [options](Parameters<T> a, Parameters<T> b) {
            Options half = options;
            half.lr /= 2;
            using Groups = std::vector<kashi::optim::ParameterGroup<T, Options>>;
            return std::make_unique<Kind<T>>(Groups{{a, options}, {b, half}});
          }};
}

template <class T>
std::vector<OptimizerCase<T>> every_optimizer() {
  using namespace kashi::optim;
  const auto sgd = [](const char* name, SGDOptions o) { return optimizer_case<SGD, T>(name, o); };
  const auto adam = [](const char* name, AdamOptions o) { return optimizer_case<Adam, T>(name, o); };
  const auto adamw = [](const char* name, AdamWOptions o) { return optimizer_case<AdamW, T>(name, o); };
  const auto rmsprop = [](const char* name, RMSpropOptions o) { return optimizer_case<RMSprop, T>(name, o); };
  const auto lion = [](const char* name, LionOptions o) { return optimizer_case<Lion, T>(name, o); };
  return {
      sgd("sgd", {.lr = 0.1}),
      sgd("sgd_momentum", {.lr = 0.1, .momentum = 0.9}),
      sgd("sgd_dampening", {.lr = 0.1, .momentum = 0.9, .dampening = 0.5, .weight_decay = 0.01}),
      sgd("sgd_nesterov", {.lr = 0.1, .momentum = 0.8, .weight_decay = 0.05, .nesterov = true}),
      sgd("sgd_maximize", {.lr = 0.01, .momentum = 0.9, .weight_decay = 0.1, .maximize = true}),
      adam("adam", {.lr = 0.1}),
      adam("adam_decay", {.lr = 0.05, .betas = {0.8, 0.95}, .eps = 1e-4, .weight_decay = 0.1}),
      adam("adam_amsgrad", {.lr = 0.1, .betas = {0.9, 0.9}, .amsgrad = true}),
      adam("adam_maximize", {.lr = 0.02, .weight_decay = 0.01, .maximize = true}),
      adamw("adamw", {.lr = 0.1}),
      adamw("adamw_decay", {.lr = 0.05, .betas = {0.95, 0.98}, .eps = 1e-6, .weight_decay = 0.3}),
      adamw("adamw_amsgrad", {.lr = 0.1, .betas = {0.9, 0.9}, .weight_decay = 0.1, .amsgrad = true}),
      rmsprop("rmsprop", {.lr = 0.05}),
      rmsprop("rmsprop_decay", {.lr = 0.02, .alpha = 0.9, .eps = 1e-3, .weight_decay = 0.1}),
      rmsprop("rmsprop_momentum", {.lr = 0.01, .momentum = 0.9}),
      rmsprop("rmsprop_centered", {.lr = 0.01, .alpha = 0.95, .momentum = 0.5, .centered = true}),
      lion("lion", {.lr = 0.02}),
      lion("lion_decay", {.lr = 0.02, .betas = {0.95, 0.98}, .weight_decay = 0.5}),
  };
}
