// SPDX-License-Identifier: BSD-2-Clause
//! What a call costs from Rust: three numbers, in nanoseconds.
use decoct::{Attention, Context, Options};
use std::time::Instant;

/// The time of one call in the fastest of 20 rounds.
fn nanoseconds(calls: u128, mut call: impl FnMut()) -> u128 {
    let round = |_| {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        start.elapsed().as_nanos() / calls
    };
    (0..20).map(round).min().unwrap()
}

fn main() {
    let ctx = Context::open(&Options { threads: 1, ..Options::default() }).unwrap();
    let (x, mut y, q) = (vec![1.0; 256], vec![0.0; 256], vec![0.5; 12 * 128 * 64]);
    let mut out = q.clone();
    let shape = Attention { heads: 12, q_len: 128, kv_len: 128, head_dim: 64, causal: true, ..Default::default() };
    let empty = nanoseconds(100000, || assert_eq!(ctx.threads(), 1));
    let product = nanoseconds(10000, || ctx.matmul(16, 16, 16, &x, &x, &mut y).unwrap());
    let attention = nanoseconds(10, || ctx.attention(&shape, &q, &q, &q, &mut out).unwrap());
    println!("rust: empty call {} ns, product 16x16x16 {} ns, attention S=128 H=12 D=64 {} ns", empty, product, attention);
}
