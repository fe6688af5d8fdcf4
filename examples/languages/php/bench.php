<?php
// SPDX-License-Identifier: BSD-2-Clause
// php bench.php CALLS PRODUCTS ATTENTIONS
declare(strict_types=1);

$lib = FFI::cdef('
uint32_t decoct_version(void);
int32_t decoct_context_open(const void *options, void **out);
int32_t decoct_matmul_dense(void *ctx, int64_t m, int64_t n, int64_t k, const float *x, const float *b,
    int32_t transposed, const float *bias, float *y);
int32_t decoct_attention_dense(void *ctx, int64_t batch, int64_t heads, int64_t kv_heads, int64_t q_len,
    int64_t kv_len, int64_t head_dim, int32_t causal, const float *q, const float *k, const float *v, float *out);
', 'libdecoct.so.0');
$size = 12 * 128 * 64;
[$x, $y, $ctx] = [FFI::new("float[$size]"), FFI::new("float[$size]"), FFI::new('void *')];
for ($i = 0; $i < $size; $i++) {
    $x[$i] = 0.5;
}
$failed = $lib->decoct_context_open(null, FFI::addr($ctx));
for ($i = (int)$argv[1]; $i > 0; $i--) {
    $failed |= (int)($lib->decoct_version() == 0);
}
for ($i = (int)$argv[2]; $i > 0; $i--) {
    $failed |= $lib->decoct_matmul_dense($ctx, 16, 16, 16, $x, $x, 0, null, $y);
}
for ($i = (int)$argv[3]; $i > 0; $i--) {
    $failed |= $lib->decoct_attention_dense($ctx, 1, 12, 12, 128, 128, 64, 1, $x, $x, $x, $y);
}
exit($failed);
