#include "common/program.hpp"

#include <cstdio>

#include <kashi/core/version.hpp>
#include <kashi/kernels/isa.hpp>

namespace examples {

Program::Program(std::string name, const std::string& description) : name_(std::move(name)), app_(description, name_) {
  flags_.out = "out/" + name_;
  app_.add_option("--data", flags_.data, "folder with your own data (default: data that the program makes itself)");
  app_.add_option("--weights", flags_.weights, "file with weights");
  app_.add_option("--out", flags_.out, "folder for everything that is written")->capture_default_str();
  app_.add_option("--epochs", flags_.epochs, "passes over the training data")->check(CLI::PositiveNumber);
  app_.add_option("--batch", flags_.batch, "images a step")->check(CLI::PositiveNumber);
  app_.add_option("--seed", flags_.seed, "the same seed gives the same weights, bit for bit")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app_.add_option("--threads", flags_.threads, "threads to use; results do not depend on it (default: all)")
      ->check(CLI::Range(1, 1024));
  app_.add_flag("--quick", flags_.quick, "a small run for a first look");
  app_.add_flag("--resume", flags_.resume, "go on from the last checkpoint in the output folder");
  app_.set_version_flag("--version", std::string(kashi::version()));
}

int Program::run(int argc, char** argv, const std::function<int()>& body) {
  try {
    app_.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app_.exit(error);
    std::fprintf(stderr, "error: %s (%s --help lists the flags)\n", error.what(), name_.c_str());
    return 2;
  }
  try {
    if (flags_.threads > 0) kashi::set_num_threads(flags_.threads);
    kashi::manual_seed(flags_.seed);
    return body();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}

void Program::begin_run() const {
  const bool resumes = flags_.resume && std::filesystem::exists(checkpoint());
  if (flags_.resume && !resumes)
    std::fprintf(stderr, "there is no checkpoint in %s: starting afresh\n", flags_.out.c_str());
  if (resumes) return;
  for (const char* file : {"report.html", "report.json"}) {
    std::error_code ignored;
    std::filesystem::remove(out() / file, ignored);
  }
}

bool Program::is_finished() const {
  std::error_code ignored;
  const auto report = std::filesystem::last_write_time(out() / "report.html", ignored);
  if (ignored || kashi::train::is_live_page(kashi::io::read_text_file(out() / "report.html"))) return false;
  return report >= std::filesystem::last_write_time(checkpoint(), ignored);
}

void Program::add_common_figures(kashi::train::Report& report) const {
  report.set("seed", flags_.seed);
  report.set("threads", static_cast<kashi::Index>(kashi::num_threads()));
  report.set("isa", std::string(kashi::kernels::isa_name(kashi::kernels::isa())));
  report.set("version", std::string(kashi::version()));
  report.set("seconds", seconds());
}

}  // namespace examples
