// SPDX-License-Identifier: BSD-2-Clause
use decoct::*;

const PROMPT: &str = "Sarah lies still on the bed, feeling";

fn open() -> Context {
    Context::open(&Options::default()).unwrap()
}

fn numbers(count: usize, mut seed: u32) -> Vec<f32> {
    (0..count)
        .map(|_| {
            seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
            (seed >> 8) as f32 / 8388608.0 - 1.0
        })
        .collect()
}

fn near(found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((*f as f64 - e).abs() <= 2e-6, "element {} is {} instead of {}", i, f, e);
    }
}

fn fails<T>(result: Result<T>, status: Status, text: &str) {
    let error = result.err().expect("an error");
    assert!(error.status == status && error.message.contains(text), "{:?}", error);
}

fn product(m: usize, n: usize, k: usize, x: &[f32], b: &[f32], bias: &[f32]) -> Vec<f64> {
    (0..m * n)
        .map(|i| {
            let sum: f64 = (0..k).map(|p| x[i / n * k + p] as f64 * b[p * n + i % n] as f64).sum();
            sum + bias[i % n] as f64
        })
        .collect()
}

#[test]
fn contexts() {
    let scalar = Options { backend: Some("scalar".into()), threads: 1, ..Options::default() };
    let ctx = Context::open(&scalar).unwrap();
    assert_eq!((ctx.backend().as_str(), ctx.threads(), ctx.kernel("tea")), ("scalar", 1, None));
    assert!(ctx.memory().0 > 0 && ctx.memory().1 >= ctx.memory().0);
    assert!(ctx.machine_json().unwrap().contains("\"backends\""));
    assert!(ctx.backends().unwrap().iter().any(|b| b.name == "scalar" && b.chosen));
    let teapot = Options { backend: Some("teapot".into()), ..Options::default() };
    fails(Context::open(&teapot), Status::Unsupported, "teapot");
    fails(Context::open(&Options { pin: Some("a\0b".into()), ..scalar.clone() }), Status::Argument, "zero byte");
    fails(Context::open(&Options { pin: Some("sideways".into()), ..scalar.clone() }), Status::Argument, "sideways");
    let small = Context::open(&Options { memory_limit: 1 << 20, ..scalar }).unwrap();
    fails(Model::potion(&small), Status::Memory, "limit"); // it has 4 MB
}

#[test]
fn products() {
    let ctx = open();
    let (x, b, bias, zero) = (numbers(35, 1), numbers(42, 2), numbers(6, 3), [0.0; 6]);
    let mut y = vec![0.0; 30];
    ctx.matmul(5, 6, 7, &x, &b, &mut y).unwrap();
    near(&y, &product(5, 6, 7, &x, &b, &zero));
    let turned: Vec<f32> = (0..42).map(|i| b[i % 7 * 6 + i / 7]).collect();
    let packed = Weights::pack(&ctx, 7, 6, &b, false).unwrap();
    let from_turned = Weights::pack(&ctx, 7, 6, &turned, true).unwrap();
    let how = Product { m: 5, n: 6, k: 7, bias: Some(&bias), ..Product::default() };
    for factor in [Factor::Plain(&b), Factor::Transposed(&turned), Factor::Packed(&packed), Factor::Packed(&from_turned)] {
        let mut y = vec![0.0; 30];
        ctx.product(&how, &x, factor, &mut y).unwrap();
        near(&y, &product(5, 6, 7, &x, &b, &bias));
    }
    let before = y.clone();
    let twice = Product { alpha: 2.0, beta: -1.0, bias: None, ..how };
    ctx.product(&twice, &x, Factor::Plain(&b), &mut y).unwrap();
    assert_eq!(y, before); // 2 y - y
    let mut both = vec![0.0; 12];
    let batch = Product { m: 1, batch: 2, b_shared: true, bias: None, ..how };
    ctx.product(&batch, &x[..14], Factor::Plain(&b), &mut both).unwrap();
    assert_eq!(both, before[..12]);
    let w = Weights::pack16(&ctx, 2, 2, &[0x3f80, 0x4000, 0x4040, 0x4080], true, false).unwrap();
    let small = Product { m: 1, n: 2, k: 2, ..Product::default() };
    ctx.product(&small, &[1.0, 10.0], Factor::Packed(&w), &mut y[..2]).unwrap();
    assert_eq!(y[..2], [31.0, 42.0]);
    fails(ctx.product(&how, &x, Factor::Packed(&w), &mut y), Status::Argument, "2 x 2");
    fails(ctx.matmul(5, 6, 7, &x, &b[..41], &mut y), Status::Argument, "b has 41");
    fails(ctx.matmul(1 << 40, 1 << 40, 0, &x, &b, &mut y), Status::Argument, "too large");
    fails(ctx.product(&Product { bias: Some(&bias[..5]), ..how }, &x, Factor::Plain(&b), &mut y), Status::Argument, "bias has 5");
    fails(ctx.product(&Product { alpha: f32::NAN, ..how }, &x, Factor::Plain(&b), &mut y), Status::Argument, "alpha");
    assert_eq!(y[2..], before[2..]);
}

