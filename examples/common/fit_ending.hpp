/// How a training program goes on after Trainer::fit.
#pragma once

#include <cstdio>
#include <optional>

#include <kashi/train/interrupt.hpp>
#include <kashi/train/trainer.hpp>

#include "common/program.hpp"

namespace examples {

/// Says that --resume goes on; returns the exit code.
inline int interrupted() {
  std::fprintf(stderr, "interrupted; --resume goes on from here\n");
  return kashi::train::InterruptGuard::exit_code;
}

/// The exit code of a program whose training ended without anything new to report: it was interrupted, or was finished
/// before. Otherwise nothing, and the time of earlier sittings counts from here on.
inline std::optional<int> ending_of(Program& program, const kashi::train::FitResult& result) {
  if (result.interrupted) return interrupted();
  if (result.epochs_run == 0 && program.is_finished()) {
    std::printf("nothing to do: the training in %s is finished\n", program.flags().out.c_str());
    return 0;
  }
  program.add_earlier_seconds(result.earlier_seconds);
  return std::nullopt;
}

}  // namespace examples
