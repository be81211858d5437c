/// Ctrl-C: a training finishes its step, saves, and returns.
#pragma once

#include <csignal>

namespace kashi::inline v0::train {

namespace detail {
inline volatile std::sig_atomic_t& interrupt_flag() {
  static volatile std::sig_atomic_t flag = 0;
  return flag;
}
inline int& interrupt_guards() {
  static int alive = 0;
  return alive;
}
}  // namespace detail

/// True once Ctrl-C was pressed (or SIGTERM came) while an InterruptGuard lives; false again after the last guard.
inline bool interrupt_requested() { return detail::interrupt_flag() != 0; }

/// While it lives, the first SIGINT or SIGTERM only sets a flag that the trainer looks at after each step; a second one
/// ends the program at once. A program asks for this; the library never takes over signals by itself.
class InterruptGuard {
 public:
  InterruptGuard() {
    ++detail::interrupt_guards();
    previous_int_ = std::signal(SIGINT, handle);
    previous_term_ = std::signal(SIGTERM, handle);
  }
  ~InterruptGuard() {
    std::signal(SIGINT, previous_int_);
    std::signal(SIGTERM, previous_term_);
    if (--detail::interrupt_guards() == 0) detail::interrupt_flag() = 0;
  }
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  /// What a shell expects from a program that Ctrl-C ended.
  static constexpr int exit_code = 130;

 private:
  static void handle(int signal) {
    detail::interrupt_flag() = 1;
    std::signal(signal, SIG_DFL);
  }

  void (*previous_int_)(int) = SIG_DFL;
  void (*previous_term_)(int) = SIG_DFL;
};

}  // namespace kashi::inline v0::train
