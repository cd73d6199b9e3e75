enum { TILE = 64 };
static const float constant[1] = {0.0f};
ADD_SUMS(float)
/* For each tile of rows. */
static void rows_1(struct worker *w, const int64_t batch, const int64_t done, const int64_t step,
        const int64_t first, const int64_t rows, const int again) {
  const float *const restrict numbers = (const float *)w->run->feeds[0];
  const int64_t *const order = w->run->order + done + first;
  float *const deep_hidden_0_kernel = (float *)w->run->variables[0];
  float *const deep_hidden_0_bias = (float *)w->run->variables[1];
  float *const restrict deep_hidden_0_relu = (float *)(w->own);
  int64_t *const global_step = (int64_t *)w->run->variables[2];
  float *const restrict deep_hidden_0_dropout_mask = (float *)(w->own + 1024);
  float *const restrict deep_hidden_0_multiply = (float *)(w->own + 2048);
  float *const deep_logits_kernel = (float *)w->run->variables[3];
  float *const restrict deep_logits_matmul = (float *)(w->own + 3072);
  float *const deep_logits_bias = (float *)w->run->variables[4];
  const float *const restrict labels = (const float *)w->run->feeds[1];
  float *const restrict square = (float *)(w->run->memory_of_rows + first * 4);
  const float *const restrict weights = (const float *)w->run->feeds[2];
  float *const restrict sum = (float *)(w->own + 3584);
  const float *const restrict batch_size = (const float *)w->run->feeds[3];
  float *const restrict deep_multiply = (float *)(w->own + 3328);
  float *const restrict deep_sum = (float *)(w->own + 3648);
  float *const restrict deep_matmul = (float *)(w->own + 3712);
  float *const restrict deep_sum_b = (float *)(w->own + 3776);
  float *const restrict deep_matmul_b = (float *)(w->own + 3840);
  /* deep/hidden_0: matmul, add, relu, dropout_mask, multiply */
  {
    const int64_t global_step_1 = global_step[0];
    for (int64_t i = 0; i < rows; i++) {
      const int64_t row_1 = order[i];
      const float numbers_1 = numbers[row_1];
      INDEPENDENT
      for (int64_t j = 0; j < 4; j++) {
        const float kernel_1 = deep_hidden_0_kernel[j];
        const float matmul_1 = numbers_1 * kernel_1;
        const float bias_1 = deep_hidden_0_bias[j];
        const float add_1 = matmul_1 + bias_1;
        const float relu_1 = add_1 <= 0 ? 0 : add_1;
        const uint64_t value_1 = (first + i) * 4 + j;
        const uint64_t value_2 = squares(3908149169611521177u, ((uint64_t)global_step_1 << 32) + (value_1 >> 2));
        const uint64_t value_3 = (value_2 >> ((value_1 & 3) * 16)) & 65535u;
        const float dropout_mask_1 = value_3 >= 32768 ? 2.0f : 0;
        const float multiply_1 = relu_1 * dropout_mask_1;
        deep_hidden_0_relu[i * 4 + j] = relu_1;
        deep_hidden_0_dropout_mask[i * 4 + j] = dropout_mask_1;
        deep_hidden_0_multiply[i * 4 + j] = multiply_1;
      }
    }
  }
  /* deep/logits: matmul */
  for (int64_t i = 0; i < rows; i++) {
    float total_1 = 0;
    #pragma omp simd reduction(+ : total_1)
    for (int64_t j = 0; j < 4; j++) {
      const float multiply_1 = deep_hidden_0_multiply[i * 4 + j];
      const float kernel_1 = deep_logits_kernel[j];
      total_1 += multiply_1 * kernel_1;
    }
    deep_logits_matmul[i] = total_1;
  }
  /* deep/logits: add; add, subtract, square, multiply, sum; linear: reciprocal, multiply;
     deep: multiply, multiply, sum */
  {
    const float bias_1 = deep_logits_bias[0];
    const float constant_1 = constant[0];
    const float batch_size_1 = batch_size[0];
    const float reciprocal_1 = 1 / batch_size_1;
    float total_1 = 0;
    float total_2 = 0;
    #pragma omp simd reduction(+ : total_1, total_2)
    for (int64_t i = 0; i < rows; i++) {
      const float matmul_1 = deep_logits_matmul[i];
      const float add_1 = matmul_1 + bias_1;
      const float add_2 = add_1 + constant_1;
      const int64_t row_1 = order[i];
      const float labels_1 = labels[row_1];
      const float subtract_1 = add_2 - labels_1;
      const float square_1 = subtract_1 * subtract_1;
      const float weights_1 = weights[row_1];
      const float multiply_1 = square_1 * weights_1;
      const float multiply_2 = reciprocal_1 * weights_1;
      const float multiply_3 = multiply_2 * subtract_1;
      const float multiply_4 = multiply_3 * 2.0f;
      square[i] = square_1;
      total_1 += multiply_1;
      deep_multiply[i] = multiply_4;
      total_2 += multiply_4;
    }
    sum[0] += total_1;
    deep_sum[0] += total_2;
  }
  /* deep: matmul, multiply, greater, mask, matmul, sum, matmul */
  for (int64_t i = 0; i < rows; i++) {
    const float multiply_1 = deep_multiply[i];
    const int64_t row_1 = order[i];
    const float numbers_1 = numbers[row_1];
    for (int64_t j = 0; j < 4; j++) {
      const float kernel_1 = deep_logits_kernel[j];
      const float matmul_1 = multiply_1 * kernel_1;
      const float dropout_mask_1 = deep_hidden_0_dropout_mask[i * 4 + j];
      const float multiply_2 = matmul_1 * dropout_mask_1;
      const float relu_1 = deep_hidden_0_relu[i * 4 + j];
      const bool greater_1 = relu_1 > 0.0f;
      const float mask_1 = multiply_2 * greater_1;
      const float multiply_3 = deep_hidden_0_multiply[i * 4 + j];
      deep_matmul[j] += numbers_1 * mask_1;
      deep_sum_b[j] += mask_1;
      deep_matmul_b[j] += multiply_3 * multiply_1;
    }
  }
  (void)batch, (void)step, (void)again;
}
/* Once a step. */
static void whole_2(struct worker *w, const int64_t batch, const int64_t done, const int64_t step) {
  float *const restrict sum = (float *)(w->run->workers->own + 3584);
  float *const restrict output_loss_0 = (float *)w->run->outputs[0] + step;
  float *const restrict deep_sum = (float *)(w->run->workers->own + 3648);
  float *const restrict deep_concat = (float *)(w->run->memory);
  float *const restrict deep_matmul = (float *)(w->run->workers->own + 3712);
  float *const restrict deep_sum_b = (float *)(w->run->workers->own + 3776);
  float *const restrict deep_matmul_b = (float *)(w->run->workers->own + 3840);
  if (w->number == 0) {
    /* count, divide; copy deep/sum */
    const float sum_1 = sum[0];
    const float count_1 = (float)(batch);
    const float divide_1 = sum_1 / count_1;
    const float sum_2 = deep_sum[0];
    output_loss_0[0] = divide_1;
    deep_concat[12] = sum_2;
  }
  if (w->number == 0) {
    /* copy deep/matmul, deep/sum */
    INDEPENDENT
    for (int64_t i = 0; i < 4; i++) {
      const float matmul_1 = deep_matmul[i];
      const float sum_1 = deep_sum_b[i];
      const float matmul_2 = deep_matmul_b[i];
      deep_concat[i] = matmul_1;
      deep_concat[i + 4] = sum_1;
      deep_concat[i + 8] = matmul_2;
    }
  }
  (void)done;
}
/* Once a step. */
static void whole_3(struct worker *w, const int64_t batch, const int64_t done, const int64_t step) {
  float *const deep_packed_m = (float *)w->run->variables[5];
  float *const restrict deep_concat = (float *)(w->run->memory);
  float *const deep_packed_v = (float *)w->run->variables[6];
  float *const deep_variables = (float *)w->run->variables[7];
  int64_t *const global_step = (int64_t *)w->run->variables[2];
  if (w->number == 0) {
    /* deep: multiply, multiply, add, multiply, square, multiply, add, cast, add, multiply,
       expm1, negative, sqrt, multiply, expm1, negative, divide, multiply, multiply, sqrt, add,
       divide, subtract */
    const int64_t global_step_1 = global_step[0];
    const float cast_1 = (float)global_step_1;
    const float add_3 = cast_1 + 1.0f;
    const float multiply_5 = add_3 * (-0.0010005003f);
    const float expm1_1 = expm1_f32(multiply_5);
    const float negative_1 = -expm1_1;
    const float sqrt_1 = sqrt_f32(negative_1);
    const float multiply_6 = add_3 * (-0.105360515f);
    const float expm1_2 = expm1_f32(multiply_6);
    const float negative_2 = -expm1_2;
    const float divide_1 = sqrt_1 / negative_2;
    const float multiply_7 = divide_1 * 0.001f;
    INDEPENDENT
    for (int64_t i = 0; i < 13; i++) {
      const float m_1 = deep_packed_m[i];
      const float multiply_1 = m_1 * 0.9f;
      const float concat_1 = deep_concat[i];
      const float multiply_2 = concat_1 * 0.1f;
      const float add_1 = multiply_1 + multiply_2;
      const float v_1 = deep_packed_v[i];
      const float multiply_3 = v_1 * 0.999f;
      const float square_1 = concat_1 * concat_1;
      const float multiply_4 = square_1 * 0.001f;
      const float add_2 = multiply_3 + multiply_4;
      const float concat_2 = deep_variables[i];
      const float multiply_8 = add_1 * multiply_7;
      const float sqrt_2 = sqrt_f32(add_2);
      const float add_4 = sqrt_2 + 1e-08f;
      const float divide_2 = multiply_8 / add_4;
      const float subtract_1 = concat_2 - divide_2;
      deep_packed_m[i] = add_1;
      deep_packed_v[i] = add_2;
      deep_variables[i] = subtract_1;
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
      /* sum, deep_sum, deep_matmul, deep_sum_b, deep_matmul_b */
      memset(w->own + 3584, 0, 272);
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
        add_sums_float(w, 3584, 68);
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
