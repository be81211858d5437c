/// Settings of the kernels that a test changes, put back when it ends.
#pragma once

#include <kashi/kernels/isa.hpp>
#include <kashi/kernels/route.hpp>

/// Forces an instruction set while it lives.
class IsaGuard {
 public:
  explicit IsaGuard(kashi::kernels::Isa level) : before_(kashi::kernels::isa()) { kashi::kernels::force_isa(level); }
  ~IsaGuard() { kashi::kernels::force_isa(before_); }
  IsaGuard(const IsaGuard&) = delete;
  IsaGuard& operator=(const IsaGuard&) = delete;

 private:
  kashi::kernels::Isa before_;
};

/// Forces a convolution algorithm while it lives.
class AlgorithmGuard {
 public:
  explicit AlgorithmGuard(kashi::kernels::ConvAlgorithm algorithm) : before_(kashi::kernels::conv_algorithm()) {
    kashi::kernels::force_conv_algorithm(algorithm);
  }
  ~AlgorithmGuard() { kashi::kernels::force_conv_algorithm(before_); }
  AlgorithmGuard(const AlgorithmGuard&) = delete;
  AlgorithmGuard& operator=(const AlgorithmGuard&) = delete;

 private:
  kashi::kernels::ConvAlgorithm before_;
};
