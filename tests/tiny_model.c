// SPDX-License-Identifier: BSD-2-Clause
// Model folders of a few kilobytes, made at test time.
#include "tiny_model.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add_block(tiny_model *m, int layer) {
    static const struct {
        const char *name;
        int64_t rows, cols;
    } parts[] = {
        {"ln_1", 0, TINY_WIDTH},
        {"ln_2", 0, TINY_WIDTH},
        {"attn.c_attn", TINY_WIDTH, 3 * TINY_WIDTH},
        {"attn.c_proj", TINY_WIDTH, TINY_WIDTH},
        {"mlp.c_fc", TINY_WIDTH, 4 * TINY_WIDTH},
        {"mlp.c_proj", 4 * TINY_WIDTH, TINY_WIDTH},
    };
    char name[96];
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        snprintf(name, sizeof name, "h.%d.%s.weight", layer, parts[i].name);
        tiny_add(m, name, "F32", parts[i].rows, parts[i].cols);
        snprintf(name, sizeof name, "h.%d.%s.bias", layer, parts[i].name);
        tiny_add(m, name, "F32", 0, parts[i].cols);
    }
}

void tiny_begin(tiny_model *m, bool gpt1) {
    *m = (tiny_model){.folder = "/tmp/decoct-test-XXXXXX"};
    assert_non_null(mkdtemp(m->folder));
    tiny_add(m, gpt1 ? "tokens_embed.weight" : "wte.weight", "F32", TINY_VOCABULARY, TINY_WIDTH);
    tiny_add(m, gpt1 ? "positions_embed.weight" : "wpe.weight", "F32", TINY_CONTEXT, TINY_WIDTH);
    add_block(m, 0);
    add_block(m, 1);
    if (!gpt1) {
        tiny_add(m, "ln_f.weight", "F32", 0, TINY_WIDTH);
        tiny_add(m, "ln_f.bias", "F32", 0, TINY_WIDTH);
    }
}

void tiny_end(tiny_model *m) {
    DIR *list = opendir(m->folder);
    assert_non_null(list);
    for (const struct dirent *item = readdir(list); item; item = readdir(list)) {
        if (item->d_name[0] != '.') {
            tiny_unlink(m, item->d_name);
        }
    }
    closedir(list);
    rmdir(m->folder);
}

tiny_tensor *tiny_find(tiny_model *m, const char *name) {
    for (int i = 0; i < m->count; i++) {
        if (strcmp(m->tensors[i].name, name) == 0) {
            return &m->tensors[i];
        }
    }
    fail_msg("no tensor %s", name);
    return NULL;
}

tiny_tensor *tiny_add(tiny_model *m, const char *name, const char *type, int64_t rows,
                      int64_t cols) {
    assert_true(m->count < TINY_TENSORS);
    tiny_tensor *t = &m->tensors[m->count++];
    *t = (tiny_tensor){.rows = rows, .cols = cols, .seed = (uint32_t)m->count};
    snprintf(t->name, sizeof t->name, "%s", name);
    snprintf(t->type, sizeof t->type, "%s", type);
    return t;
}

void tiny_remove(tiny_model *m, const char *name) {
    *tiny_find(m, name) = m->tensors[m->count - 1];
    m->count--;
}

void tiny_prefix(tiny_model *m, const char *prefix) {
    for (int i = 0; i < m->count; i++) {
        char name[sizeof m->tensors[i].name];
        int length = snprintf(name, sizeof name, "%s%s", prefix, m->tensors[i].name);
        assert_true((size_t)length < sizeof name);
        strcpy(m->tensors[i].name, name);
    }
}

static FILE *create(const tiny_model *m, const char *file) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", m->folder, file);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    return f;
}

void tiny_write(const tiny_model *m, const char *file, const char *text) {
    FILE *f = create(m, file);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    fclose(f);
}

void tiny_unlink(const tiny_model *m, const char *file) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", m->folder, file);
    assert_int_equal(unlink(path), 0);
}

void tiny_config(const tiny_model *m, const char *more) {
    char text[1024];
    snprintf(text, sizeof text,
             "{\"model_type\": \"%s\", \"n_embd\": %d, \"n_positions\": %d, \"vocab_size\": %d%s}",
             strstr(m->tensors[0].name, "tokens_embed") ? "openai-gpt" : "gpt2", TINY_WIDTH,
             TINY_CONTEXT, TINY_VOCABULARY, more);
    tiny_write(m, "config.json", text);
}

static int64_t elements(const tiny_tensor *t) {
    return (t->rows ? t->rows : 1) * t->cols;
}

static int64_t element_size(const tiny_tensor *t) {
    return strcmp(t->type, "F64") == 0                                   ? 8
           : strcmp(t->type, "F32") == 0                                 ? 4
           : strcmp(t->type, "F16") == 0 || strcmp(t->type, "BF16") == 0 ? 2
                                                                         : 1;
}

