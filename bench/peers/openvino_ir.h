// SPDX-License-Identifier: BSD-2-Clause
// Small models of f32 as OpenVINO's intermediate representation, an XML text.
#ifndef BENCH_OPENVINO_IR_H
#define BENCH_OPENVINO_IR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A constant is the whole of the weights that are given beside the text.
typedef enum ir_kind {
    IR_INPUT,
    IR_CONSTANT,
    IR_MATMUL,
    IR_ADD,
    IR_SOFTMAX, // of the last axis
    IR_RESULT
} ir_kind;

enum { IR_NODES = 12, IR_RANK = 4, IR_TEXT = 16384 };

typedef struct ir_shape {
    int rank;
    int64_t dims[IR_RANK];
} ir_shape;

typedef struct ir_node {
    ir_kind kind;
    ir_shape shape;
    int inputs[2];
} ir_node;

typedef struct ir_graph {
    int count;
    ir_node nodes[IR_NODES];
} ir_graph;

// The shape of `rank` first ones of these.
ir_shape ir_shape_of(int rank, int64_t d0, int64_t d1, int64_t d2, int64_t d3);
int64_t ir_floats(const ir_shape *shape);
// Its number, for the nodes that use it. A node of one input ignores `second`; inputs and constants
// ignore both.
int ir_add(ir_graph *g, ir_kind kind, ir_shape shape, int first, int second);
// False: it is longer than IR_TEXT.
bool ir_write(const ir_graph *g, char text[IR_TEXT]);

#endif
