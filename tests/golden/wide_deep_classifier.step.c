enum { TILE = 64 };
static const float deep_constant[1] = {1.0f};
ADD_SUMS(float)
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
  float *const deep_hidden_0_kernel = (float *)w->run->variables[3];
  float *const restrict deep_hidden_0_concat = (float *)(w->run->memory);
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
    for (int64_t i = 0; i < batch; i++) {
      for (int64_t j = 0; j < 3; j++) {
        deep_segment_sum[i * 3 + j] = 0;
      }
      const int32_t lengths_1 = tags_lengths[i];
      for (int64_t j = 0; j < lengths_1; j++, total_1++) {
        for (int64_t k = 0; k < 3; k++) {
          const float take_1 = deep_take[total_1 * 3 + k];
          deep_segment_sum[i * 3 + k] += take_1;
        }
      }
    }
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
    for (int64_t i = 0; i < batch; i++) {
      deep_segment_sum_b[i] = 0;
      const int32_t lengths_1 = tags_lengths[i];
      for (int64_t j = 0; j < lengths_1; j++, total_1++) {
        const float cast_1 = deep_cast[total_1];
        deep_segment_sum_b[i] += cast_1;
      }
    }
  }
  if (w->number == 0) {
    /* copy deep/hidden_0/slice */
    INDEPENDENT
    for (int64_t i = 0; i < 8; i++) {
      const float kernel_1 = deep_hidden_0_kernel[i];
      deep_hidden_0_concat[i] = kernel_1;
    }
  }
  if (w->number == 0) {
    /* copy deep/hidden_0/slice */
    for (int64_t i = 0; i < 3; i++) {
      INDEPENDENT
      for (int64_t j = 0; j < 8; j++) {
        const float kernel_1 = deep_hidden_0_kernel[(i + 4) * 8 + j];
        deep_hidden_0_concat[i * 8 + j + 8] = kernel_1;
      }
    }
  }
  (void)done, (void)step;
}
static void rows_2(struct worker *w, const int64_t batch, const int64_t done, const int64_t step,
        const int64_t first, const int64_t rows, const int again) {
  float *const restrict deep_segment_sum_b = (float *)(w->run->memory_of_rows + w->run->capacity * 128 + first * 4);
  float *const restrict deep_maximum = (float *)(w->own);
  const float *const restrict numbers = (const float *)w->run->feeds[2];
  const int64_t *const order = w->run->order + done + first;
  float *const restrict deep_hidden_0_concat_b = (float *)(w->run->memory_of_rows + w->run->capacity * 192 + first * 64);
  float *const restrict deep_segment_sum = (float *)(w->run->memory_of_rows + w->run->capacity * 64 + first * 12);
  float *const restrict deep_hidden_0_concat = (float *)(w->run->memory);
  float *const restrict deep_hidden_0_matmul = (float *)(w->own + 256);
  const int32_t *const restrict ids = (const int32_t *)w->run->feeds[1];
  int64_t *const bad = w->bad;
  float *const deep_hidden_0_kernel = (float *)w->run->variables[3];
  float *const deep_hidden_0_bias = (float *)w->run->variables[4];
  float *const restrict deep_hidden_0_relu = (float *)(w->run->memory_of_rows + w->run->capacity * 256 + first * 32);
  float *const linear_weights = (float *)w->run->variables[0];
  float *const linear_bias = (float *)w->run->variables[1];
  float *const deep_logits_kernel = (float *)w->run->variables[5];
  float *const deep_logits_bias = (float *)w->run->variables[6];
  const float *const restrict labels = (const float *)w->run->feeds[0];
  float *const restrict sigmoid_cross_entropy = (float *)(w->run->memory_of_rows + w->run->capacity * 320 + first * 4);
  const float *const restrict weights = (const float *)w->run->feeds[3];
  float *const restrict sum = (float *)(w->own + 4352);
  const float *const restrict batch_size = (const float *)w->run->feeds[4];
  float *const restrict linear_multiply = (float *)(w->run->memory_of_rows + w->run->capacity * 384 + first * 4);
  float *const restrict linear_scatter_rows = (float *)(w->own + 4416);
  float *const restrict linear_sum = (float *)(w->own + 4480);
  float *const restrict deep_mask = (float *)(w->run->memory_of_rows + w->run->capacity * 448 + first * 64);
  float *const restrict deep_scatter_rows = (float *)(w->own + 4544);
  float *const restrict deep_sum = (float *)(w->own + 4672);
  float *const restrict deep_divide = (float *)(w->run->memory_of_rows + w->run->capacity * 512 + first * 12);
  /* deep: maximum; copy numbers */
  INDEPENDENT
  for (int64_t i = 0; i < rows; i++) {
    const float segment_sum_1 = deep_segment_sum_b[i];
    const float maximum_1 = segment_sum_1 > 1.0f || segment_sum_1 != segment_sum_1 ? segment_sum_1 : 1.0f;
    const int64_t row_1 = order[i];
    const float numbers_1 = numbers[row_1];
    deep_maximum[i] = maximum_1;
    deep_hidden_0_concat_b[i * 16] = numbers_1;
  }
  /* deep: divide */
  for (int64_t i = 0; i < rows; i++) {
    const float maximum_1 = deep_maximum[i];
    INDEPENDENT
    for (int64_t j = 0; j < 3; j++) {
      const float segment_sum_1 = deep_segment_sum[i * 3 + j];
      const float divide_1 = segment_sum_1 / maximum_1;
      deep_hidden_0_concat_b[i * 16 + j + 1] = divide_1;
    }
  }
  /* deep/hidden_0: matmul */
  multiply(rows, 8, 4, deep_hidden_0_concat_b, 16, 1, deep_hidden_0_concat, 8, deep_hidden_0_matmul, 16, 0);
  /* deep/hidden_0: sum_rows, add, add, relu */
  for (int64_t i = 0; i < rows; i++) {
    const int64_t row_1 = order[i];
    const int32_t ids_1 = ids[row_1 * 2 + 1];
    const int64_t id_1 = row_of(ids_1, 3, bad, 1);
    INDEPENDENT
    for (int64_t j = 0; j < 8; j++) {
      const float matmul_1 = deep_hidden_0_matmul[i * 16 + j];
      const float kernel_1 = (id_1 >= 0 ? deep_hidden_0_kernel[(id_1 + 1) * 8 + j] : 0);
      const float add_1 = matmul_1 + kernel_1;
      const float bias_1 = deep_hidden_0_bias[j];
      const float add_2 = add_1 + bias_1;
      const float relu_1 = add_2 <= 0 ? 0 : add_2;
      deep_hidden_0_relu[i * 8 + j] = relu_1;
    }
  }
  /* linear: sum_rows, add; deep/logits: matmul, add; add, sigmoid_cross_entropy, multiply, sum;
     linear: reciprocal, multiply; sigmoid; linear: subtract, multiply, scatter_rows, sum */
  {
    const float bias_1 = linear_bias[0];
    const float bias_2 = deep_logits_bias[0];
    const float batch_size_1 = batch_size[0];
    const float reciprocal_1 = 1 / batch_size_1;
    float total_2 = 0;
    float total_3 = 0;
    for (int64_t i = 0; i < rows; i++) {
      const int64_t row_1 = order[i];
      const int32_t ids_1 = ids[row_1 * 2];
      const int64_t id_1 = row_of(ids_1, 10, bad, 1);
      const float weights_1 = (id_1 >= 0 ? linear_weights[id_1] : 0);
      const float add_1 = weights_1 + bias_1;
      float total_1 = 0;
      #pragma omp simd reduction(+ : total_1)
      for (int64_t j = 0; j < 8; j++) {
        const float relu_1 = deep_hidden_0_relu[i * 8 + j];
        const float kernel_1 = deep_logits_kernel[j];
        total_1 += relu_1 * kernel_1;
      }
      const float add_2 = total_1 + bias_2;
      const float add_3 = add_1 + add_2;
      const float labels_1 = labels[row_1];
      const float sigmoid_cross_entropy_1 = (add_3 < 0 ? 0 : add_3) - add_3 * labels_1 + log1p_f32(exp_f32(-fabs_f32(add_3)));
      const float weights_2 = weights[row_1];
      const float multiply_1 = sigmoid_cross_entropy_1 * weights_2;
      const float multiply_2 = reciprocal_1 * weights_2;
      const float sigmoid_1 = 1 / (1 + exp_f32(-add_3));
      const float subtract_1 = sigmoid_1 - labels_1;
      const float multiply_3 = multiply_2 * subtract_1;
      sigmoid_cross_entropy[i] = sigmoid_cross_entropy_1;
      total_2 += multiply_1;
      linear_multiply[i] = multiply_3;
      if (id_1 >= 0) linear_scatter_rows[id_1] += multiply_3;
      total_3 += multiply_3;
    }
    sum[0] += total_2;
    linear_sum[0] += total_3;
  }
  /* deep: matmul, greater, mask, multiply, scatter_rows, sum */
  {
    const float constant_1 = deep_constant[0];
    for (int64_t i = 0; i < rows; i++) {
      const float multiply_1 = linear_multiply[i];
      const int64_t row_1 = order[i];
      const int32_t ids_1 = ids[row_1 * 2 + 1];
      const int64_t id_1 = row_of(ids_1, 3, bad, 2);
      INDEPENDENT
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
        const float kernel_1 = deep_hidden_0_kernel[(j + 4) * 8 + k];
        total_1 += mask_1 * kernel_1;
      }
      const float divide_1 = total_1 / maximum_1;
      deep_divide[i * 3 + j] = divide_1;
    }
  }
  (void)batch, (void)step, (void)again;
}
static void whole_3(struct worker *w, const int64_t batch, const int64_t done, const int64_t step) {
  float *const restrict sum = (float *)(w->run->workers->own + 4352);
  float *const restrict output_loss_0 = (float *)w->run->outputs[0] + step;
  float *const restrict linear_sum = (float *)(w->run->workers->own + 4480);
  float *const restrict linear_concat = (float *)(w->run->memory + 128);
  float *const restrict linear_scatter_rows = (float *)(w->run->workers->own + 4416);
  if (w->number == 0) {
    /* count, divide; copy linear/sum */
    const float sum_1 = sum[0];
    const float count_1 = (float)(batch);
    const float divide_1 = sum_1 / count_1;
    const float sum_2 = linear_sum[0];
    output_loss_0[0] = divide_1;
    linear_concat[10] = sum_2;
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
static void whole_4(struct worker *w, const int64_t batch, const int64_t done, const int64_t step) {
  const int64_t count_tags = w->run->found[0];
  float *const linear_packed_accumulator = (float *)w->run->variables[7];
  float *const restrict linear_concat = (float *)(w->run->memory + 128);
  float *const linear_packed_linear = (float *)w->run->variables[8];
  float *const linear_variables = (float *)w->run->variables[11];
  int32_t *const restrict tags_lengths = (int32_t *)(w->run->memory_of_rows);
  float *const restrict deep_divide = (float *)(w->run->memory_of_rows + w->run->capacity * 512);
  float *const restrict deep_repeat_rows = (float *)(w->run->ragged[0] + w->run->counts[0] * 192);
  float *const restrict deep_scatter_rows_b = (float *)(w->run->memory + 192);
  int32_t *const restrict tags = (int32_t *)(w->run->ragged[0]);
  int64_t *const bad = w->bad;
  if (w->number == 0) {
    /* linear: square, add, sqrt, sqrt, subtract, divide, multiply, subtract, add, multiply, divide
       */
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
    for (int64_t i = 0; i < batch; i++) {
      const int32_t lengths_1 = tags_lengths[i];
      for (int64_t j = 0; j < lengths_1; j++, total_1++) {
        for (int64_t k = 0; k < 3; k++) {
          const float divide_1 = deep_divide[i * 3 + k];
          deep_repeat_rows[total_1 * 3 + k] = divide_1;
        }
      }
    }
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
      const int64_t id_1 = row_of(tags_1, 5, bad, 2);
      INDEPENDENT
      for (int64_t j = 0; j < 3; j++) {
        const float repeat_rows_1 = deep_repeat_rows[i * 3 + j];
        if (id_1 >= 0) deep_scatter_rows_b[id_1 * 3 + j] += repeat_rows_1;
      }
    }
  }
  (void)done, (void)step;
}
static void rows_5(struct worker *w, const int64_t batch, const int64_t done, const int64_t step,
        const int64_t first, const int64_t rows, const int again) {
  float *const restrict deep_hidden_0_concat_b = (float *)(w->run->memory_of_rows + w->run->capacity * 192 + first * 64);
  float *const restrict deep_mask = (float *)(w->run->memory_of_rows + w->run->capacity * 448 + first * 64);
  float *const restrict deep_matmul = (float *)(w->own + 4800);
  float *const restrict deep_hidden_0_relu = (float *)(w->run->memory_of_rows + w->run->capacity * 256 + first * 32);
  float *const restrict linear_multiply = (float *)(w->run->memory_of_rows + w->run->capacity * 384 + first * 4);
  float *const restrict deep_matmul_b = (float *)(w->own + 4736);
  /* deep: matmul */
  multiply(4, 8, rows, deep_hidden_0_concat_b, 1, 16, deep_mask, 16, deep_matmul, 16, again);
  /* deep: matmul */
  for (int64_t i = 0; i < rows; i++) {
    const float multiply_1 = linear_multiply[i];
    for (int64_t j = 0; j < 8; j++) {
      const float relu_1 = deep_hidden_0_relu[i * 8 + j];
      deep_matmul_b[j] += relu_1 * multiply_1;
    }
  }
  (void)batch, (void)done, (void)step;
}
static void whole_6(struct worker *w, const int64_t batch, const int64_t done, const int64_t step) {
  const int64_t count_tags = w->run->found[0];
  float *const restrict deep_scatter_rows_b = (float *)(w->run->memory + 192);
  float *const restrict deep_concat = (float *)(w->run->memory + 256);
  float *const restrict deep_matmul = (float *)(w->run->workers->own + 4800);
  float *const restrict deep_sum = (float *)(w->run->workers->own + 4672);
  float *const restrict deep_matmul_b = (float *)(w->run->workers->own + 4736);
  float *const restrict deep_scatter_rows = (float *)(w->run->workers->own + 4544);
  float *const restrict linear_sum = (float *)(w->run->workers->own + 4480);
  int64_t *const global_step = (int64_t *)w->run->variables[10];
  float *const deep_packed_accumulator = (float *)w->run->variables[9];
  float *const deep_variables = (float *)w->run->variables[12];
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
    /* copy deep/slice, deep/sum, deep/matmul */
    INDEPENDENT
    for (int64_t i = 0; i < 8; i++) {
      const float matmul_1 = deep_matmul[i];
      const float sum_1 = deep_sum[i];
      const float matmul_2 = deep_matmul_b[i];
      deep_concat[i + 15] = matmul_1;
      deep_concat[i + 71] = sum_1;
      deep_concat[i + 79] = matmul_2;
    }
  }
  if (w->number == 0) {
    /* copy deep/scatter_rows, deep/slice */
    for (int64_t i = 0; i < 3; i++) {
      INDEPENDENT
      for (int64_t j = 0; j < 8; j++) {
        const float scatter_rows_1 = deep_scatter_rows[i * 8 + j];
        const float matmul_1 = deep_matmul[(i + 1) * 16 + j];
        deep_concat[i * 8 + j + 23] = scatter_rows_1;
        deep_concat[i * 8 + j + 47] = matmul_1;
      }
    }
  }
  if (w->number == 0) {
    /* add; copy linear/sum */
    const float sum_1 = linear_sum[0];
    const int64_t global_step_1 = global_step[0];
    const int64_t add_1 = global_step_1 + 1;
    deep_concat[87] = sum_1;
    global_step[0] = add_1;
  }
  if (w->number == 0) {
    /* deep: square, add, multiply, sqrt, divide, subtract */
    INDEPENDENT
    for (int64_t i = 0; i < 88; i++) {
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
  (void)batch, (void)done, (void)step;
}
static void load(struct worker *w, const int64_t batch, const int64_t done) {
  const int64_t *const order = w->run->order + done;
  int32_t *const restrict tags = (int32_t *)(w->run->ragged[0]);
  int32_t *const restrict tags_lengths = (int32_t *)(w->run->memory_of_rows);
  {
    const int64_t *const offsets = w->run->feeds[5];
    int64_t found = 0;
    for (int64_t i = 0; i < batch; i++) {
      const int64_t size = offsets[order[i] + 1] - offsets[order[i]];
      tags_lengths[i] = (int32_t)size;
      memcpy(tags + found, (const int32_t *)w->run->feeds[6] + offsets[order[i]], (size_t)size * sizeof *tags);
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
      memset(w->own + 4352, 0, 4);
      memset(w->own + 4416, 0, 40);
      memset(w->own + 4480, 0, 4);
      memset(w->own + 4544, 0, 96);
      memset(w->own + 4672, 0, 32);
      for (int64_t first = low; first < high; first += r->tile) {
        const int64_t rows = high - first < r->tile ? high - first : r->tile;
        rows_2(w, batch, done, step, first, rows, first > low);
      }
    }
    meet(from, to);
    if (r->threads > 1) {
      EACH {
        add_sums_float(w, 4352, 1);
        add_sums_float(w, 4416, 10);
        add_sums_float(w, 4480, 1);
        add_sums_float(w, 4544, 24);
        add_sums_float(w, 4672, 8);
      }
      meet(from, to);
    }
    EACH whole_3(w, batch, done, step);
    meet(from, to);
    {
      int64_t refused = has_bad_ids(r);
      if (r->guard == 0 && !finite_f32((const float *)r->outputs[0] + step * 1, 1 * 1)) refused = 1;  /* loss */
      if (refused) {
        if (from->number == 0) refuse(r, step);
        return;
      }
    }
    EACH whole_4(w, batch, done, step);
    meet(from, to);
    EACH {
      const int64_t low = share_of_rows(w, batch, w->number);
      const int64_t high = share_of_rows(w, batch, w->number + 1);
      memset(w->own + 4736, 0, 32);
      if (low == high) memset(w->own + 4800, 0, 256);
      for (int64_t first = low; first < high; first += r->tile) {
        const int64_t rows = high - first < r->tile ? high - first : r->tile;
        rows_5(w, batch, done, step, first, rows, first > low);
      }
    }
    meet(from, to);
    if (r->threads > 1) {
      EACH {
        add_sums_float(w, 4736, 8);
        add_sums_float(w, 4800, 64);
      }
      meet(from, to);
    }
    EACH whole_6(w, batch, done, step);
