/// What a long training writes down as it goes.
#pragma once

#include <string>
#include <vector>

#include <kashi/train/live_report.hpp>
#include <kashi/train/progress.hpp>
#include <kashi/train/tensorboard.hpp>

#include "common/program.hpp"

namespace examples {

/// A bar, log.csv, a report.html that is refreshed after each epoch with a chart for each list of figures, and with
/// --tensorboard the files of TensorBoard.
inline std::vector<std::shared_ptr<kashi::train::Callback>> training_logs(const Program& program,
                                                                          const std::string& title,
                                                                          std::vector<std::vector<std::string>> charts,
                                                                          bool tensorboard) {
  using namespace kashi;
  std::vector<std::shared_ptr<train::Callback>> logs{
      std::make_shared<train::CsvLog>(program.out() / "log.csv"), std::make_shared<train::ProgressBar>(),
      std::make_shared<train::LiveReport>(
          train::LiveReportOptions{.folder = program.out(), .title = title, .charts = std::move(charts)})};
  if (tensorboard) logs.push_back(std::make_shared<train::TensorBoardLog>(program.out() / "tensorboard"));
  return logs;
}

}  // namespace examples
