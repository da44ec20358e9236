/* The library for programs in C, and in languages that call C.
 *
 *   pipeline   backbone, settings and detector, loaded from an archive that `res2clip export` wrote
 *   bank       what is remembered of images of good parts
 *   product    a pipeline and a bank, and what images are judged by
 *   finding    what is found in one image
 *
 * Each is a handle. What makes one stores it in its last argument but two and returns RES2CLIP_DONE; it is
 * freed once with its own function, in any order: a product keeps what it was made of. Freeing NULL does
 * nothing.
 *
 * Every function that returns an int returns RES2CLIP_DONE or one of the other three. Then nothing is stored,
 * and `error`, unless it is NULL, holds one line for the user, what, where, what to do, in UTF-8, cut to
 * `error_bytes` with its zero. No C++ exception leaves a function.
 *
 * Any number of threads may use one pipeline, bank or product at once; a finding too, as it never changes.
 * res2clip_bank_calibrate alone changes what it is given: no other thread may use that bank meanwhile. After
 * fork() a child may use the library only if the parent had computed nothing before.
 */
#ifndef RES2CLIP_C_H
#define RES2CLIP_C_H

#include <stddef.h>
#include <stdint.h>

#include "res2clip/version.h"

#if defined(__GNUC__)
#define RES2CLIP_API __attribute__((visibility("default")))
#else
#define RES2CLIP_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct res2clip_pipeline res2clip_pipeline;
typedef struct res2clip_bank res2clip_bank;
typedef struct res2clip_product res2clip_product;
typedef struct res2clip_finding res2clip_finding;

/* What a function returns: the program's exit codes. */
enum {
  RES2CLIP_DONE = 0,
  RES2CLIP_FAILED = 1,    /* while running: out of memory, disk full, device lost */
  RES2CLIP_WRONG_USE = 2, /* arguments or settings */
  RES2CLIP_BAD_DATA = 3   /* an image, archive, bank or checkpoint */
};

/* How the pixels of an image lie: 8 bits a channel, channels together. */
enum { RES2CLIP_RGB8 = 0, RES2CLIP_BGR8 = 1, RES2CLIP_RGBA8 = 2, RES2CLIP_GREY8 = 3 };

/* An image in the caller's memory, looked at during the call alone. */
typedef struct res2clip_image {
  const uint8_t* data;   /* the top row's first pixel */
  int64_t width, height; /* in pixels */
  int64_t row_bytes; /* from one row to the next, negative where the bottom row lies first; 0: without gaps */
  int32_t format;    /* RES2CLIP_RGB8, ... */
} res2clip_image;

/* The version of the library that runs: "0.1.0". */
RES2CLIP_API const char* res2clip_version(void);

/* Loads an archive. `settings`: YAML or JSON as in a settings file, "compute: {device: cpu}"; NULL: defaults.
 * `checkpoint`: adapter weights; NULL: training-free. */
RES2CLIP_API int res2clip_pipeline_load(const char* archive, const char* settings, const char* checkpoint,
                                        res2clip_pipeline** pipeline, char* error, size_t error_bytes);
/* The side of the maps in pixels, but for banks with tiles. */
RES2CLIP_API int64_t res2clip_pipeline_image_size(const res2clip_pipeline* pipeline);
RES2CLIP_API void res2clip_pipeline_free(res2clip_pipeline* pipeline);

/* Remembers `count` images of good parts, at least one. `names`: one for each, kept with the bank; or NULL.
 */
RES2CLIP_API int res2clip_bank_of_images(const res2clip_pipeline* pipeline, const res2clip_image* images,
                                         const char* const* names, size_t count, res2clip_bank** bank,
                                         char* error, size_t error_bytes);
/* The same of image files. */
RES2CLIP_API int res2clip_bank_of_files(const res2clip_pipeline* pipeline, const char* const* paths,
                                        size_t count, res2clip_bank** bank, char* error, size_t error_bytes);
/* Opens what res2clip_bank_save or `res2clip bank` wrote, and compares it with the pipeline. */
RES2CLIP_API int res2clip_bank_open(const res2clip_pipeline* pipeline, const char* path, res2clip_bank** bank,
                                    char* error, size_t error_bytes);
/* Writes the file whole or not at all. */
RES2CLIP_API int res2clip_bank_save(const res2clip_bank* bank, const char* path, char* error,
                                    size_t error_bytes);
/* Compares the references with each other and takes a threshold from what they get: of good parts about
 * `false_alarm_rate` (0.05) are above it. RES2CLIP_WRONG_USE if the bank holds fewer than four. */
RES2CLIP_API int res2clip_bank_calibrate(const res2clip_pipeline* pipeline, res2clip_bank* bank,
                                         double false_alarm_rate, char* error, size_t error_bytes);
RES2CLIP_API int64_t res2clip_bank_images(const res2clip_bank* bank);
RES2CLIP_API void res2clip_bank_free(res2clip_bank* bank);

/* `threshold`: NULL: the bank's, if it is calibrated; without either there are no verdicts. RES2CLIP_BAD_DATA
 * if the bank was calibrated with other settings than the pipeline's and no threshold is given. */
RES2CLIP_API int res2clip_product_new(const res2clip_pipeline* pipeline, const res2clip_bank* bank,
                                      const double* threshold, res2clip_product** product, char* error,
                                      size_t error_bytes);
RES2CLIP_API void res2clip_product_free(res2clip_product* product);

/* Inspects one image. An image that gives no finite score is RES2CLIP_BAD_DATA, never a finding. */
RES2CLIP_API int res2clip_inspect(const res2clip_product* product, const res2clip_image* image,
                                  res2clip_finding** finding, char* error, size_t error_bytes);
RES2CLIP_API int res2clip_inspect_file(const res2clip_product* product, const char* path,
                                       res2clip_finding** finding, char* error, size_t error_bytes);

/* Higher is more anomalous: all branches together, and each. */
RES2CLIP_API double res2clip_finding_score(const res2clip_finding* finding);
RES2CLIP_API double res2clip_finding_text(const res2clip_finding* finding);
RES2CLIP_API double res2clip_finding_visual(const res2clip_finding* finding);
RES2CLIP_API double res2clip_finding_residual(const res2clip_finding* finding);
/* What it was judged by; NaN: nothing. */
RES2CLIP_API double res2clip_finding_threshold(const res2clip_finding* finding);
/* "good", "anomalous", "unknown" (unlike all references); "" without a threshold. */
RES2CLIP_API const char* res2clip_finding_verdict(const res2clip_finding* finding);
/* Why it is unknown; "" otherwise. */
RES2CLIP_API const char* res2clip_finding_reason(const res2clip_finding* finding);
/* The map, `side` rows of `side` values, valid until the finding is freed. `side` may be NULL. NULL, and a
 * side of 0, if the map is not square, as those of banks with tiles may be. */
RES2CLIP_API const float* res2clip_finding_map(const res2clip_finding* finding, int64_t* side);
/* The map of any bank, `rows` rows of `columns` values, both not NULL. */
RES2CLIP_API const float* res2clip_finding_any_map(const res2clip_finding* finding, int64_t* rows,
                                                   int64_t* columns);
/* The hottest region: x, y, width and height in pixels of the image. */
RES2CLIP_API void res2clip_finding_box(const res2clip_finding* finding, int64_t box[4]);
RES2CLIP_API void res2clip_finding_free(res2clip_finding* finding);

#ifdef __cplusplus
}
#endif

#endif
