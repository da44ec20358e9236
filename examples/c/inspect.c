/* Verdicts on camera frames, in C.
 *
 *   inspect ARCHIVE BANK WIDTH HEIGHT < frames
 *
 * Frames come on standard input as raw RGB, row after row (what `ffmpeg -f rawvideo -pix_fmt rgb24 -` gives). If
 * there is no file BANK yet, the first six frames are good parts: they are remembered, calibrated and saved
 * there. Every other frame gets a line: score, threshold, verdict, hottest region.
 *
 *   cc inspect.c -o inspect $(pkg-config --cflags --libs res2clip_c)
 */
#include <stdio.h>
#include <stdlib.h>

#include <res2clip/c.h>

enum { kGoodParts = 6 };

static char error[1024];

static void done(int status) {
  if (status == RES2CLIP_DONE) return;
  fprintf(stderr, "%s\n", error);
  exit(status);
}

static int read_frame(uint8_t* pixels, size_t bytes) { return fread(pixels, 1, bytes, stdin) == bytes; }

static res2clip_bank* bank_of_frames(const res2clip_pipeline* pipeline, uint8_t* pixels, res2clip_image frame,
                                     size_t bytes) {
  res2clip_image good[kGoodParts];
  res2clip_bank* bank = NULL;
  for (int i = 0; i < kGoodParts; ++i) {
    if (!read_frame(pixels + (size_t)i * bytes, bytes)) {
      fprintf(stderr, "there are fewer than %d frames of good parts\n", kGoodParts);
      exit(RES2CLIP_BAD_DATA);
    }
    good[i] = frame;
    good[i].data = pixels + (size_t)i * bytes;
  }
  done(res2clip_bank_of_images(pipeline, good, NULL, kGoodParts, &bank, error, sizeof error));
  done(res2clip_bank_calibrate(pipeline, bank, 0.05, error, sizeof error));
  return bank;
}

static res2clip_bank* open_or_make(const res2clip_pipeline* pipeline, const char* path, uint8_t* pixels,
                                   res2clip_image frame, size_t bytes) {
  res2clip_bank* bank = NULL;
  FILE* file = fopen(path, "rb");
  if (file) {
    fclose(file);
    done(res2clip_bank_open(pipeline, path, &bank, error, sizeof error));
    return bank;
  }
  bank = bank_of_frames(pipeline, pixels, frame, bytes);
  done(res2clip_bank_save(bank, path, error, sizeof error));
  return bank;
}

static void inspect(const res2clip_product* product, const res2clip_image* frame) {
  res2clip_finding* finding = NULL;
  int64_t box[4];
  done(res2clip_inspect(product, frame, &finding, error, sizeof error));
  res2clip_finding_box(finding, box);
  printf("%.4f %.4f %s %d,%d %dx%d\n", res2clip_finding_score(finding), res2clip_finding_threshold(finding),
         res2clip_finding_verdict(finding), (int)box[0], (int)box[1], (int)box[2], (int)box[3]);
  res2clip_finding_free(finding);
}

int main(int argc, char** argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: inspect ARCHIVE BANK WIDTH HEIGHT < frames\n");
    return RES2CLIP_WRONG_USE;
  }
  res2clip_image frame = {NULL, atoi(argv[3]), atoi(argv[4]), 0, RES2CLIP_RGB8};
  if (frame.width < 1 || frame.width > 65535 || frame.height < 1 || frame.height > 65535) {
    fprintf(stderr, "width and height are from 1 to 65535\n");
    return RES2CLIP_WRONG_USE;
  }
  const size_t bytes = (size_t)frame.width * (size_t)frame.height * 3;
  uint8_t* pixels = malloc(bytes * kGoodParts);
  if (!pixels) return RES2CLIP_FAILED;

  res2clip_pipeline* pipeline = NULL;
  res2clip_product* product = NULL;
  done(res2clip_pipeline_load(argv[1], NULL, NULL, &pipeline, error, sizeof error));
  res2clip_bank* bank = open_or_make(pipeline, argv[2], pixels, frame, bytes);
  done(res2clip_product_new(pipeline, bank, NULL, &product, error, sizeof error));
  res2clip_bank_free(bank);
  res2clip_pipeline_free(pipeline);

  frame.data = pixels;
  while (read_frame(pixels, bytes)) inspect(product, &frame);
  res2clip_product_free(product);
  free(pixels);
  return RES2CLIP_DONE;
}
