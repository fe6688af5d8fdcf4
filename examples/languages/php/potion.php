<?php
// SPDX-License-Identifier: BSD-2-Clause
// php potion.php HEADS KV_HEADS SEQ HEAD_DIM SEED, with PHP 7.4 or newer and its extension FFI (on a
// server only preloaded scripts may use it: ffi.enable). Arrays of FFI::new are passed without a copy.
declare(strict_types=1);

$lib = FFI::cdef('
typedef struct decoct_context decoct_context;
typedef struct decoct_model decoct_model;
typedef struct decoct_session decoct_session;
int32_t decoct_context_open(const void *options, decoct_context **out);
void decoct_context_close(decoct_context *ctx);
const char *decoct_last_error(const decoct_context *ctx);
int32_t decoct_attention_dense(decoct_context *ctx, int64_t batch, int64_t heads, int64_t kv_heads,
    int64_t q_len, int64_t kv_len, int64_t head_dim, int32_t causal, const float *q, const float *k,
    const float *v, float *out);
int32_t decoct_default_model(decoct_context *ctx, char *path, uint64_t size, uint64_t *length);
int32_t decoct_model_open(decoct_context *ctx, const char *folder, decoct_model **out);
void decoct_model_close(decoct_model *model);
int64_t decoct_model_vocabulary(const decoct_model *model);
int32_t decoct_encode(decoct_context *ctx, const decoct_model *model, const char *text, uint64_t length,
    int32_t *ids, int64_t room, int64_t *count);
int32_t decoct_decode(decoct_context *ctx, const decoct_model *model, const int32_t *ids, int64_t count,
    char *text, uint64_t room, uint64_t *length);
int32_t decoct_session_create(decoct_context *ctx, const decoct_model *model, int64_t tokens,
    decoct_session **out);
void decoct_session_destroy(decoct_session *session);
int32_t decoct_session_eval(decoct_context *ctx, decoct_session *session, const int32_t *ids,
    int64_t count, int32_t all, float *logits);
', 'libdecoct.so.0');

function need(int $status): void
{
    global $lib, $ctx;
    if ($status != 0) {
        fwrite(STDERR, $lib->decoct_last_error($ctx) . "\n");
        exit(1);
    }
}

function numbers(int $count, int &$state): FFI\CData
{
    $x = FFI::new("float[$count]");
    for ($i = 0; $i < $count; $i++) {
        $state = $state * 48271 % 2147483647;
        $x[$i] = $state % 65536 / 32768 - 1;
    }
    return $x;
}

// PHP has no unsigned integers, and products that overflow become float: 24 and 40 bits apart.
function fnv1a(string $bytes): string
{
    [$high, $low] = [0xcbf29c, 0xe484222325];
    foreach (unpack('C*', $bytes) as $byte) {
        $low ^= $byte;
        // times 2^40 + 0x1b3
        $product = $low * 0x1b3;
        $high = ($high * 0x1b3 + ($product >> 40) + $low) & 0xffffff;
        $low = $product & 0xffffffffff;
    }
    return sprintf('%06x%010x', $high, $low);
}

function attention(int $heads, int $kv_heads, int $seq, int $dim, int $seed): string
{
    global $lib, $ctx;
    $q = numbers($heads * $seq * $dim, $seed);
    $k = numbers($kv_heads * $seq * $dim, $seed);
    $v = numbers($kv_heads * $seq * $dim, $seed);
    $out = FFI::new(FFI::typeof($q));
    need($lib->decoct_attention_dense($ctx, 1, $heads, $kv_heads, $seq, $seq, $dim, 1, $q, $k, $v, $out));
    return fnv1a(FFI::string(FFI::cast('char *', FFI::addr($out)), FFI::sizeof($out)));
}

function next_word(string $text): string
{
    global $lib, $ctx;
    $size = strlen($text);
    [$folder, $word, $ids] = [FFI::new('char[4096]'), FFI::new('char[64]'), FFI::new("int32_t[$size]")];
    [$count, $length, $best] = [FFI::new('int64_t'), FFI::new('uint64_t'), FFI::new('int32_t')];
    [$model, $session] = [$lib->new('decoct_model *'), $lib->new('decoct_session *')];
    need($lib->decoct_default_model($ctx, $folder, 4096, FFI::addr($length)));
    need($lib->decoct_model_open($ctx, FFI::string($folder), FFI::addr($model)));
    need($lib->decoct_encode($ctx, $model, $text, $size, $ids, $size, FFI::addr($count)));
    need($lib->decoct_session_create($ctx, $model, 0, FFI::addr($session)));
    $vocabulary = $lib->decoct_model_vocabulary($model);
    $logits = FFI::new("float[$vocabulary]");
    need($lib->decoct_session_eval($ctx, $session, $ids, $count->cdata, 0, $logits));
    for ($id = 0; $id < $vocabulary; $id++) {
        $best->cdata = $logits[$id] > $logits[$best->cdata] ? $id : $best->cdata;
    }
    need($lib->decoct_decode($ctx, $model, FFI::addr($best), 1, $word, 64, FFI::addr($length)));
    $lib->decoct_session_destroy($session);
    $lib->decoct_model_close($model);
    return FFI::string($word, $length->cdata);
}

$ctx = $lib->new('decoct_context *');
need($lib->decoct_context_open(null, FFI::addr($ctx)));
$text = 'Sarah lies still on the bed, feeling';
echo attention(...array_map('intval', array_slice($argv, 1, 5))), "\n";
echo $text, next_word($text), "\n";
$lib->decoct_context_close($ctx);
