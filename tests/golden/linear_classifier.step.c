enum { TILE = 64 };
ADD_SUMS(float)
/* For each tile of rows. */
static void rows_1(struct worker *w, const int64_t batch, const int64_t done, const int64_t step,
        const int64_t first, const int64_t rows, const int again) {
  const int32_t *const restrict ids = (const int32_t *)w->run->feeds[0];
  const int64_t *const order = w->run->order + done + first;
  int64_t *const bad = w->bad;
  float *const linear_weights = (float *)w->run->variables[0];
  float *const linear_bias = (float *)w->run->variables[1];
  float *const restrict linear_add = (float *)(w->own);
  float *const restrict logsumexp = (float *)(w->run->memory_of_rows + first * 4);
  const int32_t *const restrict labels = (const int32_t *)w->run->feeds[1];
  const float *const restrict weights = (const float *)w->run->feeds[2];
  float *const restrict sum = (float *)(w->own + 1792);
  const float *const restrict batch_size = (const float *)w->run->feeds[3];
  float *const restrict linear_multiply = (float *)(w->own + 768);
  float *const restrict linear_multi_hot = (float *)(w->own + 1024);
  float *const restrict linear_scatter_rows = (float *)(w->own + 1856);
  float *const restrict linear_sum = (float *)(w->own + 1920);
  /* linear: sum_rows, add */
  for (int64_t i = 0; i < rows; i++) {
    const int64_t row_1 = order[i];
    const int32_t ids_1 = ids[row_1];
    const int64_t id_1 = row_of(ids_1, 3, bad, 0);
    INDEPENDENT
    for (int64_t j = 0; j < 3; j++) {
      const float weights_1 = (id_1 >= 0 ? linear_weights[id_1 * 3 + j] : 0);
      const float bias_1 = linear_bias[j];
      const float add_1 = weights_1 + bias_1;
      linear_add[i * 3 + j] = add_1;
    }
  }
  /* logsumexp */
  for (int64_t i = 0; i < rows; i++) {
    float total_1 = -INFINITY;
    for (int64_t j = 0; j < 3; j++) {
      const float add_1 = linear_add[i * 3 + j];
      total_1 = add_1 > total_1 || add_1 != add_1 ? add_1 : total_1;
    }
    const float value_1 = isfinite(total_1) ? total_1 : 0;
    float total_2 = 0;
    #pragma omp simd reduction(+ : total_2)
    for (int64_t j = 0; j < 3; j++) {
      const float add_2 = linear_add[i * 3 + j];
      total_2 += exp_f32(add_2 - value_1);
    }
    const float logsumexp_1 = log_f32(total_2) + value_1;
    logsumexp[i] = logsumexp_1;
  }
  /* gather, subtract, multiply, sum; linear: reciprocal, multiply, negative, multi_hot */
  {
    const float batch_size_1 = batch_size[0];
    const float reciprocal_1 = 1 / batch_size_1;
    float total_1 = 0;
    for (int64_t i = 0; i < rows; i++) {
      const float logsumexp_1 = logsumexp[i];
      const int64_t row_1 = order[i];
      const int32_t labels_1 = labels[row_1];
      const int64_t id_1 = row_of(labels_1, 3, bad, 1);
      const float add_1 = (id_1 >= 0 ? linear_add[i * 3 + id_1] : 0);
      const float subtract_1 = logsumexp_1 - add_1;
      const float weights_1 = weights[row_1];
      const float multiply_1 = subtract_1 * weights_1;
      const float multiply_2 = reciprocal_1 * weights_1;
      for (int64_t j = 0; j < 3; j++) {
        linear_multi_hot[i * 3 + j] = 0.0f;
      }
      const float negative_1 = -multiply_2;
      total_1 += multiply_1;
      linear_multiply[i] = multiply_2;
      if (id_1 >= 0) linear_multi_hot[i * 3 + id_1] += negative_1;
    }
    sum[0] += total_1;
  }
  /* linear: subtract, exp, multiply, add, scatter_rows, sum */
  for (int64_t i = 0; i < rows; i++) {
    const float multiply_1 = linear_multiply[i];
    const float logsumexp_1 = logsumexp[i];
    const int64_t row_1 = order[i];
    const int32_t ids_1 = ids[row_1];
    const int64_t id_1 = row_of(ids_1, 3, bad, 2);
    INDEPENDENT
    for (int64_t j = 0; j < 3; j++) {
      const float multi_hot_1 = linear_multi_hot[i * 3 + j];
      const float add_1 = linear_add[i * 3 + j];
      const float subtract_1 = add_1 - logsumexp_1;
      const float exp_1 = exp_f32(subtract_1);
      const float multiply_2 = multiply_1 * exp_1;
      const float add_2 = multi_hot_1 + multiply_2;
      if (id_1 >= 0) linear_scatter_rows[id_1 * 3 + j] += add_2;
      linear_sum[j] += add_2;
    }
  }
  (void)batch, (void)step, (void)again;
}
/* Once a step. */
static void whole_2(struct worker *w, const int64_t batch, const int64_t done, const int64_t step) {
  float *const restrict sum = (float *)(w->run->workers->own + 1792);
  float *const restrict output_loss_0 = (float *)w->run->outputs[0] + step;
  float *const restrict linear_scatter_rows = (float *)(w->run->workers->own + 1856);
  float *const restrict linear_concat = (float *)(w->run->memory);
  float *const restrict linear_sum = (float *)(w->run->workers->own + 1920);
  if (w->number == 0) {
    /* count, divide */
    const float sum_1 = sum[0];
    const float count_1 = (float)(batch);
    const float divide_1 = sum_1 / count_1;
    output_loss_0[0] = divide_1;
  }
  if (w->number == 0) {
    /* copy linear/scatter_rows */
    for (int64_t i = 0; i < 3; i++) {
      INDEPENDENT
      for (int64_t j = 0; j < 3; j++) {
        const float scatter_rows_1 = linear_scatter_rows[i * 3 + j];
        linear_concat[i * 3 + j] = scatter_rows_1;
      }
    }
  }
  if (w->number == 0) {
    /* copy linear/sum */
    INDEPENDENT
    for (int64_t i = 0; i < 3; i++) {
      const float sum_1 = linear_sum[i];
      linear_concat[i + 9] = sum_1;
    }
  }
  (void)done;
}
/* Once a step. */
static void whole_3(struct worker *w, const int64_t batch, const int64_t done, const int64_t step) {
  float *const linear_packed_accumulator = (float *)w->run->variables[2];
  float *const restrict linear_concat = (float *)(w->run->memory);
  float *const linear_packed_linear = (float *)w->run->variables[3];
  float *const linear_variables = (float *)w->run->variables[5];
  int64_t *const global_step = (int64_t *)w->run->variables[4];
  if (w->number == 0) {
    /* linear: square, add, sqrt, sqrt, subtract, divide, multiply, subtract, add, multiply,
       divide */
    INDEPENDENT
    for (int64_t i = 0; i < 12; i++) {
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
    /* add */
    const int64_t global_step_1 = global_step[0];
    const int64_t add_1 = global_step_1 + 1;
    global_step[0] = add_1;
  }
  (void)batch, (void)done, (void)step;
}
    EACH {
      const int64_t low = share_of_rows(w, batch, w->number);
      const int64_t high = share_of_rows(w, batch, w->number + 1);
      /* sum, linear_scatter_rows, linear_sum */
      memset(w->own + 1792, 0, 140);
      for (int64_t first = low; first < high; first += r->tile) {
        const int64_t rows = high - first < r->tile ? high - first : r->tile;
        const int64_t place = first + rows < high ? done + first + rows : done + batch + low;
        fetch(r, r->feeds[0], 4, place, rows);
        fetch(r, r->feeds[1], 4, place, rows);
        fetch(r, r->feeds[2], 4, place, rows);
        rows_1(w, batch, done, step, first, rows, first > low);
      }
    }
    meet(from, to);
    if (r->threads > 1) {
      EACH {
        add_sums_float(w, 1792, 35);
      }
      meet(from, to);
    }
    EACH whole_2(w, batch, done, step);
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
    EACH whole_3(w, batch, done, step);
