// SPDX-License-Identifier: BSD-2-Clause
#include "openvino_ir.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static const struct {
    const char *type;
    int inputs;
} kinds[] = {
    [IR_INPUT] = {"Parameter", 0}, [IR_CONSTANT] = {"Const", 0},  [IR_MATMUL] = {"MatMul", 2},
    [IR_ADD] = {"Add", 2},         [IR_SOFTMAX] = {"SoftMax", 1}, [IR_RESULT] = {"Result", 1},
};

ir_shape ir_shape_of(int rank, int64_t d0, int64_t d1, int64_t d2, int64_t d3) {
    return (ir_shape){rank, {d0, d1, d2, d3}};
}

int64_t ir_floats(const ir_shape *shape) {
    int64_t count = 1;
    for (int i = 0; i < shape->rank; i++) {
        count *= shape->dims[i];
    }
    return count;
}

int ir_add(ir_graph *g, ir_kind kind, ir_shape shape, int first, int second) {
    assert(g->count < IR_NODES);
    g->nodes[g->count] = (ir_node){kind, shape, {first, second}};
    return g->count++;
}

// ---- Text ----

typedef struct writer {
    char *text;
    size_t used; // IR_TEXT: it did not fit
} writer;

static void say(writer *w, const char *format, ...) {
    va_list more;
    va_start(more, format);
    int length = vsnprintf(w->text + w->used, IR_TEXT - w->used, format, more);
    va_end(more);
    bool fits = length >= 0 && (size_t)length < IR_TEXT - w->used;
    w->used = fits ? w->used + (size_t)length : IR_TEXT;
}

static void say_port(writer *w, int id, const ir_shape *shape) {
    say(w, "<port id=\"%d\" precision=\"FP32\">", id);
    for (int i = 0; i < shape->rank; i++) {
        say(w, "<dim>%lld</dim>", (long long)shape->dims[i]);
    }
    say(w, "</port>");
}

static void say_data(writer *w, const ir_node *n) {
    if (n->kind == IR_INPUT || n->kind == IR_CONSTANT) {
        say(w, "<data element_type=\"f32\" shape=\"");
        for (int i = 0; i < n->shape.rank; i++) {
            say(w, "%s%lld", i ? "," : "", (long long)n->shape.dims[i]);
        }
        say(w, "\"");
        if (n->kind == IR_CONSTANT) {
            long long bytes = (long long)ir_floats(&n->shape) * (long long)sizeof(float);
            say(w, " offset=\"0\" size=\"%lld\"", bytes);
        }
        say(w, "/>");
    } else if (n->kind == IR_MATMUL) {
        say(w, "<data transpose_a=\"false\" transpose_b=\"false\"/>");
    } else if (n->kind == IR_ADD) {
        say(w, "<data auto_broadcast=\"numpy\"/>");
    } else if (n->kind == IR_SOFTMAX) {
        say(w, "<data axis=\"%d\"/>", n->shape.rank - 1);
    }
}

// The inputs of a node are its first ports, its output is the one after them.
static void say_layer(writer *w, const ir_graph *g, int id) {
    const ir_node *n = &g->nodes[id];
    int inputs = kinds[n->kind].inputs;
    say(w, "<layer id=\"%d\" name=\"n%d\" type=\"%s\" version=\"opset1\">", id, id,
        kinds[n->kind].type);
    say_data(w, n);
    if (inputs) {
        say(w, "<input>");
        for (int i = 0; i < inputs; i++) {
            say_port(w, i, &g->nodes[n->inputs[i]].shape);
        }
        say(w, "</input>");
    }
    if (n->kind != IR_RESULT) {
        say(w, "<output>");
        say_port(w, inputs, &n->shape);
        say(w, "</output>");
    }
    say(w, "</layer>");
}

static void say_edges(writer *w, const ir_graph *g) {
    for (int id = 0; id < g->count; id++) {
        const ir_node *n = &g->nodes[id];
        for (int i = 0; i < kinds[n->kind].inputs; i++) {
            int from = n->inputs[i], port = kinds[g->nodes[from].kind].inputs;
            say(w, "<edge from-layer=\"%d\" from-port=\"%d\" to-layer=\"%d\" to-port=\"%d\"/>",
                from, port, id, i);
        }
    }
}

bool ir_write(const ir_graph *g, char text[IR_TEXT]) {
    writer w = {text, 0};
    say(&w, "<net name=\"one\" version=\"11\"><layers>");
    for (int id = 0; id < g->count; id++) {
        say_layer(&w, g, id);
    }
    say(&w, "</layers><edges>");
    say_edges(&w, g);
    say(&w, "</edges></net>");
    return w.used < IR_TEXT;
}
