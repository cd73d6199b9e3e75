/* Large products go to the BLAS of this process; where there is none they are done here. */

typedef void gemm_function(
    const char *, const char *, const void *, const void *, const void *, const float *,
    const float *, const void *, const float *, const void *, const float *, float *, const void *);
static gemm_function *library_gemm;
static int library_bits;

/* Say where sgemm is, and how wide its integers are. */
void use_library(void *address, int bits) {
  library_gemm = (gemm_function *)address;
  library_bits = bits;
}

static void multiply_large(
    int64_t rows, int64_t columns, int64_t inner, const float *a, int64_t a_row, int64_t a_column,
    const float *b, int64_t b_row, float *c, int64_t c_row, int adds) {
  if (library_gemm == NULL || (a_row != 1 && a_column != 1)) {
    multiply(rows, columns, inner, a, a_row, a_column, b, b_row, c, c_row, adds);
    return;
  }
  /* Column by column, as Fortran reads them, the transposes are multiplied: c' = b' a'. */
  const char *const turned = a_column == 1 ? "N" : "T";
  const int64_t a_step = a_column == 1 ? a_row : a_column;
  const int64_t wide[] = {columns, rows, inner, b_row, a_step, c_row};
  const int32_t narrow[] = {(int32_t)columns, (int32_t)rows,   (int32_t)inner,
                            (int32_t)b_row,   (int32_t)a_step, (int32_t)c_row};
  const void *size[6];
  for (int i = 0; i < 6; i++) {
    size[i] = library_bits == 64 ? (const void *)&wide[i] : (const void *)&narrow[i];
  }
  const float one = 1.0f, kept = adds ? 1.0f : 0.0f;
  library_gemm(
      "N", turned, size[0], size[1], size[2], &one, b, size[3], a, size[4], &kept, c, size[5]);
}