fn attend(s: &Attention, q: &[f32], k: &[f32], v: &[f32]) -> (Vec<f64>, Vec<f64>) {
    let (n, m, d) = (s.q_len, s.kv_len, s.head_dim);
    let (mut out, mut weights) = (vec![0.0; s.heads * n * d], Vec::new());
    for row in 0..s.heads * n {
        let from = row / n * s.kv_heads / s.heads * m;
        let p: Vec<f64> = (0..m)
            .map(|j| {
                let dot: f64 = (0..d).map(|c| q[row * d + c] as f64 * k[(from + j) * d + c] as f64).sum();
                let mask = s.mask.map_or(0.0, |mask| mask[row % n * m + j] as f64);
                let hidden = s.causal && j > m - n + row % n;
                if hidden { 0.0 } else { (dot / (d as f64).sqrt() + mask).exp() }
            })
            .collect();
        let sum: f64 = p.iter().sum();
        for j in 0..m {
            weights.push(p[j] / sum);
            for c in 0..d {
                out[row * d + c] += p[j] / sum * v[(from + j) * d + c] as f64;
            }
        }
    }
    (out, weights)
}

#[test]
fn attention() {
    let ctx = open();
    let (q, k, v, mask) = (numbers(72, 5), numbers(60, 6), numbers(60, 7), numbers(15, 8));
    let (mut out, mut weights) = (vec![0.0; 72], vec![0.0; 60]);
    let s = Attention { heads: 4, kv_heads: 2, q_len: 3, kv_len: 5, head_dim: 6, causal: true, ..Attention::default() };
    ctx.attention_weights(&s, &q, &k, &v, &mut out, &mut weights).unwrap();
    near(&out, &attend(&s, &q, &k, &v).0);
    near(&weights, &attend(&s, &q, &k, &v).1);
    let masked = Attention { causal: false, mask: Some(&mask), ..s };
    ctx.attention(&masked, &q, &k, &v, &mut out).unwrap();
    near(&out, &attend(&masked, &q, &k, &v).0);
    let (full, mut same) = (mask.repeat(4), vec![0.0; 72]); // a mask for each head
    ctx.attention(&Attention { mask: Some(&full), ..masked }, &q, &k, &v, &mut same).unwrap();
    assert_eq!(same, out);
    ctx.attention(&Attention { kv_lens: Some(&[1]), ..s }, &q, &k, &v, &mut same).unwrap();
    assert_eq!(same[..6], v[..6]); // the only key
    fails(ctx.attention(&Attention { mask: Some(&full[..16]), ..s }, &q, &k, &v, &mut out), Status::Argument, "mask has 16");
    fails(ctx.attention(&Attention { sinks: Some(&[1.0]), ..s }, &q, &k, &v, &mut out), Status::Argument, "sinks has 1");
    fails(ctx.attention(&s, &q, &k[..59], &v, &mut out), Status::Argument, "k has 59");
    let uneven = Attention { kv_heads: 3, kv_len: 3, ..s };
    fails(ctx.attention(&uneven, &q, &k, &v, &mut out), Status::Argument, "kv_heads 3");
}

