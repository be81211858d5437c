/// Finds the region that a question asks about with a model that only knows whether question and scene match, and shows
/// what an answering network gains when it is given a crop of that region.
///
///     vqa_crop                         three seeds
///     vqa_crop --method hires-cam      another way from the matching score to a map
#include <cstdio>

#include <kashi/plot/bar_chart.hpp>
#include <kashi/plot/boxes.hpp>
#include <kashi/plot/contact_sheet.hpp>
#include <kashi/plot/heatmap.hpp>

#include "common/program.hpp"
#include "vqa_crop/experiment.hpp"

using namespace kashi;
using namespace vqa;

namespace {

struct Settings {
  std::string method = "grad-cam";
  int seeds = 0;
};

Plan plan_for(const examples::Program& program, const examples::Flags& flags, const Settings& settings) {
  Plan plan = flags.quick
                  ? Plan{.scenes = 256, .epochs = 2, .reading_scenes = 64, .reading_epochs = 1, .tested = 24}
                  : Plan{.scenes = 2000, .epochs = 24, .reading_scenes = 3000, .reading_epochs = 2, .tested = 300};
  if (flags.epochs > 0) plan.epochs = flags.epochs;
  if (flags.batch > 0) plan.batch = flags.batch;
  plan.method = explain::method_named(settings.method);
  plan.checkpoints = program.out() / "checkpoints";
  plan.resume = flags.resume;
  return plan;
}

std::string percent(double share) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.1f", 100 * share);
  return buffer;
}

