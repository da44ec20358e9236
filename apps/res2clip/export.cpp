#include <array>
#include <optional>

#include "res2clip/clip/archive.hpp"
#include "res2clip/clip/weights.hpp"

#include "command.hpp"
#include "output.hpp"

namespace res2clip::app {

namespace {

/// A list as "0.5,0.5,0.5"; CLI11 counts the numbers.
CLI::Option* add_colour(CLI::App& command, const std::string& option,
                        std::optional<std::array<double, 3>>& colour, const std::string& help) {
  const auto remember = [&colour](const std::vector<double>& values) {
    colour = {values.at(0), values.at(1), values.at(2)};
  };
  return command.add_option_function<std::vector<double>>(option, remember, help)
      ->delimiter(',')
      ->expected(3)
      ->type_name("R,G,B")
      ->group("Form of the weights");
}

void add_form(CLI::App& command, StatedForm& form) {
  const auto activation = [&form](const std::string& name) {
    form.activation = value_of<Activation>(name, "--activation");
  };
  const auto heads = [&form](const std::vector<std::int64_t>& widths) {
    form.vision_head_width = widths.front();
    if (widths.size() > 1) form.text_head_width = widths.back();
  };
  command
      .add_option_function<std::string>("--activation", activation,
                                        "quick_gelu (OpenAI's), gelu or gelu_tanh")
      ->type_name("NAME")
      ->group("Form of the weights");
  command
      .add_option_function<std::vector<std::int64_t>>(
          "--head-width", heads,
          "Width of an attention head in the image tower (and, 64 if not said, in the text tower)")
      ->delimiter(',')
      ->expected(1, 2)
      ->allow_extra_args(false)
      ->type_name("N[,M]")
      ->group("Form of the weights");
  add_colour(command, "--image-mean", form.mean, "Mean by which images are normalised");
  add_colour(command, "--image-std", form.deviation, "Standard deviation, likewise");
}

/// The files that weights may be read from: one, or those of a folder.
std::vector<Path> files_of(const Path& weights) {
  std::error_code ignored;
  std::vector<Path> files{weights};
  for (std::filesystem::directory_iterator entry(weights, ignored), end; entry != end;
       entry.increment(ignored))
    files.push_back(entry->path());
  return files;
}

}  // namespace

void add_export(CLI::App& program, Run& run) {
  struct Options : CommonOptions {
    std::string weights, output;
    StatedForm form;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      program.add_subcommand("export", "CLIP weights -> one self-contained archive with V-V attention");
  command
      ->add_option(
          "--weights", options->weights,
          "OpenAI's .pt, open_clip's or Hugging Face's weights: a file, an index of shards, or their folder")
      ->required()
      ->type_name("PATH");
  command->add_option("--output,-o", options->output, "The archive to write")->required()->type_name("FILE");
  options->add_setting(
      *command, "--image-size", "image.size",
      "Side of the square input in pixels; 0: 518 where the patches fit it, else the weights' own");
  options->add_setting(*command, "--vv-blocks", "export.vv_blocks",
                       "How many of the last blocks have V-V attention; -1: 19 of 24, other depths alike");
  add_form(*command, options->form);
  options->add_sources_to(*command);
  options->add_quiet_to(*command);
  command->footer(
      "Examples:\n"
      "  res2clip export --weights ViT-L-14-336px.pt --output clip.pt\n"
      "  res2clip export --weights ViT-L-14-336px.pt --output clip20.pt --profile paper\n"
      "  res2clip export --weights epoch_32.pt --activation gelu --head-width 80 --output clip.pt");
  command->callback([options, &run] {
    run = [options] {
      const Settings settings = options->resolve().method;
      require_own_output(options->output, files_of(options->weights));
      const ClipWeights weights = read_clip_weights(options->weights, options->form);
      export_backbone(weights, {settings.image.size, settings.encoder}, options->output);
      if (options->quiet) return;
      for (const std::string& remark : weights.remarks) note(remark);
      note(options->output + ": " + describe_weights(weights.origin, weights.sizes));
      note("run with " + describe_form(weights.form, weights.origin));
    };
  });
}

}  // namespace res2clip::app