#[test]
fn rows() {
    let ctx = open();
    let (x, gain, bias) = ([0.5f32, -1.25, 2.0, 0.75], [1.0f32, 2.0, 3.0, 4.0], [4.0f32, 3.0, 2.0, 1.0]);
    let mut y = vec![0.0; 4];
    let each = |f: &dyn Fn(f64, usize) -> f64| -> Vec<f64> { (0..4).map(|i| f(x[i] as f64, i)).collect() };
    let sum: f64 = x.iter().map(|&v| (2.0 * v as f64).exp()).sum();
    ctx.softmax(1, 4, 2.0, &x, &mut y).unwrap();
    near(&y, &each(&|v, _| (2.0 * v).exp() / sum));
    ctx.log_softmax(1, 4, 2.0, &x, &mut y).unwrap();
    near(&y, &each(&|v, _| 2.0 * v - sum.ln()));
    let mean = x.iter().map(|&v| v as f64 / 4.0).sum::<f64>();
    let square = x.iter().map(|&v| v as f64 * v as f64 / 4.0).sum::<f64>();
    ctx.layer_norm(1, 4, 0.5, Some(&gain), Some(&bias), &x, &mut y).unwrap();
    let deviation = (square - mean * mean + 0.5).sqrt();
    near(&y, &each(&|v, i| (v - mean) / deviation * gain[i] as f64 + bias[i] as f64));
    ctx.rms_norm(1, 4, 0.5, Some(&gain), &x, &mut y).unwrap();
    near(&y, &each(&|v, i| v / (square + 0.5).sqrt() * gain[i] as f64));
    ctx.gelu(Gelu::Tanh, 1, 4, &x, &mut y).unwrap();
    let c = (2.0 / std::f64::consts::PI).sqrt();
    near(&y, &each(&|v, _| v / 2.0 * (1.0 + (c * (v + 0.044715 * v * v * v)).tanh())));
    ctx.silu(1, 4, &x, Some(&gain), &mut y).unwrap();
    near(&y, &each(&|v, i| v / (1.0 + (-v).exp()) * gain[i] as f64));
    let mut z = vec![0.0; 4];
    ctx.gelu(Gelu::Erf, 1, 4, &[0.0, 100.0, -100.0, 1.0], &mut z).unwrap();
    near(&z, &[0.0, 100.0, 0.0, 0.8413447460685429]);
    y = vec![10.0, 20.0, 30.0, 40.0];
    ctx.add(2, 2, &gain, &mut y).unwrap();
    assert_eq!(y, [11.0, 22.0, 33.0, 44.0]);
    ctx.bias(2, 2, &gain, &[0.5, 0.25], &mut y).unwrap();
    assert_eq!(y, [1.5, 2.25, 3.5, 4.25]);
    ctx.axpby(2, 2, 2.0, &gain, -1.0, &mut y).unwrap();
    assert_eq!(y, [0.5, 1.75, 2.5, 3.75]);
    ctx.embedding(&[2, 0], 2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &mut y).unwrap();
    assert_eq!(y, [5.0, 6.0, 1.0, 2.0]);
    fails(ctx.embedding(&[3], 2, 3, &[1.0; 6], &mut y), Status::Argument, "3");
    fails(ctx.softmax(2, 4, 1.0, &x, &mut y), Status::Argument, "x has 4");
    fails(ctx.rms_norm(1, 4, 0.5, Some(&gain[..3]), &x, &mut y), Status::Argument, "gain has 3");
    assert_eq!(y, [5.0, 6.0, 1.0, 2.0]);
}