// A multiple of 2^-6 below 1: the same number in every type.
static void put_value(FILE *f, const char *type, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (strcmp(type, "F32") == 0) {
        assert_int_equal(fwrite(&bits, 4, 1, f), 1);
        return;
    }
    uint32_t sign = bits >> 16 & 0x8000, rest = bits & 0x7FFFFFFF;
    uint16_t brain = (uint16_t)(bits >> 16);
    uint16_t half = (uint16_t)(rest ? sign | (rest - 0x38000000) >> 13 : sign);
    assert_int_equal(fwrite(type[0] == 'B' ? &brain : &half, 2, 1, f), 1);
}

static uint32_t first_state(const tiny_tensor *t) {
    return t->seed * 2654435761u;
}

static float next_value(uint32_t *x) {
    *x = *x * 1664525u + 1013904223u;
    return (float)((int32_t)(*x >> 26) - 32) * 0x1p-6f;
}

void tiny_values(const tiny_tensor *t, double *to) {
    uint32_t x = first_state(t);
    for (int64_t i = 0; i < elements(t); i++) {
        to[i] = (double)next_value(&x);
    }
}

static void write_values(FILE *f, const tiny_tensor *t) {
    uint32_t x = first_state(t);
    bool number = strcmp(t->type, "F32") == 0 || element_size(t) == 2;
    int64_t count = number ? elements(t) : elements(t) * element_size(t) / 4;
    for (int64_t i = 0; i < count; i++) {
        put_value(f, number ? t->type : "F32", next_value(&x));
    }
}

void tiny_weights(const tiny_model *m, const char *file, int first, int last) {
    static char header[1 << 15];
    char *to = header;
    int64_t at = 0;
    for (int i = first; i < last; i++) {
        const tiny_tensor *t = &m->tensors[i];
        int64_t bytes = elements(t) * element_size(t);
        char rows[32] = "";
        if (t->rows) {
            snprintf(rows, sizeof rows, "%lld, ", (long long)t->rows);
        }
        to += sprintf(
            to,
            "%s\"%s\": {\"dtype\": \"%s\", \"shape\": [%s%lld], \"data_offsets\": [%lld, %lld]}",
            i > first ? ", " : "{", t->name, t->type, rows, (long long)t->cols, (long long)at,
            (long long)(at + bytes));
        at += bytes;
    }
    strcpy(to, "}");
    uint64_t length = strlen(header);
    FILE *f = create(m, file);
    assert_int_equal(fwrite(&length, 8, 1, f), 1); // little-endian, as all machines of this library
    assert_int_equal(fwrite(header, 1, length, f), length);
    for (int i = first; i < last; i++) {
        write_values(f, &m->tensors[i]);
    }
    fclose(f);
}

// Bytes as tokens, as GPT-2 writes them, and five merges; or letters with and without </w>.
static void write_tokenizer(const tiny_model *m, bool gpt1) {
    static const char gpt1_text[] =
        "{\"<unk>\": 0, \"a\": 1, \"b\": 2, \"a</w>\": 3, \"b</w>\": 4, \"ab</w>\": 5}";
    char text[8192], *to = text;
    int spare = 256;
    for (int b = 0; b < 256; b++) {
        bool printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
        to += sprintf(to, "%s\"\\u%04x\": %d", b ? ", " : "{", printable ? b : spare++, b);
    }
    strcpy(to, ", \"th\": 256, \"the\": 257, \"an\": 258, \"and\": 259, \"in\": 260, "
               "\"<|endoftext|>\": 261}");
    tiny_write(m, "vocab.json", gpt1 ? gpt1_text : text);
    tiny_write(m, "merges.txt",
               gpt1 ? "#version: 0.2\na b</w>\n" : "#version: 0.2\nt h\nth e\na n\nan d\ni n\n");
}

void tiny_all(const tiny_model *m, bool gpt1) {
    tiny_config(m, ", \"n_layer\": 2, \"n_head\": 2");
    tiny_weights(m, "model.safetensors", 0, m->count);
    write_tokenizer(m, gpt1);
}

decoct_status tiny_logits(decoct_context *ctx, const tiny_model *m, float *logits) {
    static const int32_t ids[] = {3, 1, 4, 1, 5};
    decoct_model *model = NULL;
    decoct_session *session = NULL;
    decoct_status status = decoct_model_open(ctx, m->folder, &model);
    if (!status) {
        status = decoct_session_create(ctx, model, 0, &session);
    }
    if (!status) {
        status = decoct_session_eval(ctx, session, ids, 5, 0, logits);
    }
    if (status) {
        print_error("%s: %s\n", decoct_status_name(status), decoct_last_error(ctx));
    }
    decoct_session_destroy(session);
    decoct_model_close(model);
    return status;
}

void tiny_expect(decoct_context *ctx, const tiny_model *m, decoct_status wanted,
                 const char *words) {
    decoct_model *model = NULL;
    decoct_model_info info = {.struct_size = sizeof info};
    decoct_status status = decoct_model_open(ctx, m->folder, &model);
    const char *text = decoct_last_error(ctx);
    if (!status) {
        assert_int_equal(decoct_model_describe(ctx, model, &info), DECOCT_OK);
        text = info.notes;
        assert_true(*words || !*text); // no note unless one is expected
    }
    if (status != wanted || !strstr(text, words)) {
        print_error("status %d: %s; expected: %s\n", status, text, words);
    }
    assert_int_equal(status, wanted);
    assert_non_null(strstr(text, words));
    decoct_model_close(model);
}
