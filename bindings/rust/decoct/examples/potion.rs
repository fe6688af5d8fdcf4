// SPDX-License-Identifier: BSD-2-Clause
//! Attention on slices of your own, then the next word of a sentence.
//! ./potion HEADS KV_HEADS SEQ HEAD_DIM SEED
use decoct::{Attention, Context, Model, Options, Result};

fn fill(count: usize, seed: &mut u64) -> Vec<f32> {
    (0..count)
        .map(|_| {
            *seed = *seed * 48271 % 2147483647;
            (*seed % 65536) as f32 / 32768.0 - 1.0
        })
        .collect()
}

fn run(n: &[usize]) -> Result<()> {
    let (heads, kv_heads, seq, dim, mut seed) = (n[0], n[1], n[2], n[3], n[4] as u64);
    let q = fill(heads * seq * dim, &mut seed);
    let k = fill(kv_heads * seq * dim, &mut seed);
    let v = fill(kv_heads * seq * dim, &mut seed);
    let mut out = vec![0.0f32; q.len()];

    let ctx = Context::open(&Options::default())?;
    let shape = Attention { heads, kv_heads, q_len: seq, kv_len: seq, head_dim: dim, causal: true, ..Default::default() };
    ctx.attention(&shape, &q, &k, &v, &mut out)?;
    let bytes = out.iter().flat_map(|x| x.to_le_bytes());
    let hash = bytes.fold(0xcbf29ce484222325u64, |h, b| (h ^ b as u64).wrapping_mul(0x100000001b3));
    println!("{:016x}", hash);

    let text = "Sarah lies still on the bed, feeling";
    let best = Model::potion(&ctx)?.next(&ctx, text, 1)?;
    println!("{}{}", text, String::from_utf8_lossy(&best[0].text));
    Ok(())
}

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|a| a.parse().expect("a number")).collect();
    if let Err(error) = run(&numbers) {
        eprintln!("{}", error);
        std::process::exit(1);
    }
}
