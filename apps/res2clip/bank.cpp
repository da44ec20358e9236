#include <iostream>

#include "res2clip/data/examination.hpp"
#include "res2clip/data/inputs.hpp"
#include "res2clip/pipeline/pipeline.hpp"

#include "command.hpp"
#include "progress_bar.hpp"
#include "remarks.hpp"

namespace res2clip::app {

void add_bank(CLI::App& program, Run& run) {
  struct Options : CommonOptions {
    std::string backbone, checkpoint, output;
    std::vector<std::string> references;
    bool recursive = false, skip_broken = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand("bank", "Features of good parts, computed once and saved");
  command->add_option("--backbone", options->backbone, "Archive that `export` wrote")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--reference", options->references,
                   "Images of good parts: a file, folder or glob; repeatable")
      ->required()
      ->allow_extra_args(false)
      ->type_name("IMAGE");
  command
      ->add_option("--checkpoint", options->checkpoint, "Adapter weights (decides which layers are needed)")
      ->type_name("FILE");
  command->add_option("--output,-o", options->output, "The bank to write")->required()->type_name("FILE");
  command->add_flag("--recursive", options->recursive, "Take the images of folders below as well");
  command->add_flag("--skip-broken", options->skip_broken,
                    "Go on without images that cannot be used, and say which");
  options->add_to(*command);
  command->footer("Example: res2clip bank --backbone clip.pt --reference good/ --output part.bank");
  command->callback([options, &run] {
    run = [options] {
      auto [references, passed_over] = find_inputs(options->references, std::cin, options->recursive);
      const Settings settings = options->resolve().method;
      const auto left_out = leave_out_unusable(references, options->skip_broken, settings.image.reading);
      if (!options->quiet) {
        note_left_out(passed_over);
        note_left_out(left_out);
      }
      const Pipeline pipeline = Pipeline::load(options->backbone, settings, options->checkpoint);
      ProgressBar bar("bank", options->quiet);
      const ReferenceBank bank = pipeline.remember(references, bar.callback());
      bar.finish();
      if (!options->quiet) note_remarks(pipeline.remarks());
      save_bank(bank, options->output);
      if (!options->quiet)
        note(options->output + ": " + std::to_string(bank.shots()) + " reference image(s), " +
             std::to_string(bank.patches.size()) + " layer(s), " + std::to_string(bank.grid.size()) +
             " patches each");
    };
  });
}

}  // namespace res2clip::app
