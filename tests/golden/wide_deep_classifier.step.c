enum { TILE = 64 };
static const float deep_constant[1] = {1.0f};
ADD_SUMS(float)
/* Once a step. */
static void whole_1(struct worker *w, const int64_t batch, const int64_t done, const int64_t step) {
  const int64_t count_tags = w->run->found[0];
  int32_t *const restrict tags = (int32_t *)(w->run->ragged[0]);
  int64_t *const bad = w->bad;
  float *const deep_tags_embedding = (float *)w->run->variables[2];
  float *const restrict deep_take = (float *)(w->run->ragged[0] + w->run->counts[0] * 64);
  float *const restrict deep_segment_sum = (float *)(w->run->memory_of_rows + w->run->capacity * 64);
  int32_t *const restrict tags_lengths = (int32_t *)(w->run->memory_of_rows);
  float *const restrict deep_cast = (float *)(w->run->ragged[0] + w->run->counts[0] * 128);
  float *const restrict deep_segment_sum_b = (float *)(w->run->memory_of_rows + w->run->capacity * 128);
  if (w->number == 0) {
    /* deep: take */
    for (int64_t i = 0; i < count_tags; i++) {
      const int32_t tags_1 = tags[i];
      const int64_t id_1 = row_of(tags_1, 5, bad, 0);
      INDEPENDENT
      for (int64_t j = 0; j < 3; j++) {
        const float tags_embedding_1 = (id_1 >= 0 ? deep_tags_embedding[id_1 * 3 + j] : 0);
        deep_take[i * 3 + j] = tags_embedding_1;
      }
    }
  }
  if (w->number == 0) {
    /* deep: segment_sum */
    int64_t total_1 = 0;
    int64_t total_2 = 0;
    for (int64_t i = 0; i < batch; i++) {
      for (int64_t j = 0; j < 3; j++) {
        deep_segment_sum[i * 3 + j] = 0;
      }
      const int32_t lengths_1 = tags_lengths[i];
      total_2 += lengths_1 > 0 ? lengths_1 : 0;
      for (int64_t j = 0; j < lengths_1 && total_1 < count_tags; j++, total_1++) {
        for (int64_t k = 0; k < 3; k++) {
          const float take_1 = deep_take[total_1 * 3 + k];
          deep_segment_sum[i * 3 + k] += take_1;
        }
      }
    }
    if (total_2 != count_tags) bad[0] = 1, bad[1] = total_2, bad[2] = count_tags;
  }
  if (w->number == 0) {
    /* deep: greater_equal, cast */
    INDEPENDENT
    for (int64_t i = 0; i < count_tags; i++) {
      const int32_t tags_1 = tags[i];
      const bool greater_equal_1 = tags_1 >= 0;
      const float cast_1 = (float)greater_equal_1;
      deep_cast[i] = cast_1;
    }
  }
  if (w->number == 0) {
    /* deep: segment_sum */
    int64_t total_1 = 0;
    int64_t total_2 = 0;
    for (int64_t i = 0; i < batch; i++) {
      deep_segment_sum_b[i] = 0;
      const int32_t lengths_1 = tags_lengths[i];
      total_2 += lengths_1 > 0 ? lengths_1 : 0;
      for (int64_t j = 0; j < lengths_1 && total_1 < count_tags; j++, total_1++) {
        const float cast_1 = deep_cast[total_1];
        deep_segment_sum_b[i] += cast_1;
      }
    }
    if (total_2 != count_tags) bad[0] = 1, bad[1] = total_2, bad[2] = count_tags;
  }
  (void)done, (void)step;
}
/* For each tile of rows. */
static void rows_2(struct worker *w, const int64_t batch, const int64_t done, const int64_t step,
        const int64_t first, const int64_t rows, const int again) {
  const int32_t *const restrict ids = (const int32_t *)w->run->feeds[1];
  const int64_t *const order = w->run->order + done + first;
  int64_t *const bad = w->bad;
  float *const linear_weights = (float *)w->run->variables[0];
  float *const restrict linear_sum_rows = (float *)(w->own);
  float *const restrict deep_segment_sum_b = (float *)(w->run->memory_of_rows + w->run->capacity * 128 + first * 4);
  float *const restrict deep_maximum = (float *)(w->own + 256);
  float *const restrict deep_segment_sum = (float *)(w->run->memory_of_rows + w->run->capacity * 64 + first * 12);
  float *const restrict deep_divide = (float *)(w->own + 512);
  float *const deep_hidden_0_kernel = (float *)w->run->variables[3];
  float *const restrict deep_hidden_0_matmul = (float *)(w->own + 4608);
  float *const deep_hidden_0_bias = (float *)w->run->variables[4];
  float *const restrict deep_hidden_0_relu = (float *)(w->own + 8704);
  float *const deep_logits_kernel = (float *)w->run->variables[5];
  float *const restrict deep_logits_matmul = (float *)(w->own + 4608);
  float *const linear_bias = (float *)w->run->variables[1];
  float *const deep_logits_bias = (float *)w->run->variables[6];
  const float *const restrict labels = (const float *)w->run->feeds[0];
  float *const restrict sigmoid_cross_entropy = (float *)(w->run->memory_of_rows + w->run->capacity * 192 + first * 4);
  const float *const restrict weights = (const float *)w->run->feeds[2];
  float *const restrict sum = (float *)(w->own + 14848);
  const float *const restrict batch_size = (const float *)w->run->feeds[3];
  float *const restrict linear_multiply = (float *)(w->own + 4864);
  float *const restrict linear_scatter_rows = (float *)(w->own + 14912);
  float *const restrict linear_sum = (float *)(w->own + 14976);
  float *const restrict deep_mask = (float *)(w->own + 10752);
  float *const restrict deep_scatter_rows = (float *)(w->own + 15040);
  float *const restrict deep_sum = (float *)(w->own + 15168);
  float *const restrict deep_matmul = (float *)(w->own + 15232);
  float *const restrict deep_divide_b = (float *)(w->run->memory_of_rows + w->run->capacity * 256 + first * 12);
  float *const restrict deep_matmul_b = (float *)(w->own + 15296);
  /* linear: sum_rows */
  INDEPENDENT
  for (int64_t i = 0; i < rows; i++) {
    const int64_t row_1 = order[i];
    const int32_t ids_1 = ids[row_1 * 2];
    const int64_t id_1 = row_of(ids_1, 10, bad, 2);
    const float weights_1 = (id_1 >= 0 ? linear_weights[id_1] : 0);
    linear_sum_rows[i] = weights_1;
  }
  /* deep: maximum */
  INDEPENDENT
  for (int64_t i = 0; i < rows; i++) {
    const float segment_sum_1 = deep_segment_sum_b[i];
    const float maximum_1 = segment_sum_1 > 1.0f || segment_sum_1 != segment_sum_1 ? segment_sum_1 : 1.0f;
    deep_maximum[i] = maximum_1;
  }
  /* deep: divide */
  for (int64_t i = 0; i < rows; i++) {
    const float maximum_1 = deep_maximum[i];
    INDEPENDENT
    for (int64_t j = 0; j < 3; j++) {
      const float segment_sum_1 = deep_segment_sum[i * 3 + j];
      const float divide_1 = segment_sum_1 / maximum_1;
      deep_divide[i * 16 + j] = divide_1;
    }
  }
  /* deep/hidden_0: matmul */
  multiply(rows, 8, 3, deep_divide, 16, 1, (deep_hidden_0_kernel + 3 * 8), 8, deep_hidden_0_matmul, 16, 0);
  /* deep/hidden_0: sum_rows, add, add, relu */
  for (int64_t i = 0; i < rows; i++) {
    const int64_t row_1 = order[i];
    const int32_t ids_1 = ids[row_1 * 2 + 1];
    const int64_t id_1 = row_of(ids_1, 3, bad, 2);
    INDEPENDENT
    for (int64_t j = 0; j < 8; j++) {
      const float matmul_1 = deep_hidden_0_matmul[i * 16 + j];
      const float kernel_1 = (id_1 >= 0 ? deep_hidden_0_kernel[id_1 * 8 + j] : 0);
      const float add_1 = matmul_1 + kernel_1;
      const float bias_1 = deep_hidden_0_bias[j];
      const float add_2 = add_1 + bias_1;
      const float relu_1 = add_2 <= 0 ? 0 : add_2;
      deep_hidden_0_relu[i * 8 + j] = relu_1;
    }
  }
  /* deep/logits: matmul */
  for (int64_t i = 0; i < rows; i++) {
    float total_1 = 0;
    #pragma omp simd reduction(+ : total_1)
    for (int64_t j = 0; j < 8; j++) {
      const float relu_1 = deep_hidden_0_relu[i * 8 + j];
      const float kernel_1 = deep_logits_kernel[j];
      total_1 += relu_1 * kernel_1;
    }
    deep_logits_matmul[i] = total_1;
  }
  /* linear: add; deep/logits: add; add, sigmoid_cross_entropy, multiply, sum; linear:
     reciprocal, multiply; sigmoid; linear: subtract, multiply, scatter_rows, sum */
  {
    const float bias_1 = linear_bias[0];
    const float bias_2 = deep_logits_bias[0];
    const float batch_size_1 = batch_size[0];
    const float reciprocal_1 = 1 / batch_size_1;
    float total_1 = 0;
    float total_2 = 0;
    for (int64_t i = 0; i < rows; i++) {
      const float sum_rows_1 = linear_sum_rows[i];
      const float add_1 = sum_rows_1 + bias_1;
      const float matmul_1 = deep_logits_matmul[i];
      const float add_2 = matmul_1 + bias_2;
      const float add_3 = add_1 + add_2;
      const int64_t row_1 = order[i];
      const float labels_1 = labels[row_1];
      const float sigmoid_cross_entropy_1 = (add_3 < 0 ? 0 : add_3) - add_3 * labels_1 + log1p_f32(exp_f32(-fabs_f32(add_3)));
      const float weights_1 = weights[row_1];
      const float multiply_1 = sigmoid_cross_entropy_1 * weights_1;
      const float multiply_2 = reciprocal_1 * weights_1;
      const float sigmoid_1 = 1 / (1 + exp_f32(-add_3));
      const float subtract_1 = sigmoid_1 - labels_1;
      const float multiply_3 = multiply_2 * subtract_1;
      const int32_t ids_1 = ids[row_1 * 2];
      const int64_t id_1 = row_of(ids_1, 10, bad, 3);
      sigmoid_cross_entropy[i] = sigmoid_cross_entropy_1;
      total_1 += multiply_1;
      linear_multiply[i] = multiply_3;
      if (id_1 >= 0) linear_scatter_rows[id_1] += multiply_3;
      total_2 += multiply_3;
    }
    sum[0] += total_1;
    linear_sum[0] += total_2;
  }
  /* deep: matmul, greater, mask, multiply, scatter_rows, sum, matmul */
  {
    const float constant_1 = deep_constant[0];
    for (int64_t i = 0; i < rows; i++) {
      const float multiply_1 = linear_multiply[i];
      const int64_t row_1 = order[i];
      const int32_t ids_1 = ids[row_1 * 2 + 1];
      const int64_t id_1 = row_of(ids_1, 3, bad, 3);
      for (int64_t j = 0; j < 8; j++) {
        const float kernel_1 = deep_logits_kernel[j];
        const float matmul_1 = multiply_1 * kernel_1;
        const float relu_1 = deep_hidden_0_relu[i * 8 + j];
        const bool greater_1 = relu_1 > 0.0f;
        const float mask_1 = matmul_1 * greater_1;
        const float multiply_2 = mask_1 * constant_1;
        deep_mask[i * 16 + j] = mask_1;
        if (id_1 >= 0) deep_scatter_rows[id_1 * 8 + j] += multiply_2;
        deep_sum[j] += mask_1;
        deep_matmul[j] += relu_1 * multiply_1;
      }
    }
  }
  /* deep: matmul, divide */
  for (int64_t i = 0; i < rows; i++) {
    const float maximum_1 = deep_maximum[i];
    for (int64_t j = 0; j < 3; j++) {
      float total_1 = 0;
      #pragma omp simd reduction(+ : total_1)
      for (int64_t k = 0; k < 8; k++) {
        const float mask_1 = deep_mask[i * 16 + k];
        const float kernel_1 = deep_hidden_0_kernel[(j + 3) * 8 + k];
        total_1 += mask_1 * kernel_1;
      }
      const float divide_1 = total_1 / maximum_1;
      deep_divide_b[i * 3 + j] = divide_1;
    }
  }
  /* deep: matmul */
  multiply(3, 8, rows, deep_divide, 1, 16, deep_mask, 16, deep_matmul_b, 16, again);
  (void)batch, (void)step;
}
/* Once a step. */
static void whole_3(struct worker *w, const int64_t batch, const int64_t done, const int64_t step) {
  float *const restrict sum = (float *)(w->run->workers->own + 14848);
  float *const restrict output_loss_0 = (float *)w->run->outputs[0] + step;
  float *const restrict linear_sum = (float *)(w->run->workers->own + 14976);
  float *const restrict linear_concat = (float *)(w->run->memory);
  float *const restrict deep_concat = (float *)(w->run->memory + 64);
  float *const restrict linear_scatter_rows = (float *)(w->run->workers->own + 14912);
  if (w->number == 0) {
    /* count, divide; copy linear/sum */
    const float sum_1 = sum[0];
    const float count_1 = (float)(batch);
    const float divide_1 = sum_1 / count_1;
    const float sum_2 = linear_sum[0];
    output_loss_0[0] = divide_1;
    linear_concat[10] = sum_2;
    deep_concat[79] = sum_2;
  }
  if (w->number == 0) {
    /* copy linear/scatter_rows */
    INDEPENDENT
    for (int64_t i = 0; i < 10; i++) {
      const float scatter_rows_1 = linear_scatter_rows[i];
      linear_concat[i] = scatter_rows_1;
    }
  }
  (void)done;
}
/* Once a step. */
static void whole_4(struct worker *w, const int64_t batch, const int64_t done, const int64_t step) {
  const int64_t count_tags = w->run->found[0];
  float *const linear_packed_accumulator = (float *)w->run->variables[7];
  float *const restrict linear_concat = (float *)(w->run->memory);
  float *const linear_packed_linear = (float *)w->run->variables[8];
  float *const linear_variables = (float *)w->run->variables[11];
  int32_t *const restrict tags_lengths = (int32_t *)(w->run->memory_of_rows);
  float *const restrict deep_divide_b = (float *)(w->run->memory_of_rows + w->run->capacity * 256);
  float *const restrict deep_repeat_rows = (float *)(w->run->ragged[0] + w->run->counts[0] * 192);
  int64_t *const bad = w->bad;
  float *const restrict deep_scatter_rows_b = (float *)(w->run->memory + 384);
  int32_t *const restrict tags = (int32_t *)(w->run->ragged[0]);
  float *const restrict deep_concat = (float *)(w->run->memory + 64);
  float *const restrict deep_scatter_rows = (float *)(w->run->workers->own + 15040);
  float *const restrict deep_matmul_b = (float *)(w->run->workers->own + 15296);
  float *const restrict deep_sum = (float *)(w->run->workers->own + 15168);
  float *const restrict deep_matmul = (float *)(w->run->workers->own + 15232);
  float *const deep_packed_accumulator = (float *)w->run->variables[9];
  float *const deep_variables = (float *)w->run->variables[12];
  int64_t *const global_step = (int64_t *)w->run->variables[10];
  if (w->number == 0) {
    /* linear: square, add, sqrt, sqrt, subtract, divide, multiply, subtract, add, multiply,
       divide */
    INDEPENDENT
    for (int64_t i = 0; i < 11; i++) {
      const float accumulator_1 = linear_packed_accumulator[i];
      const float concat_1 = linear_concat[i];
      const float square_1 = concat_1 * concat_1;
      const float add_1 = accumulator_1 + square_1;
      const float sqrt_1 = sqrt_f32(add_1);
      const float linear_1 = linear_packed_linear[i];
      const float sqrt_2 = sqrt_f32(accumulator_1);
      const float subtract_1 = sqrt_1 - sqrt_2;
      const float divide_1 = subtract_1 / 0.2f;
      const float concat_2 = linear_variables[i];
      const float multiply_1 = divide_1 * concat_2;
      const float subtract_2 = concat_1 - multiply_1;
      const float add_2 = linear_1 + subtract_2;
      const float multiply_2 = add_2 * (-0.2f);
      const float divide_2 = multiply_2 / sqrt_1;
      linear_packed_accumulator[i] = add_1;
      linear_packed_linear[i] = add_2;
      linear_variables[i] = divide_2;
    }
  }
  if (w->number == 0) {
    /* deep: repeat_rows */
    int64_t total_1 = 0;
    int64_t total_2 = 0;
    for (int64_t i = 0; i < batch; i++) {
      const int32_t lengths_1 = tags_lengths[i];
      total_2 += lengths_1 > 0 ? lengths_1 : 0;
      for (int64_t j = 0; j < lengths_1 && total_1 < count_tags; j++, total_1++) {
        for (int64_t k = 0; k < 3; k++) {
          const float divide_1 = deep_divide_b[i * 3 + k];
          deep_repeat_rows[total_1 * 3 + k] = divide_1;
        }
      }
    }
    if (total_2 != count_tags) bad[0] = 4, bad[1] = total_2, bad[2] = count_tags;
  }
  if (w->number == 0) {
    /* deep: scatter_rows */
    for (int64_t i = 0; i < 5; i++) {
      for (int64_t j = 0; j < 3; j++) {
        deep_scatter_rows_b[i * 3 + j] = 0.0f;
      }
    }
    for (int64_t i = 0; i < count_tags; i++) {
      const int32_t tags_1 = tags[i];
      const int64_t id_1 = row_of(tags_1, 5, bad, 3);
      INDEPENDENT
      for (int64_t j = 0; j < 3; j++) {
        const float repeat_rows_1 = deep_repeat_rows[i * 3 + j];
        if (id_1 >= 0) deep_scatter_rows_b[id_1 * 3 + j] += repeat_rows_1;
      }
    }
  }
  if (w->number == 0) {
    /* copy deep/scatter_rows */
    for (int64_t i = 0; i < 5; i++) {
      INDEPENDENT
      for (int64_t j = 0; j < 3; j++) {
        const float scatter_rows_1 = deep_scatter_rows_b[i * 3 + j];
        deep_concat[i * 3 + j] = scatter_rows_1;
      }
    }
  }
  if (w->number == 0) {
    /* copy deep/scatter_rows, deep/slice */
    for (int64_t i = 0; i < 3; i++) {
      INDEPENDENT
      for (int64_t j = 0; j < 8; j++) {
        const float scatter_rows_1 = deep_scatter_rows[i * 8 + j];
        const float matmul_1 = deep_matmul_b[i * 16 + j];
        deep_concat[i * 8 + j + 15] = scatter_rows_1;
        deep_concat[i * 8 + j + 39] = matmul_1;
      }
    }
  }
  if (w->number == 0) {
    /* copy deep/sum, deep/matmul */
    INDEPENDENT
    for (int64_t i = 0; i < 8; i++) {
      const float sum_1 = deep_sum[i];
      const float matmul_1 = deep_matmul[i];
      deep_concat[i + 63] = sum_1;
      deep_concat[i + 71] = matmul_1;
    }
  }
  if (w->number == 0) {
    /* deep: square, add, multiply, sqrt, divide, subtract */
    INDEPENDENT
    for (int64_t i = 0; i < 80; i++) {
      const float accumulator_1 = deep_packed_accumulator[i];
      const float concat_1 = deep_concat[i];
      const float square_1 = concat_1 * concat_1;
      const float add_1 = accumulator_1 + square_1;
      const float concat_2 = deep_variables[i];
      const float multiply_1 = concat_1 * 0.05f;
      const float sqrt_1 = sqrt_f32(add_1);
      const float divide_1 = multiply_1 / sqrt_1;
      const float subtract_1 = concat_2 - divide_1;
      deep_packed_accumulator[i] = add_1;
      deep_variables[i] = subtract_1;
    }
  }
  if (w->number == 0) {
    /* add */
    const int64_t global_step_1 = global_step[0];
    const int64_t add_1 = global_step_1 + 1;
    global_step[0] = add_1;
  }
  (void)done, (void)step;
}
/* Copy the values of this step's rows together. */
static void load(struct worker *w, const int64_t batch, const int64_t done) {
  const int64_t *const order = w->run->order + done;
  int32_t *const restrict tags = (int32_t *)(w->run->ragged[0]);
  int32_t *const restrict tags_lengths = (int32_t *)(w->run->memory_of_rows);
  {
    const int64_t *const offsets = w->run->feeds[4];
    int64_t found = 0;
    for (int64_t i = 0; i < batch; i++) {
      const int64_t size = offsets[order[i] + 1] - offsets[order[i]];
      tags_lengths[i] = (int32_t)size;
      memcpy(tags + found, (const int32_t *)w->run->feeds[5] + offsets[order[i]], (size_t)size * sizeof *tags);
      found += size;
    }
    w->run->found[0] = found;
  }
}
    if (from->number == 0) load(from, batch, done);
    meet(from, to);
    EACH whole_1(w, batch, done, step);
    meet(from, to);
    EACH {
      const int64_t low = share_of_rows(w, batch, w->number);
      const int64_t high = share_of_rows(w, batch, w->number + 1);
      /* sum, linear_scatter_rows, linear_sum, deep_scatter_rows, deep_sum, deep_matmul */
      memset(w->own + 14848, 0, 416);
      /* deep_matmul_b */
      if (low == high) memset(w->own + 15296, 0, 192);
      for (int64_t first = low; first < high; first += r->tile) {
        const int64_t rows = high - first < r->tile ? high - first : r->tile;
        const int64_t place = first + rows < high ? done + first + rows : done + batch + low;
        fetch(r, r->feeds[0], 4, place, rows);
        fetch(r, r->feeds[1], 8, place, rows);
        fetch(r, r->feeds[2], 4, place, rows);
        rows_2(w, batch, done, step, first, rows, first > low);
      }
    }
    meet(from, to);
    if (r->threads > 1) {
      EACH {
        add_sums_float(w, 14848, 160);
      }
      meet(from, to);
    }
    EACH whole_3(w, batch, done, step);
    meet(from, to);
    {
      int64_t refused = has_bad_ids(r);
      /* loss */
      if (r->guard == 0 && !finite_f32((const float *)r->outputs[0] + step, 1)) refused = 1;
      if (refused) {
        if (from->number == 0) refuse(r, step);
        return;
      }
    }
    EACH whole_4(w, batch, done, step);