/// Mean and, where there are several seeds, the lowest and the highest.
std::string spread(const std::vector<Findings>& all, const std::function<double(const Findings&)>& figure) {
  double sum = 0, low = 1e30, high = -1e30;
  for (const Findings& one : all) {
    const double value = figure(one);
    sum += value;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  const std::string mean = percent(sum / static_cast<double>(all.size()));
  return all.size() == 1 ? mean : text(mean, " (", percent(low), " to ", percent(high), ")");
}

double mean_of(const std::vector<Findings>& all, const std::function<double(const Findings&)>& figure) {
  double sum = 0;
  for (const Findings& one : all) sum += figure(one);
  return sum / static_cast<double>(all.size());
}

/// Breaks a line before the first word that would reach beyond `width` characters.
std::string folded(const std::string& line, std::size_t width) {
  std::string out;
  std::size_t length = 0;
  for (std::size_t begin = 0; begin < line.size();) {
    const std::size_t end = std::min(line.find(' ', begin), line.size());
    if (length > 0) {
      const bool fits = length + 1 + end - begin <= width;
      out.push_back(fits ? ' ' : '\n');
      length = fits ? length + 1 : 0;
    }
    out.append(line, begin, end - begin);
    length += end - begin;
    begin = end + 1;
  }
  return out;
}

plot::Image with_box(const plot::Image& picture, const Crop& crop, double zoom) {
  plot::Canvas canvas(picture);
  plot::draw_box(canvas,
                 {static_cast<double>(crop.x) * zoom, static_cast<double>(crop.y) * zoom,
                  static_cast<double>(crop.side) * zoom, static_cast<double>(crop.side) * zoom},
                 "", {.color = plot::colors::white, .thickness = 2});
  return canvas.image();
}

/// Scene with the crop's frame, map, crop, and what the reader of whole scenes sees, of some test scenes.
plot::Image sheet(const Finder& finder, std::uint64_t seed, explain::Method method) {
  constexpr Index zoom = 3, shown = 6;
  std::vector<plot::Image> pictures;
  std::vector<std::string> captions;
  for (Index i = 0; i < shown; ++i) {
    const Puzzle puzzle = make_puzzle(seed, test_stream, i);
    const Tensor<float> map = finder.map(puzzle.picture, finder.vector_of(puzzle.question), method);
    const Crop crop = finder.region(map);
    const plot::Image large = plot::resize(io::to_bytes(puzzle.picture), zoom * scene_size, zoom * scene_size);
    pictures.push_back(with_box(large, crop, zoom));
    pictures.push_back(with_box(plot::overlay(large, map), crop, zoom));
    pictures.push_back(io::to_bytes(cut(puzzle.picture, crop, reader_size)));
    pictures.push_back(io::to_bytes(cut(puzzle.picture, whole_scene(), reader_size)));
    captions.push_back(folded(puzzle.question.text(), 30));
    captions.push_back("where the score comes from");
    captions.push_back(text("the crop", crop.holds(puzzle.asked()) ? "" : " (missed)",
                            "\nanswer: ", mark_names[static_cast<std::size_t>(puzzle.asked().mark)]));
    captions.push_back("the whole scene\nat the reader's size");
  }
  return plot::contact_sheet(pictures, captions,
                             {.title = "Scene, map, crop", .columns = 4, .cell = zoom * scene_size / 4 * 3});
}

/// One scene, asked about each of its objects.
plot::Image questions_sheet(const Finder& finder, std::uint64_t seed, explain::Method method) {
  const Puzzle puzzle = make_puzzle(seed, test_stream, 7);
  const plot::Image large = plot::resize(io::to_bytes(puzzle.picture), 3 * scene_size, 3 * scene_size);
  std::vector<plot::Image> pictures{large};
  std::vector<std::string> captions{"the scene"};
  for (const Object& object : puzzle.scene.objects) {
    Question question;
    question.values = object.values;
    const Tensor<float> map = finder.map(puzzle.picture, finder.vector_of(question), method);
    pictures.push_back(with_box(plot::overlay(large, map), finder.region(map), 3));
    captions.push_back(folded(question.text(), 30));
  }
  pictures.push_back(plot::overlay(large, finder.map(puzzle.picture, finder.general_vector(), method)));
  captions.push_back("salience: the mean question");
  return plot::contact_sheet(pictures, captions, {.title = "One scene, many questions", .columns = 4, .cell = 216});
}

plot::Image answer_chart(const std::vector<Findings>& all) {
  std::vector<std::string> names(view_names.begin(), view_names.end());
  plot::BarSeries answers{.name = "right answers", .values = {}}, hits{.name = "crop holds the object", .values = {}};
  for (std::size_t v = 0; v < views; ++v) {
    answers.values.push_back(100 * mean_of(all, [v](const Findings& one) { return one.answer[v]; }));
    hits.values.push_back(100 * mean_of(all, [v](const Findings& one) { return one.hit[v]; }));
  }
  return plot::bar_chart(
      names, {answers, hits},
      {.title = "What the reader is shown", .x_label = "% of held-out scenes", .low = 0, .high = 100, .decimals = 1});
}

void add_findings(train::Report& report, const std::vector<Findings>& all) {
  std::map<std::string, double> hits, answers, by_group, gains;
  std::vector<std::vector<std::string>> rows, groups, methods;
  for (std::size_t v = 0; v < views; ++v) {
    const auto hit = [v](const Findings& one) { return one.hit[v]; };
    const auto answer = [v](const Findings& one) { return one.answer[v]; };
    hits[view_names[v]] = mean_of(all, hit);
    answers[view_names[v]] = mean_of(all, answer);
    rows.push_back({view_names[v], spread(all, hit), spread(all, answer)});
  }
  for (const auto& [group, value] : all.front().hit_by_group) {
    const auto hit = [&name = group](const Findings& one) { return one.hit_by_group.at(name); };
    const auto gain = [&name = group](const Findings& one) { return one.gain_by_group.at(name); };
    by_group[group] = mean_of(all, hit);
    gains[group] = mean_of(all, gain);
    groups.push_back({group, spread(all, hit), spread(all, gain)});
  }
  for (const auto& [method, value] : all.front().hit_by_method) methods.push_back({method, percent(value)});
  report.set("match_accuracy", mean_of(all, [](const Findings& one) { return one.match_accuracy; }));
  report.set("hit", hits);
  report.set("answer_accuracy", answers);
  report.set("gain_over_whole", answers[view_names[predicted]] - answers[view_names[whole]]);
  report.set("gain_over_centre", answers[view_names[predicted]] - answers[view_names[centre]]);
  report.set("hit_by_seed", [&] {
    std::vector<double> out;
    for (const Findings& one : all) out.push_back(one.hit[predicted]);
    return out;
  }());
  report.set("mismatched_hit", mean_of(all, [](const Findings& one) { return one.mismatched_hit; }));
  report.set("crop_share", mean_of(all, [](const Findings& one) { return one.crop_share; }));
  report.set("hit_by_group", by_group);
  report.set("gain_by_group", gains);
  report.set("hit_by_method", all.front().hit_by_method);
  report.headline("match_accuracy", {.label = "question matches scene", .format = train::Format::percent});
  report.headline("gain_over_whole", {.label = "answers gained by the crop", .format = train::Format::percent});
  report.table("Findings", {"the reader is shown", "holds the object, %", "right answers, %"}, rows);
  report.table("Findings", {"the object", "crop holds it, %", "answers gained over the whole scene, %"}, groups);
  report.table("Findings", {"map", "crop holds the object, %"}, methods);
}

void write_report(const examples::Program& program, const std::vector<Findings>& all, const Finder& finder,
                  std::uint64_t seed, const Plan& plan) {
  train::Report report("Finding what a question asks about",
                       "A model learns only whether a question fits a scene. The map of its score shows where the "
                       "asked object is; a crop of that place lets a small network answer.");
  add_findings(report, all);
  report.text("Findings",
              "All crops of a scene have the same side. Each reader learnt from what it is shown: one from whole "
              "scenes, one from crops, as many steps. A salience crop follows the map of the mean question. As a "
              "control, the map of another scene's question: mismatched_hit. The last table is of the first seed.");
  report.set("method", explain::name_of(plan.method));
  report.set("seeds", all.size());
  report.set("test_scenes", plan.tested);
  program.add_common_figures(report);
  report.picture("Findings", "answers.png", answer_chart(all),
                 text("Means of ", all.size(), " seeds, ", plan.tested, " held-out scenes each."));
  report.picture("Pictures", "sheet.png", sheet(finder, seed, plan.method),
                 "Held-out scenes. The reader sees 32 x 32 pixels.");
  report.picture("Pictures", "questions.png", questions_sheet(finder, seed, plan.method),
                 "The same scene with a question about each object.");
  report.save(program.out());
}

int run(const examples::Program& program, const examples::Flags& flags, const Settings& settings) {
  require(flags.data.empty() && flags.weights.empty(),
          "vqa_crop draws its scenes and trains its networks itself; it takes neither --data nor --weights");
  const Plan plan = plan_for(program, flags, settings);
  io::make_output_folder(program.out());
  io::make_output_folder(plan.checkpoints);
  const train::InterruptGuard guard;
  std::vector<Findings> all;
  std::vector<std::shared_ptr<Matcher>> matchers;
  const int seeds = settings.seeds > 0 ? settings.seeds : flags.quick ? 1 : 3;
  for (int k = 0; k < seeds; ++k) {
    const std::uint64_t seed = flags.seed + static_cast<std::uint64_t>(k);
    manual_seed(seed);
    matchers.push_back(std::make_shared<Matcher>());
    try {
      all.push_back(run_experiment(*matchers.back(), seed, plan));
    } catch (const Interrupted&) {
      std::fprintf(stderr, "interrupted; --resume goes on from here\n");
      return train::InterruptGuard::exit_code;
    }
    const Findings& found = all.back();
    std::printf(
        "seed %llu: match %s %%; the crop holds the object in %s %% of the scenes; right answers: whole %s %%, centre "
        "%s %%, random %s %%, salience %s %%, crop %s %%, true crop %s %%\n",
        static_cast<unsigned long long>(seed), percent(found.match_accuracy).c_str(),
        percent(found.hit[predicted]).c_str(), percent(found.answer[whole]).c_str(),
        percent(found.answer[centre]).c_str(), percent(found.answer[random_place]).c_str(),
        percent(found.answer[salience]).c_str(), percent(found.answer[predicted]).c_str(),
        percent(found.answer[true_place]).c_str());
    std::fflush(stdout);
  }
  const Finder finder(*matchers.front(), flags.seed);
  all.front().hit_by_method = compare_methods(finder, flags.seed, flags.quick ? 4 : 60);
  write_report(program, all, finder, flags.seed, plan);
  std::printf("results are in %s (open %s/report.html)\n", flags.out.c_str(), flags.out.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  examples::Program program("vqa_crop",
                            "Finds the region that a question asks about by explaining a matching score, and crops it "
                            "for an answering network.");
  Settings settings;
  program.app()
      .add_option("--method", settings.method,
                  "from the matching score to a map: grad-cam, hires-cam, layer-cam, shap-cam, ...")
      ->capture_default_str();
  program.app()
      .add_option("--seeds", settings.seeds, "repetitions with other scenes and weights (default 3, with --quick 1)")
      ->check(CLI::Range(1, 100));
  return program.run(argc, argv, [&] { return run(program, program.flags(), settings); });
}
