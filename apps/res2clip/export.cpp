#include "res2clip/clip/archive.hpp"
#include "res2clip/clip/weights.hpp"

#include "command.hpp"

namespace res2clip::app {

void add_export(CLI::App& program, Run& run) {
  struct Options : CommonOptions {
    std::string weights, output;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      program.add_subcommand("export", "CLIP weights -> one self-contained archive with V-V attention");
  command
      ->add_option("--weights", options->weights,
                   "OpenAI's .pt, a state dict, or safetensors (OpenAI's or Hugging Face's names)")
      ->required()
      ->type_name("FILE");
  command->add_option("--output,-o", options->output, "The archive to write")->required()->type_name("FILE");
  options->add_setting(
      *command, "--image-size", "image.size",
      "Side of the square input in pixels; 0: 518 where the patches fit it, else the weights' own");
  options->add_setting(*command, "--vv-blocks", "export.vv_blocks",
                       "How many of the last blocks have V-V attention; -1: 19 of 24, other depths alike");
  options->add_sources_to(*command);
  options->add_quiet_to(*command);
  command->footer(
      "Examples:\n"
      "  res2clip export --weights ViT-L-14-336px.pt --output clip.pt\n"
      "  res2clip export --weights ViT-L-14-336px.pt --output clip20.pt --profile paper");
  command->callback([options, &run] {
    run = [options] {
      const Settings settings = options->resolve().method;
      const ClipWeights weights = read_clip_weights(options->weights);
      export_backbone(weights, {settings.image.size, settings.encoder}, options->output);
      if (!options->quiet) note(options->output + ": " + describe_weights(weights));
    };
  });
}

}  // namespace res2clip::app