#[test]
fn rotary() {
    let ctx = open();
    let by = ctx.rotary_angles(&Rotary { rows: 1, rotary_dim: 4, first_position: 3, ..Rotary::default() }).unwrap();
    near(by.cosine(), &[3f64.cos(), 0.03f64.cos()]);
    near(by.sine(), &[3f64.sin(), 0.03f64.sin()]);
    let (x, mut y) = ([1.0, 2.0, 3.0, 4.0], [0.0; 4]);
    ctx.rotary(&by, 4, 4, Pairs::Halves, &x, &mut y).unwrap();
    let turn = |a: f64, b: f64, t: f64| (a * t.cos() - b * t.sin(), b * t.cos() + a * t.sin());
    let ((a, c), (b, d)) = (turn(1.0, 3.0, 3.0), turn(2.0, 4.0, 0.03));
    near(&y, &[a, b, c, d]);
    ctx.rotary(&by, 4, 4, Pairs::Neighbours, &x, &mut y).unwrap();
    near(&y[..1], &[turn(1.0, 2.0, 3.0).0]);
    fails(ctx.rotary_angles(&Rotary { rows: 1, rotary_dim: 3, ..Rotary::default() }), Status::Argument, "rotary_dim");
    let short = Rotary { rows: 2, rotary_dim: 2, positions: Some(&[1]), ..Rotary::default() };
    fails(ctx.rotary_angles(&short), Status::Argument, "positions has 1");
}

#[test]
fn models() {
    let ctx = open();
    let model = Model::potion(&ctx).unwrap();
    let i = model.info();
    assert_eq!((i.vocabulary, i.context, i.r#type.as_str(), i.dtype.as_str(), i.pre_norm), (2000, 64, "gpt2", "bf16", true));
    let ids = model.encode(&ctx, PROMPT).unwrap();
    assert_eq!(model.decode(&ctx, &ids).unwrap(), PROMPT.as_bytes());
    assert!(model.encode(&ctx, "").unwrap().is_empty() && model.decode(&ctx, &[]).unwrap().is_empty());
    let best = model.next(&ctx, PROMPT, 3).unwrap();
    assert_eq!((best.len(), best[0].text.as_slice()), (3, " tired".as_bytes()));
    assert!(best[0].probability > best[1].probability);
    let greedy = Sampling { temperature: 0.0, ..Sampling::default() };
    let all = model.generate(&ctx, PROMPT, greedy).unwrap();
    let pieces: Vec<Vec<u8>> = model.stream(&ctx, PROMPT, greedy).unwrap().map(|p| p.unwrap()).collect();
    assert!(pieces.len() >= 2 && pieces.concat() == all.as_bytes() && all.starts_with(" tired"), "{}", all);
    assert_eq!(model.generate(&ctx, PROMPT, Sampling { count: 1, ..greedy }).unwrap(), " tired");
    fails(model.generate(&ctx, &" tired".repeat(70), greedy), Status::Full, "");
    fails(model.generate(&ctx, "", greedy), Status::Argument, "no tokens");
    fails(model.generate(&ctx, PROMPT, Sampling { temperature: -1.0, ..greedy }), Status::Argument, "temperature");
    fails(model.decode(&ctx, &[2000]), Status::Argument, "2000");
    fails(Model::open(&ctx, "/nowhere"), Status::Io, "/nowhere");
    assert!(model.is_end(1999) && !model.is_end(0));
}

#[test]
fn sessions() {
    let ctx = open();
    let model = Model::potion(&ctx).unwrap();
    let ids = model.encode(&ctx, PROMPT).unwrap();
    let mut once = model.session(&ctx, 0).unwrap();
    let whole = once.eval(&ids).unwrap();
    let mut step = model.session(&ctx, 0).unwrap();
    let last = ids.iter().map(|&id| step.eval(&[id]).unwrap()).last().unwrap();
    assert_eq!(last, whole);
    step.truncate(0).unwrap();
    step.profile(true).unwrap();
    step.keep_queries().unwrap();
    assert_eq!(step.eval_all(&ids).unwrap()[(ids.len() - 1) * 2000..], whole);
    assert!(step.steps().unwrap().iter().any(|s| s.name == "attention" && s.calls == 1));
    assert!(step.idle(0).unwrap() < step.steps().unwrap().iter().map(|s| s.seconds).sum());
    let weights = step.attention(0, 0).unwrap();
    assert_eq!((weights.len(), weights[0]), (ids.len() * ids.len(), 1.0));
    fails(once.attention(0, 0), Status::Argument, "queries");
    step.truncate(0).unwrap();
    step.cut(None, None, ids.len() - 1, 0).unwrap();
    assert_ne!(step.eval(&ids).unwrap(), whole);
    step.uncut().unwrap();
    step.truncate(0).unwrap();
    assert_eq!(step.eval(&ids).unwrap(), whole);
    assert_eq!((once.length(), step.length()), (ids.len(), ids.len()));
    fails(model.session(&ctx, 2).unwrap().eval(&ids), Status::Full, "");
    let mut plain = model.session(&ctx, 0).unwrap();
    plain.causal(false).unwrap();
    plain.positions(false).unwrap();
    assert_ne!(plain.eval(&ids).unwrap(), whole);
}

#[test]
fn traces() {
    let ctx = open();
    let model = Model::potion(&ctx).unwrap();
    let ids = model.encode(&ctx, PROMPT).unwrap();
    let whole = model.session(&ctx, 0).unwrap().eval(&ids).unwrap();
    let (seen, busy) = (std::sync::Mutex::new(Vec::new()), std::sync::Mutex::new(None));
    let mut session = model.session(&ctx, 0).unwrap();
    session
        .trace(|s| {
            if s.name == "residual" {
                *seen.lock().unwrap() = s.values[(s.rows - 1) * s.stride..][..s.cols].to_vec();
            }
            *busy.lock().unwrap() = ctx.softmax(1, 1, 1.0, &[1.0], &mut [0.0]).err();
        })
        .unwrap();
    assert_eq!(session.eval(&ids).unwrap(), whole);
    assert_eq!(model.logits(&ctx, 1, &seen.lock().unwrap()).unwrap(), whole);
    assert_eq!(busy.lock().unwrap().as_ref().unwrap().status, Status::Busy); // a call inside a call
    session.trace(|_| panic!("of the caller")).unwrap();
    session.truncate(0).unwrap();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| session.eval(&ids)));
    assert_eq!(*caught.unwrap_err().downcast_ref::<&str>().unwrap(), "of the caller");
    session.untrace().unwrap();
    session.truncate(0).unwrap();
    assert_eq!(session.eval(&ids).unwrap(), whole);
}

#[test]
fn threads() {
    fn send_and_sync<T: Send + Sync>() {}
    fn send<T: Send>() {}
    send_and_sync::<Context>();
    send_and_sync::<Model>();
    send_and_sync::<Weights>();
    send_and_sync::<Error>();
    send::<Session>();
    let (ctx, x) = (open(), numbers(1024, 11));
    let model = Model::potion(&ctx).unwrap();
    let mut expected = vec![0.0; 1024];
    ctx.matmul(32, 32, 32, &x, &x, &mut expected).unwrap();
    std::thread::scope(|scope| {
        for t in 2..8usize {
            let (ctx, model, x, expected) = (&ctx, &model, &x, &expected);
            scope.spawn(move || {
                let own = Context::open(&Options { threads: 1, ..Options::default() }).unwrap();
                let mut session = model.session(&own, 0).unwrap(); // one model, a context for each thread
                for _ in 0..20 {
                    let mut y = vec![0.0; 1024];
                    ctx.matmul(32, 32, 32, x, x, &mut y).unwrap();
                    assert_eq!(&y, expected);
                    let uneven = Attention { heads: 1, kv_heads: t, q_len: 1, kv_len: 1, head_dim: 1, ..Attention::default() };
                    fails(ctx.attention(&uneven, x, x, x, &mut y), Status::Argument, &format!("kv_heads {}", t));
                }
                assert_eq!(session.eval(&[1]).unwrap().len(), 2000);
            });
        }
    });
}

#[test]
fn lifetimes() {
    let (model, weights) = {
        let ctx = open(); // ends first
        (Model::potion(&ctx).unwrap(), Weights::pack(&ctx, 2, 2, &[1.0, 2.0, 3.0, 4.0], false).unwrap())
    };
    let ctx = open();
    assert_eq!(model.next(&ctx, PROMPT, 1).unwrap()[0].text, b" tired");
    let mut y = [0.0; 2];
    let how = Product { m: 1, n: 2, k: 2, ..Product::default() };
    std::thread::spawn(move || {
        let ctx = open();
        ctx.product(&how, &[1.0, 10.0], Factor::Packed(&weights), &mut y).unwrap();
        assert_eq!(y, [31.0, 42.0]);
    })
    .join()
    .unwrap();
}
